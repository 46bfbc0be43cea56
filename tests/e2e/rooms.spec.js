import { at, register, expect, people, signIn, test } from "./house.js";

const main = (page) => page.getByRole("main");

// open opens a room and returns its code.
async function open(page, title) {
  await page.goto(at("academy", "/rooms"));
  await page.getByLabel("Room name").fill(title);
  await page.getByRole("button", { name: "Open" }).click();
  await expect(page.getByRole("heading", { level: 1, name: title })).toBeVisible();
  await expect(main(page)).toContainText("No learners yet");
  return (await page.locator("[data-room-code]").innerText()).trim();
}

test("a teacher sees who joins, how far they are and what goes wrong; learners see no names", async ({ page, another }) => {
  await signIn(page, people.bob);
  const code = await open(page, "Monday, 10 o'clock");
  const room = page.url();

  const learner = await another();
  const who = await register(learner, "Learner of Monday");
  await learner.goto(at("academy", "/rooms"));
  await learner.getByLabel("Code").fill("zzz-zzz");
  await learner.getByRole("button", { name: "Join" }).click();
  await expect(main(learner)).toContainText("No room has this code");
  await learner.getByLabel("Code").fill(`${code.slice(0, 3).toLowerCase()}-${code.slice(3).toLowerCase()}`);
  await learner.getByRole("button", { name: "Join" }).click();
  await expect(main(learner)).toContainText("Bob Demo sees your name");
  await learner.getByRole("button", { name: "Join this room" }).click();
  await expect(main(learner)).toContainText("Only the teacher sees names");

  // Without a click of the teacher's.
  await expect(main(page).getByRole("row", { name: who.name })).toBeVisible();

  await learner.goto(at("academy", "/lessons/sticky-sessions"));
  const question = main(learner).locator("form[action*='/answers/']").filter({ has: learner.getByRole("radio") }).first();
  const options = question.getByRole("radio");
  const answers = await options.count();
  for (let i = 0; i < answers; i++) { // until one is wrong
    await options.nth(i).check();
    await question.getByRole("button").first().click();
    await expect(main(learner).getByText(/Right|Wrong/i).first()).toBeVisible();
    await page.goto(room);
    if (await main(page).getByText(/1 of 1 wrong/).count()) break;
    await learner.goto(at("academy", "/lessons/sticky-sessions"));
  }
  await expect(main(page)).toContainText("1 of 1 wrong");
  await expect(main(page).getByRole("link", { name: "Sticky sessions" })).toBeVisible();

  await page.getByRole("link", { name: "Hide names" }).click();
  await expect(main(page).getByRole("row", { name: "Learner 1" })).toBeVisible();
  await expect(main(page)).not.toContainText(who.name);

  await learner.goto(room);
  await expect(main(learner)).not.toContainText(who.name);
  await expect(main(learner)).toContainText("1 of 1 wrong");
});

test("a closed room lets nobody in, and a stranger sees nothing of it", async ({ page, another }) => {
  await signIn(page, people.carol);
  const code = await open(page, "Short");
  await page.getByRole("button", { name: "Close room" }).click();
  await page.getByRole("dialog").getByRole("button").filter({ hasNotText: "Cancel" }).click();
  await expect(main(page)).toContainText("closed to new learners");

  const stranger = await another();
  await signIn(stranger, people.alice);
  await stranger.goto(at("academy", `/join/${code}`));
  await expect(main(stranger)).toContainText("This room is closed");
  const answer = await stranger.goto(page.url());
  expect(answer.status()).toBe(404);
});

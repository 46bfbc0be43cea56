import { at, register, expect, fillSignIn, test } from "./house.js";

test.describe.configure({ mode: "parallel" });

const main = (page) => page.getByRole("main");
const question = (page, id) => page.locator(`#q-${id}`);

// answer chooses an option of a question by its words.
async function answer(page, id, words) {
  await question(page, id).getByLabel(words).check();
  await question(page, id)
    .getByRole("button", { name: /^Answer/ })
    .click();
}

// arrange puts the lines of an order, without the script, where the first words say.
async function arrange(page, id, order) {
  for (const [i, words] of order.entries()) {
    const line = question(page, id).getByRole("listitem").filter({ hasText: words }).first();
    await line.getByRole("combobox").selectOption(String(i + 1));
  }
}

const hops = [
  "GET /orders",
  "makes state",
  "authorization endpoint, with",
  "shows its sign-in page",
  "email and password",
  "302 to the Shop's",
  "GET /auth/callback",
  "directly: POST",
  "ID token and access token",
  "checks the ID token",
  "a fresh session cookie",
];

test("from the contents through a lesson to the next: wrong, right, done, undone", async ({ page }) => {
  await register(page, "Lena Learner");
  await page.goto(at("academy"));
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Scaling Authentication Systems");
  await page.getByRole("link", { name: "Begin" }).click();
  await expect(page).toHaveURL(at("academy", "/lessons/introduction"));
  await page.goto(at("academy", "/lessons/sticky-sessions"));

  const first = question(page, "what-is-lost");
  await expect(first).not.toContainText("still sends it");
  await answer(page, "what-is-lost", "The cookie");
  await expect(first.getByRole("status")).toHaveText("Wrong. Try again.");
  await expect(first.getByRole("status")).toBeFocused();
  await expect(first).toContainText("the browser still sends it");
  await expect(page).toHaveURL(at("academy", "/lessons/sticky-sessions")); // only the question was swapped
  await answer(page, "what-is-lost", "The session in its memory");
  await expect(first.getByRole("status")).toHaveText("Right.");
  await page.reload();
  await expect(first.getByRole("status")).toHaveText("Right.");

  await page.getByRole("button", { name: "Finish this lesson" }).click();
  await expect(page).toHaveURL(at("academy", "/lessons/shared-notebook"));
  await page.getByRole("link", { name: /^Previous/ }).click();
  await expect(main(page)).toContainText("You finished this lesson on");
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("button", { name: "Finish this lesson" })).toBeVisible();
  await page.goto(at("academy"));
  await page.getByRole("link", { name: "Continue where you left off" }).click();
  await expect(page).toHaveURL(at("academy", "/lessons/sticky-sessions"));
});

test("the coding challenge with the keyboard alone", async ({ page }) => {
  await register(page, "Kim Keyboard");
  await page.goto(at("academy", "/lessons/coding-challenge"));
  const list = question(page, "code-flow");
  await expect(list.getByRole("combobox").first()).toBeHidden();
  for (const [i, words] of hops.entries()) {
    const line = list.getByRole("listitem").filter({ hasText: words }).first();
    const up = line.getByRole("button", { name: /^Up/ });
    await up.focus();
    for (;;) {
      const at = await line.evaluate((e) => [...e.parentElement.children].indexOf(e));
      if (at === i) break;
      await page.keyboard.press("Enter");
      await expect(up).toBeFocused();
    }
  }
  await list.getByRole("button", { name: "Answer" }).click();
  await expect(list.getByRole("status")).toHaveText("Right on the first try.");
  await expect(list).toContainText("The secrets of the flow never meet in one place");
  await expect(list.getByRole("combobox").first()).toBeHidden(); // the swapped form is a list of buttons again
});

test("a guest's answer waits for the sign-in", async ({ page, another }) => {
  const who = await register(await another(), "Gus Guest");
  const text = `<b>My own words</b> ${Date.now()}`;
  await page.goto(at("academy", "/lessons/interview"));
  const form = main(page).locator("form").filter({ has: page.getByLabel("Your answer") }).first();
  await form.getByLabel("Your answer").fill(text);
  await form.getByRole("button", { name: "Save and compare" }).click();
  await fillSignIn(page, who, who.secret);
  await expect(page).toHaveURL(at("academy", "/lessons/interview"));
  await expect(form.getByLabel("Your answer")).toHaveValue(text);
  await expect(main(page)).toContainText("submitted yet");
  await form.getByRole("button", { name: "Save and compare" }).click();
  await expect(main(page).getByRole("status").first()).toHaveText("Your answer is saved. Compare it with the model answer.");
  await expect(main(page)).toContainText("Model answer");
});

test("all lessons done: the page to print", async ({ page }) => {
  test.setTimeout(120_000);
  const who = await register(page, "Pia Printer");
  await page.goto(at("academy", "/finish"));
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Not finished yet");
  await page.goto(at("academy", "/lessons/introduction"));
  while (!page.url().endsWith("/finish")) {
    const before = page.url();
    await page.getByRole("button", { name: "Finish this lesson" }).click();
    await expect(page).not.toHaveURL(before);
  }
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Scaling Authentication Systems");
  await expect(main(page)).toContainText(who.name);
  await expect(page.getByRole("button", { name: "Print" })).toBeVisible();
  await page.emulateMedia({ media: "print" });
  await expect(page.getByRole("banner")).toBeHidden();
  await expect(page.getByRole("button", { name: "Print" })).toBeHidden();
});

test("the presenter's keys", async ({ page }) => {
  await page.goto(at("academy", "/lessons/sticky-sessions/present"));
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Sticky sessions");
  await page.keyboard.press("ArrowRight");
  await expect(page).toHaveURL(/slide=2$/);
  await page.keyboard.press("Space");
  await expect(page).toHaveURL(/slide=3$/);
  await page.keyboard.press("PageDown");
  await expect(page).toHaveURL(/slide=4$/);
  await page.keyboard.press("ArrowLeft");
  await expect(page).toHaveURL(/slide=3$/);
  await page.keyboard.press("Escape");
  await expect(page).toHaveURL(at("academy", "/lessons/sticky-sessions"));
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("answer, put in order, write, finish and present", async ({ page, another }) => {
    const who = await register(await another(), "Nora Noscript");
    await page.goto(at("academy", "/lessons/sticky-sessions"));
    await answer(page, "what-is-lost", "The cookie");
    await fillSignIn(page, who, who.secret);
    await expect(page).toHaveURL(at("academy", "/lessons/sticky-sessions"));
    await expect(question(page, "what-is-lost").getByLabel("The cookie")).toBeChecked();
    await question(page, "what-is-lost").getByRole("button", { name: "Answer" }).click();
    await expect(page).toHaveURL(at("academy", "/lessons/sticky-sessions#q-what-is-lost"));
    await expect(question(page, "what-is-lost").getByRole("status")).toHaveText("Wrong. Try again.");

    await page.goto(at("academy", "/lessons/coding-challenge"));
    const order = question(page, "code-flow");
    await order.getByRole("combobox").first().selectOption("2");
    await order.getByRole("button", { name: "Answer" }).click();
    await expect(order.getByRole("alert")).toContainText("Two lines have the place 2");
    await arrange(page, "code-flow", hops);
    await order.getByRole("button", { name: "Answer" }).click();
    await expect(order.getByRole("status")).toHaveText("Right on the first try.");

    await page.getByRole("button", { name: "Finish this lesson" }).click();
    await expect(page).toHaveURL(at("academy", "/lessons/questions"));
    await page.goto(at("academy", "/lessons/the-bank/present"));
    await page.getByRole("link", { name: "Next slide" }).click();
    await expect(page).toHaveURL(/slide=2$/);
    await page.getByRole("link", { name: "Leave" }).click();
    await expect(page).toHaveURL(at("academy", "/lessons/the-bank"));
  });
});

import { ban, expectReceipt, liftBan, openPerson } from "./console.js";
import { at, expect, expectGuest, expectPerson, fillSignIn, people, register, signIn, test } from "./house.js";
import { card, listening, noteWhen, open, signedIn } from "./tabs.js";

// expectTold checks that every tab says these words, and said them within a second of the moment.
async function expectTold(tabs, words, moment) {
  for (const tab of tabs) {
    await expect(card(tab)).toContainText(words);
    await expect(tab).toHaveTitle(/^Signed out · /);
  }
  const after = await Promise.all(tabs.map(async (tab) => Math.round((await tab.evaluate(() => window.toldAt)) - moment)));
  test.info().annotations.push({ type: "milliseconds from the answer until each tab was told", description: after.join(", ") });
  expect(Math.max(...after), `after ${after.join(", ")} ms`).toBeLessThan(1000);
}

test("a ban shuts ten tabs of three apps within a second, and nobody else's", async ({ page, another }) => {
  test.setTimeout(150_000);
  const context = page.context();
  await noteWhen(context);
  const ann = await register(page, "Ann Annoying");
  const heard = Promise.all(["shop", "forum", "portal"].map((service) => listening(context, service)));
  const tabs = [
    page,
    ...(await open(context, ...Array(4).fill(at("shop", "/orders")), ...Array(3).fill(at("forum", "/mine")), at("forum", "/new"), at("portal", "/sessions"))),
  ];
  await page.goto(at("portal", "/profile"));
  const writing = tabs.at(-2);
  await writing.getByLabel("Title", { exact: true }).fill("Half a title");
  await writing.getByLabel("Text", { exact: true }).fill("Half a sentence, and the oth");

  const bob = await another();
  await signIn(bob, people.bob);
  const bobs = [bob, ...(await open(bob.context(), at("shop", "/orders"), at("forum", "/mine"), at("forum", "/new")))];
  await bobs.at(-1).getByLabel("Title", { exact: true }).fill("Of Bob");
  await heard;

  const admin = await another();
  await signIn(admin, people.admin);
  await openPerson(admin, ann);
  const done = await ban(admin, ann, "Annoys everybody");
  await expectTold(tabs, "Your account was banned by an administrator", done);
  await expectReceipt(admin, "Shop", "Forum");
  await expect(admin.getByRole("main")).toContainText("Annoys everybody");
  await expect(admin.getByRole("main")).toContainText(`by ${people.admin.email}`);

  await expect(writing.getByLabel("Title", { exact: true })).toHaveValue("Half a title");
  await expect(writing.getByLabel("Text", { exact: true })).toHaveValue("Half a sentence, and the oth");
  await expect(card(writing).getByRole("link", { name: "Sign in again" })).toHaveCount(0);

  await expect(bobs.at(-1).getByLabel("Title", { exact: true })).toHaveValue("Of Bob");
  for (const tab of bobs) {
    await expect(card(tab)).toHaveCount(0);
    expect(await signedIn(tab)).toBe(true);
  }
  for (const [service, path] of [["shop", "/orders"], ["forum", "/mine"], ["portal", "/profile"]]) {
    for (let i = 0; i < 2; i++) { // both replicas
      await bob.goto(at(service, path));
      await expectPerson(bob, people.bob);
      await page.goto(at(service, path));
      await expect(page, `${service} asks again`).toHaveURL(/\/\/portal\.[^/]+\/sign-in/);
    }
  }

  await page.goto(at("shop", "/orders"));
  await fillSignIn(page, ann, ann.secret);
  await expect(page.getByRole("main")).toContainText("This account has been disabled");
  await openPerson(admin, ann);
  await liftBan(admin, ann);
  await fillSignIn(page, ann, ann.secret);
  await expect(page).toHaveURL(at("shop", "/orders"));
  await expectPerson(page, ann);
  expect(await signedIn(tabs[1]), "its tabs go on").toBe(true);
});

test("sign out everywhere on a telephone shuts the tabs of the desk", async ({ page, another }) => {
  test.setTimeout(90_000);
  await noteWhen(page.context());
  const who = await register(page, "Tess Telephone");
  const heard = Promise.all(["shop", "forum", "portal"].map((service) => listening(page.context(), service)));
  const tabs = await open(page.context(), at("shop", "/orders"), at("shop", "/orders"), at("forum", "/mine"), at("portal", "/profile"));
  await page.goto(at("portal", "/profile"));
  await heard;

  const phone = await another({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await phone.goto(at("portal", "/sessions"));
  await fillSignIn(phone, who, who.secret);
  await expect(phone).toHaveURL(at("portal", "/sessions"));
  const [elsewhere] = await open(phone.context(), at("shop", "/orders"));
  let sent = 0;
  phone.on("request", (request) => {
    if (request.method() === "POST") sent = Date.now();
  });
  await phone.bringToFront();
  await phone.getByRole("main").getByRole("button", { name: "Sign out everywhere" }).tap();
  await phone.getByRole("dialog").getByRole("button").filter({ hasNotText: "Cancel" }).tap();
  await expectGuest(phone);
  await expectTold([page, ...tabs], "You signed out everywhere", sent);
  await expect(card(elsewhere)).toContainText("You signed out everywhere");
});

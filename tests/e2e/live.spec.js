import { at, expect, expectGuest, expectPerson, fillSignIn, people, register, signIn, signOut, test } from "./house.js";
import { look } from "./look.js";

const card = (page) => page.locator("#signed-out .signed-out-card");

// told notes in every page of a browser when it was told, by the clock that this test reads, too.
async function told(context) {
  await context.addInitScript(() => {
    new MutationObserver(() => {
      if (!window.toldAt && document.querySelector("#signed-out > *")) window.toldAt = Date.now();
    }).observe(document, { childList: true, subtree: true });
  });
}

// open opens tabs, of which all but the last are in the background then.
async function open(context, ...addresses) {
  const tabs = [];
  for (const address of addresses) {
    const tab = await context.newPage();
    await tab.goto(address);
    tabs.push(tab);
  }
  return tabs;
}

// listening waits until the browser's stream of an app is open, on whichever tab has it.
function listening(context, service) {
  return context.waitForEvent("response", (answer) => answer.url() === at(service, "/auth/live") && answer.status() === 200);
}

const stillIn = (page) => page.evaluate(async () => (await (await fetch("/auth/state")).json()).signed_in);

test("ten tabs of one browser say within a second that somebody signed out, and another person's do not", async ({ page, another }) => {
  test.setTimeout(90_000);
  const context = page.context();
  await told(context);
  await signIn(page, people.alice);
  const heard = Promise.all(["shop", "forum", "portal"].map((service) => listening(context, service)));
  const shops = await open(context, ...Array(7).fill(at("shop", "/orders")));
  const forums = await open(context, at("forum", "/mine"), at("forum", "/new"));
  await page.goto(at("portal", "/profile"));
  const bob = await another();
  await signIn(bob, people.bob);
  await bob.goto(at("shop", "/orders"));
  await heard;

  const text = forums[1].getByLabel("Text", { exact: true });
  await text.fill("Half a sentence, and the oth");
  const [leaving, ...others] = shops;
  let sent = 0;
  leaving.on("request", (request) => {
    if (request.method() === "POST" && request.url() === at("shop", "/auth/sign-out")) sent = Date.now();
  });
  await signOut(leaving, people.alice);

  const words = [
    ...others.map((tab) => [tab, "You signed out in another tab"]),
    ...[...forums, page].map((tab) => [tab, "You signed out in Shop"]),
  ];
  for (const [tab, says] of words) {
    await expect(card(tab)).toContainText(says);
    await expect(tab).toHaveTitle(/^Signed out · /);
  }
  const after = await Promise.all(words.map(async ([tab]) => (await tab.evaluate(() => window.toldAt)) - sent));
  test.info().annotations.push({ type: "milliseconds until each tab was told", description: after.join(", ") });
  expect(Math.max(...after), `after ${after.join(", ")} ms`).toBeLessThan(1000);
  await expectGuest(leaving);

  await expect(text).toHaveValue("Half a sentence, and the oth");
  expect(await forums[1].evaluate(() => document.activeElement.name), "the focus stays in the field").toBe("body");
  await expect(card(bob)).toHaveCount(0);
  expect(await stillIn(bob)).toBe(true);
});

test("signing in again in one tab keeps what was typed there and tells the others", async ({ page }) => {
  await signIn(page, people.alice);
  const [first, second] = await open(page.context(), at("forum", "/new"), at("forum", "/mine"));
  await first.getByLabel("Title", { exact: true }).fill("A title before");
  await first.getByLabel("Text", { exact: true }).fill("A text from before, “with” more\nthan a line.");
  await page.goto(at("portal", "/profile"));
  await signOut(page, people.alice);
  for (const tab of [first, second]) await expect(card(tab)).toContainText("You signed out in Portal");

  await card(first).getByRole("link", { name: "Sign in again" }).click();
  await fillSignIn(first, people.alice);
  await expect(first).toHaveURL(at("forum", "/new"));
  await expect(first.getByLabel("Title", { exact: true })).toHaveValue("A title before");
  await expect(first.getByLabel("Text", { exact: true })).toHaveValue("A text from before, “with” more\nthan a line.");
  await expect(card(first)).toHaveCount(0);
  await expect(card(second)).toHaveCount(0);
  await expect(second).toHaveTitle(/^(?!Signed out)/);
  await first.getByRole("button", { name: "Discard it" }).click();
  await first.reload();
  await expect(first.getByLabel("Title", { exact: true }), "the portal gives it back once").toHaveValue("");
});

test("somebody else who signs in in the same browser is not taken for the one before", async ({ page }) => {
  await signIn(page, people.alice);
  const [first, second] = await open(page.context(), at("forum", "/new"), at("forum", "/new"));
  for (const tab of [first, second]) await tab.getByLabel("Title", { exact: true }).fill("Of Alice");
  await page.goto(at("shop", "/orders"));
  await signOut(page, people.alice);
  await card(first).getByRole("link", { name: "Sign in again" }).click();
  await fillSignIn(first, people.bob);
  await expectPerson(first, people.bob);
  await expect(first.getByLabel("Title", { exact: true }), "what another person typed").toHaveValue("");
  await expect(card(second)).toContainText("Someone else has signed in in this browser");
  await card(second).getByRole("button", { name: "Reload" }).click();
  await expectPerson(second, people.bob);
  await expect(card(second)).toHaveCount(0);
});

test("what another device does is told by its name", async ({ page, another }) => {
  const who = await register(page, "Olga Overthere");
  const other = await another();
  const enter = async () => {
    const open = listening(other.context(), "shop");
    await other.goto(at("shop", "/orders"));
    await fillSignIn(other, who, who.secret);
    await expectPerson(other, who);
    await open;
  };
  const confirm = () => page.getByRole("dialog").getByRole("button").filter({ hasNotText: "Cancel" }).click();

  await enter();
  await page.goto(at("portal", "/sessions"));
  await page.getByRole("main").getByRole("button", { name: /^Sign out (?!everywhere|on this)/ }).click();
  await confirm();
  await expect(card(other)).toContainText("You signed out this browser from another device");

  await enter();
  await page.goto(at("portal", "/profile"));
  const form = page.locator("form", { has: page.getByLabel("New password", { exact: true }) });
  await form.getByLabel("Current password", { exact: true }).fill(who.secret);
  who.secret = "quite another long secret";
  await form.getByLabel("New password", { exact: true }).fill(who.secret);
  await form.getByRole("button", { name: "Change password" }).click();
  await expect(card(other)).toContainText("Your password was changed on another device");
  await expectPerson(page, who);
  await expect(card(page)).toHaveCount(0);

  await enter();
  await page.goto(at("portal", "/sessions"));
  await page.getByRole("main").getByRole("button", { name: "Sign out everywhere" }).click();
  await confirm();
  await expect(card(other)).toContainText("You signed out everywhere");
});

test("one tab listens for all, and another when that one is closed", async ({ page, another }) => {
  const who = await register(page, "Lee Leader");
  const other = await another();
  const context = other.context();
  let streams = 0;
  context.on("request", (request) => {
    if (request.url() === at("shop", "/auth/live")) streams++;
  });
  const first = listening(context, "shop");
  await other.goto(at("shop", "/orders"));
  await fillSignIn(other, who, who.secret);
  await expectPerson(other, who);
  await first;
  const rest = await open(context, ...Array(3).fill(at("shop", "/orders")));
  expect(streams).toBe(1);
  const second = listening(context, "shop");
  await other.close();
  await second;
  expect(streams).toBe(2);

  await page.goto(at("portal", "/sessions"));
  await page.getByRole("main").getByRole("button", { name: /^Sign out (?!everywhere|on this)/ }).click();
  await page.getByRole("dialog").getByRole("button").filter({ hasNotText: "Cancel" }).click();
  for (const tab of rest) await expect(card(tab)).toContainText("You signed out this browser from another device");
});

test("without Web Locks and BroadcastChannel each tab listens while it is looked at", async ({ another }) => {
  const other = await another();
  await other.addInitScript(() => {
    delete Navigator.prototype.locks;
    delete window.BroadcastChannel;
  });
  await signIn(other, people.alice);
  const open = listening(other.context(), "shop");
  await other.goto(at("shop", "/orders"));
  await open;
  const leaving = await other.context().newPage();
  await leaving.goto(at("portal", "/profile"));
  await signOut(leaving, people.alice);
  await expect(card(other)).toContainText("You signed out in Portal");
});

test("a tab that slept learns it when it wakes, and why", async ({ page, another }) => {
  const who = await register(page, "Sasha Sleeper");
  const end = async () => {
    await page.goto(at("portal", "/sessions"));
    await page.getByRole("main").getByRole("button", { name: /^Sign out (?!everywhere|on this)/ }).click();
    await page.getByRole("dialog").getByRole("button").filter({ hasNotText: "Cancel" }).click();
    await expect(page.getByRole("main").getByRole("button", { name: /^Sign out (?!everywhere|on this)/ })).toHaveCount(0);
  };
  const other = await another();
  const enter = async () => {
    const open = listening(other.context(), "forum");
    await other.goto(at("forum", "/mine"));
    await fillSignIn(other, who, who.secret);
    await expectPerson(other, who);
    await open;
  };

  await enter(); // put away by the browser, as it does for the back button
  await other.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })));
  await end();
  await expect(card(other)).toHaveCount(0);
  await other.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  await expect(card(other)).toContainText("You signed out this browser from another device");

  await enter(); // without a network
  await other.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })));
  await other.context().setOffline(true);
  await other.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  await end();
  await expect(card(other)).toHaveCount(0);
  await other.context().setOffline(false);
  await expect(card(other)).toContainText("You signed out this browser from another device");
});

test("the notice is accessible, fits a telephone, and can be put aside", async ({ page }) => {
  await signIn(page, people.bob);
  const [tab] = await open(page.context(), at("shop", "/orders"));
  await page.goto(at("forum", "/mine"));
  await signOut(page, people.bob);
  await expect(card(tab)).toContainText("You signed out in Forum");
  await expect(tab.getByRole("alert").filter({ hasText: "You signed out in Forum" })).toHaveCount(1);
  await look(tab, "a page of somebody who was signed out");
  const box = await card(tab).boundingBox();
  const first = await tab.getByRole("main").locator(":scope > *").first().boundingBox();
  expect(box.y + box.height, "the notice is above the content, and covers nothing").toBeLessThanOrEqual(first.y);
  expect(box.x).toBeGreaterThanOrEqual(0);
  expect(box.x + box.width).toBeLessThanOrEqual(390);
  await card(tab).getByRole("button", { name: "Hide" }).click();
  await expect(card(tab)).toHaveCount(0);
  await expect(tab).toHaveTitle(/^Signed out · /);
  await tab.getByRole("banner").getByRole("link", { name: "Signed out" }).click();
  await fillSignIn(tab, people.bob);
  await expect(tab).toHaveURL(at("shop", "/orders"));
});

for (const scrolled of [true, false]) {
  test(`the field in which somebody types is not covered, ${scrolled ? "scrolled" : "at the top"}`, async ({ page }) => {
    await signIn(page, people.alice);
    const [tab] = await open(page.context(), at("forum", "/new"));
    await tab.setViewportSize({ width: 375, height: 500 });
    const field = tab.getByLabel("Title", { exact: true });
    await field.fill("A few words");
    if (scrolled) await field.evaluate((input) => scrollBy(0, input.getBoundingClientRect().top - 20)); // where the notice comes
    await page.goto(at("forum", "/mine"));
    await signOut(page, people.alice);
    await expect(card(tab)).toBeVisible();
    const [over, typed] = [await card(tab).boundingBox(), await field.boundingBox()];
    const apart = over.y + over.height <= typed.y || over.y >= typed.y + typed.height;
    expect(apart, `${JSON.stringify(over)} covers ${JSON.stringify(typed)}`).toBe(true);
    await expect(field).toBeFocused();
  });
}

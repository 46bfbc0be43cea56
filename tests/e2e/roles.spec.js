import { at, expect, expectPerson, people, signIn, test } from "./house.js";

test("analytics opens for an analyst and an admin, and tells others which role it takes", async ({ page, another }) => {
  await signIn(page, people.alice);
  const refused = await page.goto(at("analytics"));
  expect(refused.status()).toBe(403);
  await expect(page.getByRole("main")).toContainText(/analyst/);
  await expectPerson(page, people.alice);
  await expect(page.getByRole("main").getByRole("link").first()).toBeVisible();

  for (const who of [people.carol, people.admin]) {
    const browser = await another();
    await signIn(browser, who);
    const opened = await browser.goto(at("analytics"));
    expect(opened.status()).toBe(200);
    await expectPerson(browser, who);
  }
});

test("the tiles and the app switcher show what a person may open", async ({ page, another }) => {
  await signIn(page, people.alice);
  const tiles = page.getByRole("main");
  await expect(tiles.getByRole("link", { name: /Shop/ })).toBeVisible();
  await expect(tiles.getByRole("link", { name: /Analytics/ })).toHaveCount(0);
  await page.getByLabel("Switch app").click();
  await expect(page.getByRole("navigation", { name: "Apps" }).getByRole("link", { name: /Forum/ })).toBeVisible();
  await expect(page.getByRole("navigation", { name: "Apps" }).getByRole("link", { name: /Analytics/ })).toHaveCount(0);

  const carol = await another();
  await signIn(carol, people.carol);
  await carol.getByRole("main").getByRole("link", { name: /Analytics/ }).first().click();
  await expect(carol).toHaveURL(at("analytics"));
});

test("moderation is for moderators, whatever a browser sends", async ({ page, another }) => {
  const bob = await another();
  await signIn(bob, people.bob);
  expect((await bob.goto(at("forum", "/moderation"))).status()).toBe(200);

  await signIn(page, people.alice);
  const refused = await page.goto(at("forum", "/moderation"));
  expect(refused.status()).toBe(403);
  await expect(page.getByRole("main")).toContainText(/moderator/);

  await page.goto(at("forum"));
  await page.getByRole("main").locator('a[href^="/t/"]').first().click();
  await expect(page.getByRole("group", { name: "Moderate this thread" })).toHaveCount(0);
  const post = (await page.locator('a[href^="/posts/"]').first().getAttribute("href")).match(/\/posts\/[^/]+/)[0];
  const status = await page.evaluate(async (path) => {
    const answer = await fetch(`${path}/moderate`, { method: "POST", body: new URLSearchParams({ action: "pin" }) });
    return answer.status;
  }, post);
  expect(status).toBe(403);
});

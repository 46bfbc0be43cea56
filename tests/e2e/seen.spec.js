import { at, register, expect, fillSignIn, test } from "./house.js";

const silent = ["asked", "authorize", "callback", "token", "redeemed", "verified"];
const withForm = ["asked", "authorize", "page", "form", "authorize", "callback", "token", "redeemed", "verified"];

// hopsOf are the kinds of the hops of a sign-in that is drawn, counted from 0.
async function hopsOf(page, flow) {
  const hops = page.locator("[data-flow]").nth(flow).locator("[data-hop]");
  return hops.evaluateAll((all) => all.map((hop) => hop.dataset.hop));
}

// What is written down comes beside the request, so that the page may be a moment early.
async function expectFlows(page, flows) {
  await expect(async () => {
    await page.goto(at("academy", "/seen"));
    expect(await page.locator("[data-flow]").count()).toBe(flows.length);
    for (const [i, kinds] of flows.entries()) expect(await hopsOf(page, i)).toEqual(kinds);
  }).toPass({ timeout: 10_000 });
}

for (const scripts of [true, false]) {
  test.describe(scripts ? "with JavaScript" : "without JavaScript", () => {
    test.use({ javaScriptEnabled: scripts });

    test("one's own sign-in is drawn, hop by hop, and no secret is in it", async ({ page, another, context }) => {
      const who = await register(await another(), "Selma Seen");
      await page.goto(at("academy", "/seen"));
      await fillSignIn(page, who, who.secret);
      await expect(page).toHaveURL(at("academy", "/seen"));
      await expectFlows(page, [withForm]);
      await expect(page.locator("[data-flow] h2")).toHaveText(["Sign-in at Academy, with the password"]);

      await page.locator("#again").click();
      await expect(page).toHaveURL(at("academy", "/seen?just=1"));
      await expectFlows(page, [withForm, silent]);

      const opened = context.waitForEvent("page");
      await page.locator("#second").click();
      const shop = await opened;
      await expect(shop).toHaveURL(at("shop"));
      await shop.close();
      await expectFlows(page, [withForm, silent, silent]);
      await expect(page.locator("[data-flow] h2").last()).toHaveText("Sign-in at Shop, without a prompt");

      const exchange = page.locator("[data-hop=token]").last();
      await expect(exchange).toHaveAttribute("data-way", "back");
      await exchange.locator("summary").click();
      await expect(exchange).toContainText("/oauth/token");
      await expect(exchange).toContainText(/access_token.*…\ \(\d+ characters\)/s);

      const html = await page.content();
      const secrets = (await context.cookies()).map((cookie) => cookie.value).filter((value) => value.length > 12);
      expect(secrets.length).toBeGreaterThan(3);
      for (const value of [...secrets, who.secret]) expect(html).not.toContain(value);
      expect(html.match(/eyJ[\w-]{20}/), "no token").toBeNull();
    });
  });
}

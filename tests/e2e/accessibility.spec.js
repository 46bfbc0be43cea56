import { at, expect, people, signIn, test } from "./house.js";
import { look } from "./look.js";

test.describe.configure({ mode: "parallel" });

// Every page of every service: as whom, where, and what it answers if that is not 200. A path may be a function that
// finds it from a page.
const guest = null;
const { alice, bob, carol, admin } = people;

const pages = [
  [guest, "portal", "/"],
  [guest, "portal", "/sign-in"],
  [guest, "portal", "/register"],
  [guest, "portal", "/sign-out"],
  [guest, "portal", "/signed-out"],
  [guest, "portal", "/sign-in?return_to=%2Fprofile&login_hint=alice%40example.com"],
  [guest, "portal", "/no-such-page", 404],
  [guest, "portal", "/oauth/authorize", 400],
  [alice, "portal", "/"],
  [alice, "portal", "/profile"],
  [alice, "portal", "/sessions"],
  [alice, "portal", "/sign-out"],
  [alice, "portal", "/oauth/logout"],
  [admin, "portal", "/"],
  [alice, "portal", "/admin", 403],
  [admin, "portal", "/admin"],
  [admin, "portal", "/admin/sign-ins"],
  [admin, "portal", "/admin/sign-ins?app=shop"],
  [admin, "portal", "/admin/servers"],
  [admin, "portal", "/admin/denylist"],
  [admin, "portal", "/admin/denylist?q=qqqqqqqq"],
  [admin, "portal", "/admin/deliveries"],
  [admin, "portal", "/admin/deliveries?state=waiting"],

  [guest, "shop", "/"],
  [guest, "shop", "/?sort=newest"],
  [guest, "shop", "/?category=lamps"],
  [guest, "shop", "/?q=lantern"],
  [guest, "shop", "/?q=qqqqqqqq"],
  [guest, "shop", "/products/brass-padlock"],
  [guest, "shop", "/cart"],
  [guest, "shop", "/no-such-page", 404],
  [guest, "shop", "/products/none", 404],
  [alice, "shop", "/"],
  [alice, "shop", "/orders"],
  [alice, "shop", firstOrder],
  [alice, "shop", "/orders/none", 404],
  [alice, "shop", filledCart],
  [alice, "shop", "/checkout"],
  [carol, "shop", "/orders"],

  [guest, "forum", "/"],
  [guest, "forum", first('a[href^="/b/"]')],
  [guest, "forum", first('a[href^="/t/"]')],
  [guest, "forum", "/search"],
  [guest, "forum", "/search?q=lamp"],
  [guest, "forum", "/search?q=qqqqqqqqq"],
  [guest, "forum", "/t/none", 404],
  [alice, "forum", "/"],
  [alice, "forum", "/mine"],
  [admin, "forum", "/mine"],
  [alice, "forum", "/new"],
  [alice, "forum", "/new?product=brass-padlock"],
  [alice, "forum", first('a[href^="/t/"]')],
  [alice, "forum", ownPost],
  [alice, "forum", "/moderation", 403],
  [bob, "forum", first('a[href^="/t/"]')],
  [bob, "forum", "/moderation"],

  [alice, "analytics", "/", 403],
  [carol, "analytics", "/"],
  [carol, "analytics", "/?range=24h&app=shop"],
  [carol, "analytics", "/?range=custom&from=2026-11-20&to=2026-11-01", 422],
  [carol, "analytics", "/skipped"],
  [carol, "analytics", "/no-such-page", 404],

  [guest, "nobody", "/", 421], // the load balancer's own page
];

// first is the address that the first such link of the service's home page leads to.
function first(selector) {
  const find = async (page, service) => {
    await page.goto(at(service));
    return page.getByRole("main").locator(selector).first().getAttribute("href");
  };
  return Object.assign(find, { toString: () => selector.match(/"(.*)"/)[1] + "…" });
}

async function firstOrder(page, service) {
  await page.goto(at(service, "/orders"));
  return page.getByRole("main").locator('a[href^="/orders/"]').first().getAttribute("href");
}

async function ownPost(page, service) {
  await page.goto(at(service, "/mine"));
  await page.getByRole("main").locator('a[href^="/t/"], a[href^="/posts/"]').first().click();
  return page.getByRole("main").locator('a[href$="/edit"]').first().getAttribute("href");
}

async function filledCart(page, service) {
  await page.goto(at(service, "/products/spirit-level"));
  await page.getByRole("button", { name: "Add to cart" }).click();
  await expect(page.locator("#nav-cart .count")).toBeVisible();
  return "/cart";
}

const groups = new Map();
for (const entry of pages) {
  const key = `${entry[1]} as ${entry[0]?.name ?? "a guest"}`;
  groups.set(key, [...(groups.get(key) ?? []), entry]);
}

for (const [name, entries] of groups) {
  test(`no axe violation, light or dark, and no sideways scrolling on a telephone: ${name}`, async ({ page }) => {
    test.setTimeout(120_000);
    const [who] = entries[0];
    if (who) await signIn(page, who);
    for (const [, service, path, status = 200] of entries) {
      const found = typeof path === "string" ? path : await path(page, service);
      await page.setViewportSize({ width: 1280, height: 800 });
      const answer = await page.goto(at(service, found));
      expect(answer.status(), `${service}${found}`).toBe(status);
      await look(page, `${service}${found}`);
    }
  });
}

// Every page of every app, for the checks of pages.spec.js: as whom, which app, where, and what it answers if that is not 200.
// Where is a path, or a name that begins with the route and a way to find such a page (find) or to lead the browser there (go).
// tests/hostile fails for a page's route that has no row here.
import { submit } from "./extremes.js";
import { people } from "./house.js";
import { end, start, walk } from "./walk.js";

const guest = null;
const { alice, bob, carol, admin } = people;
// The person with the long name, who has orders, threads and rooms.
const long = "long";

// first finds a page by the first such link of the service's page.
const first = (name, selector, from = "/") => ({
  name,
  find: async (page, at) => {
    await page.goto(at(from));
    return page.getByRole("main").locator(selector).first().getAttribute("href");
  },
});
// sent is the page that answers a form which lacks what it needs.
const sent = (path, selector, name = path, values = {}) => ({
  name: `${name}, sent empty`,
  go: async (page, at, made) => {
    await page.goto(at(typeof path === "function" ? path(made) : path));
    await submit(page, selector, values);
  },
});
// sendEmptyReport reports the first post of a demo thread without a reason.
async function sendEmptyReport(page, at) {
  await page.goto(at("/t/oil-or-wax-boards"));
  await page.getByRole("main").getByRole("link", { name: "Report" }).first().click();
  await submit(page, "form[action$='/report']", {});
}
const made = (name, path) => ({ name, find: async (page, at, made) => path(made) });
// run starts an experiment; then carries on from there.
const run = (name, options, state, then = async () => {}) => ({
  name: `/runs/:run of ${name}, ${state}`,
  go: async (page, at) => {
    const id = await start(page, name, options);
    await then(page, at, id);
  },
});

// day is the date so many days from today.
const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

async function fillCart(page, at, then) {
  await page.goto(at("/products/horsehair-broom"));
  await page.getByRole("button", { name: "Add to cart" }).click();
  await page.locator("#nav-cart .count").waitFor();
  await page.goto(at(then));
}

// checkoutTo goes to a step of the checkout, and sends its form if there are values.
async function checkoutTo(page, at, step, values) {
  await fillCart(page, at, "/checkout/address");
  if (step > 0) await submit(page, "form[action='/checkout/address']", {});
  if (step > 0) await page.goto(at("/checkout/shipping"));
  if (step > 1) await submit(page, "form[action='/checkout/shipping']", {});
  if (step > 1) await page.goto(at("/checkout/payment"));
  if (step > 2) {
    await page.getByLabel("is approved").check();
    await submit(page, "form[action='/checkout/payment']", {});
  }
  if (values) await submit(page, `form[action='/checkout/${["address", "shipping", "payment"][step]}']`, values);
}

const allLessons = [
  "introduction", "objectives", "the-bank", "up-or-out", "notebook-in-the-branch", "sticky-sessions", "shared-notebook", "the-card",
  "single-sign-on-seen", "steal-the-token", "ban-on-500-servers", "what-a-check-costs", "email-index", "another-provider", "whole-estate",
  "common-mistakes", "good-practice", "exercises", "coding-challenge", "questions", "interview", "faq", "summary", "what-next",
];

// bulk is the page that confirms an action on the person with the long name and a banned one.
const bulk = (action, more = "") => (m) => `/admin/people/bulk?action=${action}&id=${[m.person, m.banned].map((path) => path.split("/").at(-1)).join("&id=")}${more}`;

export const pages = [
  [guest, "portal", "/"],
  [guest, "portal", "/go?q=nothing+of+the+kind"],
  [admin, "portal", "/go"],
  [guest, "portal", "/sign-in"],
  [guest, "portal", "/sign-in?return_to=%2Fprofile&login_hint=alice%40example.com"],
  [guest, "portal", sent("/sign-in", "form[action='/sign-in']")],
  [guest, "portal", "/register"],
  [guest, "portal", sent("/register", "form[action='/register']")],
  [guest, "portal", "/sign-out"],
  [guest, "portal", "/signed-out"],
  [guest, "portal", "/no-such-page", 404],
  [bob, "portal", "/no-such-page", 404],
  [guest, "portal", "/oauth/authorize", 400],
  [long, "portal", "/"],
  [long, "portal", "/profile"],
  [long, "portal", "/profile/delete"],
  [long, "portal", "/sessions"],
  [long, "portal", "/sign-out"],
  [long, "portal", "/sign-in?reauth=1"],
  [long, "portal", sent("/sign-in?reauth=1", "form[action='/sign-in']")],
  [long, "portal", "/oauth/logout"],
  [long, "portal", "/admin", 403],

  [admin, "portal", "/"],
  [admin, "portal", "/admin"],
  [admin, "portal", "/admin/health"],
  [admin, "portal", "/admin/people"],
  [admin, "portal", "/admin/people?q=qqqqqqqq"],
  [admin, "portal", made("/admin/people/bulk", bulk("ban"))],
  [admin, "portal", sent(bulk("ban"), "form[action^='/admin/people/bulk']", "/admin/people/bulk")],
  [admin, "portal", sent("/admin/people/bulk?action=end&id=demo-carol&id=nobody", "form[action^='/admin/people/bulk']", "/admin/people/bulk, the result")],
  [admin, "portal", "/admin/people?select=all"],
  [admin, "portal", sent("/admin/people?q=ali", "form[action='/admin/filters']", "/admin/filters")],
  [admin, "portal", made("/admin/people/:id", (m) => m.person)],
  [admin, "portal", made("/admin/people/:id of somebody banned", (m) => m.banned)],
  [admin, "portal", made("/admin/people/:id/ban", (m) => `${m.person}/ban`)],
  [admin, "portal", sent((m) => `${m.person}/ban`, "form[action$='/ban']", "/admin/people/:id/ban")],
  [admin, "portal", made("/admin/people/:id/unban", (m) => `${m.banned}/unban`)],
  [admin, "portal", made("/admin/people/:id/roles", (m) => `${m.person}/roles`)],
  [admin, "portal", made("/admin/people/:id/end", (m) => `${m.person}/end`)],
  [admin, "portal", made("/admin/receipts/:ending", (m) => m.receipt)],
  [admin, "portal", "/admin/sign-ins"],
  [admin, "portal", "/admin/sign-ins?app=shop"],
  [admin, "portal", "/admin/sign-ins/failed"],
  [admin, "portal", "/admin/servers"],
  [admin, "portal", "/admin/denylist"],
  [admin, "portal", "/admin/denylist?q=qqqqqqqq"],
  [admin, "portal", "/admin/deliveries"],
  [admin, "portal", "/admin/deliveries?state=waiting"],
  [admin, "portal", "/admin/clients"],
  [admin, "portal", "/admin/clients?q=qqqqqqqq"],
  [admin, "portal", "/admin/clients/new"],
  [admin, "portal", sent("/admin/clients/new", "form[action='/admin/clients/new']")],
  [admin, "portal", sent((m) => `${m.client}/secret`, "form[action$='/secret']", "/admin/clients/:client/secret")],
  [admin, "portal", made("/admin/clients/:client", (m) => m.client)],
  [admin, "portal", made("/admin/clients/:client/edit", (m) => `${m.client}/edit`)],
  [admin, "portal", made("/admin/clients/:client/secret", (m) => `${m.client}/secret`)],
  [admin, "portal", made("/admin/clients/:client/disable", (m) => `${m.client}/disable`)],
  [admin, "portal", "/admin/clients/shop"],
  [admin, "portal", "/admin/keys"],
  [admin, "portal", made("/admin/keys/:kid/withdraw", (m) => m.key)],
  [admin, "portal", made("/admin/keys/:kid/activate", (m) => m.key.replace("/withdraw", "/activate"))],
  [admin, "portal", "/admin/audit"],
  [admin, "portal", "/admin/audit?actor=qqqqqqqq"],

  [guest, "shop", "/"],
  [guest, "shop", "/?sort=newest"],
  [guest, "shop", "/?category=lamps"],
  [guest, "shop", "/?q=lantern"],
  [guest, "shop", "/?q=qqqqqqqq"],
  [guest, "shop", "/?q=lmap"],
  [guest, "shop", "/?min=900&stock=in"],
  [guest, "shop", "/?stars=4&sort=rating"],
  [guest, "shop", "/?min=cheap&max=20"],
  [guest, "shop", "/products/brass-padlock"],
  [guest, "shop", "/products/porch-lantern"], // with reviews
  [bob, "shop", "/products/porch-lantern"], // which he may remove
  [carol, "shop", "/products/porch-lantern"], // which she did not buy
  [alice, "shop", "/products/enamel-kettle/review"],
  [alice, "shop", "/products/porch-lantern/review"],
  [carol, "shop", "/products/porch-lantern/review", 403],
  [alice, "shop", sent("/products/enamel-kettle/review", "form[action$='/review']", "/products/:slug/review")],
  [guest, "shop", "/products/none", 404],
  [guest, "shop", "/no-such-page", 404],
  [guest, "shop", "/cart"],
  [long, "shop", "/"],
  [long, "shop", "/orders"],
  [long, "shop", made("/orders/:id", (m) => m.order)],
  [long, "shop", made("/orders/:id?placed=1", (m) => `${m.order}?placed=1`)],
  [alice, "shop", first("/orders/:id of an order that was delivered", 'a[href^="/orders/"]', "/orders")],
  [long, "shop", "/orders/none", 404],
  [alice, "shop", "/merchant", 403],
  [admin, "shop", "/merchant"],
  [admin, "shop", "/merchant?q=none"],
  [admin, "shop", made("/merchant/orders/:id", (m) => `/merchant${m.order}`)],
  [admin, "shop", "/merchant/products"],
  [admin, "shop", "/merchant/products/horsehair-broom"],
  [admin, "shop", sent("/merchant/products/horsehair-broom", "form[action^='/merchant/products/']", "/merchant/products/:slug", { price: "", stock: "many" })],
  [carol, "shop", "/orders"],
  [long, "shop", { name: "/cart with something in it", go: (page, at) => fillCart(page, at, "/cart") }],
  [guest, "shop", "/cart?removed=brass-padlock&quantity=2"],
  [guest, "shop", sent("/products/brass-padlock", "form[action='/cart/items']", "/products/:slug with a wrong quantity", { quantity: "many" })],
  [long, "shop", { name: "/checkout/address", go: (page, at) => fillCart(page, at, "/checkout/address") }],
  [long, "shop", { name: "/checkout/address, sent empty", go: (page, at) => checkoutTo(page, at, 0, { name: "", city: "" }) }],
  [long, "shop", { name: "/checkout/shipping", go: (page, at) => checkoutTo(page, at, 1) }],
  [long, "shop", { name: "/checkout/payment", go: (page, at) => checkoutTo(page, at, 2) }],
  [long, "shop", { name: "/checkout/payment?declined=1", go: async (page, at) => { await checkoutTo(page, at, 2); await page.goto(at("/checkout/payment?declined=1")); } }],
  [long, "shop", { name: "/checkout/review", go: (page, at) => checkoutTo(page, at, 3) }],

  [guest, "forum", "/"],
  [guest, "forum", first("/b/:board", 'a[href^="/b/"]')],
  [guest, "forum", first("/t/:thread", 'a[href^="/t/"]')],
  [guest, "forum", made("/t/:thread from right to left", (m) => m.thread)],
  [guest, "forum", "/t/lever-handle-thin-door?sort=newest"], // its accepted answer is not the first reply
  [guest, "forum", "/search"],
  [guest, "forum", "/search?q=lamp"],
  [guest, "forum", "/search?q=Donaudampfschiff"],
  [guest, "forum", "/search?q=qqqqqqqqq"],
  [guest, "forum", "/t/none", 404],
  [long, "forum", "/"],
  [long, "forum", "/mine"],
  [admin, "forum", "/mine"],
  [admin, "forum", "/following"],
  [
    long,
    "forum",
    {
      name: "/following with a thread",
      go: async (page, at, made) => {
        await page.goto(at(made.thread));
        if (await page.getByRole("button", { name: "Follow", exact: true }).count()) await submit(page, "form[action$='/follow']", {});
        await page.goto(at("/following"));
      },
    },
  ],
  [long, "forum", "/new"],
  [long, "forum", "/new?product=brass-padlock"],
  [long, "forum", sent("/new", "form[action='/new']")],
  [long, "forum", made("/t/:thread of one's own", (m) => m.thread)],
  [long, "forum", { name: "/posts/:post/edit", find: (page, at, made) => first("", 'a[href$="/edit"]', made.thread).find(page, at) }],
  [long, "forum", { name: "/posts/:post/delete", find: (page, at, made) => first("", 'a[href$="/delete"]', made.thread).find(page, at) }],
  [long, "forum", first("/posts/:post/report", 'a[href$="/report"]', "/t/oil-or-wax-boards")],
  [long, "forum", { name: "/posts/:post/report, sent empty", go: (page, at) => sendEmptyReport(page, at) }],
  [guest, "forum", first("/u/:person", 'a[href^="/u/"]', "/t/oil-or-wax-boards")],
  [guest, "forum", { name: "/u/:person with a long name", find: (page, at, made) => first("", 'a[href^="/u/"]', made.thread).find(page, at) }],
  [guest, "forum", "/u/none", 404],
  [carol, "forum", "/inbox"],
  [alice, "forum", "/inbox"], // with a mention by the person with the long name
  [long, "forum", "/people"],
  [long, "forum", "/people?q=al"],
  [long, "forum", "/people?q=qqqqqqqq"],
  [long, "forum", "/images/new"],
  [long, "forum", sent("/images/new", "form[action='/images/new']")],
  [long, "forum", "/moderation", 403],
  [bob, "forum", made("/t/:thread", (m) => m.thread)],
  [bob, "forum", "/moderation"],
  [bob, "forum", "/moderation/reports"],

  [alice, "analytics", "/", 403],
  [carol, "analytics", "/"],
  [carol, "analytics", "/?range=24h&app=shop"],
  [carol, "analytics", "/?range=custom&from=2026-11-20&to=2026-11-01", 422],
  [carol, "analytics", `/events/people?from=${day(-2)}&to=${day(1)}`],
  [carol, "analytics", "/funnel?range=30d"],
  [carol, "analytics", "/funnel?range=never", 422],
  [carol, "analytics", "/retention"],
  [carol, "analytics", sent("/", "form[action='/views']")],
  [carol, "analytics", "/skipped"],
  [admin, "analytics", "/access"],
  [carol, "analytics", "/no-such-page", 404],

  [guest, "academy", "/"],
  ...allLessons.map((slug) => [guest, "academy", `/lessons/${slug}`]),
  ...slides(["the-bank", 1], ["the-bank", 2], ["sticky-sessions", 3], ["sticky-sessions", 4], ["coding-challenge", 2], ["coding-challenge", 4]),
  [guest, "academy", "/no-such-page", 404],
  [guest, "academy", "/experiments"],
  [guest, "academy", "/experiments/sticky-sessions"],
  [guest, "academy", "/experiments/sticky-sessions?mode=free"],
  [long, "academy", "/experiments/ban-on-500-servers"],
  [long, "academy", "/finish"],
  [long, "academy", "/seen"],
  [long, "academy", "/rooms"],
  [long, "academy", made("/rooms/:room that one teaches", (m) => m.taught)],
  [long, "academy", made("/rooms/:room that one has joined", (m) => m.joined)],
  [carol, "academy", made("/join/:code", (m) => m.join)],
  [carol, "academy", "/join?code=zzzzzz", 404],
  [alice, "academy", run("sticky-sessions", {}, "at its beginning")],
  [bob, "academy", run("sticky-sessions", {}, "at the end of its path", (page) => walk(page))],
  [
    carol,
    "academy",
    run("notebook-in-the-branch", { mode: "free" }, "free, and then over", async (page, at, id) => {
      await end(page);
      await page.goto(at(`/runs/${id}`));
    }),
  ],
  [
    admin,
    "academy",
    run("notebook-in-the-branch", { mode: "free" }, "free, and the list of experiments", async (page, at) => {
      await page.goto(at("/experiments"));
      await page.locator("[data-run-row]").first().waitFor();
    }),
  ],
  [
    long,
    "academy",
    {
      name: "/finish when all lessons are done",
      go: async (page, at) => {
        await page.goto(at("/finish"));
        await page.evaluate((slugs) => Promise.all(slugs.map((slug) => fetch(`/lessons/${slug}/done`, { method: "POST", body: new URLSearchParams({ done: "yes" }) }))), allLessons);
        await page.goto(at("/finish"));
        await page.getByRole("button", { name: "Print" }).waitFor();
      },
    },
  ],
  [alice, "academy", "/estate", 403],
  [admin, "academy", "/estate"],
  [
    admin,
    "academy",
    {
      name: "/estate after a kill",
      go: async (page, at) => {
        await page.goto(at("/estate"));
        await page.getByRole("button", { name: "Kill shop-1" }).click();
        await page.getByRole("dialog").getByRole("button").filter({ hasNotText: "Cancel" }).click();
        await page.locator("#estate-log", { hasText: "shop-1 is ready again after" }).waitFor();
      },
    },
  ],

  [guest, "nobody", "/", 421], // the load balancer's own page
];

function slides(...list) {
  return list.map(([lesson, n]) => [guest, "academy", `/lessons/${lesson}/present?slide=${n}`]);
}

// One check of looks and access for every page of the table in pages.js.
import { seedExtremes } from "./extremes.js";
import { at as address, expect, takeCookies, test as base, watch } from "./house.js";
import { expectTidy } from "./layout.js";
import { look } from "./look.js";
import { pages } from "./pages.js";

// Each person has two browsers a worker, one of them without JavaScript, which go from page to page.
const test = base.extend({
  made: [async ({ browser, estate }, use) => use(await seedExtremes(browser, estate)), { scope: "worker" }],
  browsers: [
    async ({ browser, made }, use) => {
      const all = new Map();
      const open = async (who, options) => {
        const context = await browser.newContext({ reducedMotion: "reduce", ...options });
        const page = await context.newPage();
        if (who) await takeCookies(page, who === "long" ? made.who : who);
        return page;
      };
      await use(async (who) => {
        if (!all.has(who)) {
          const [page, plain] = [await open(who), await open(who, { javaScriptEnabled: false, viewport: { width: 390, height: 844 } })];
          all.set(who, { page, plain, faults: watch(page) });
        }
        return all.get(who);
      });
      for (const { page, plain } of all.values()) await Promise.all([page.context().close(), plain.context().close()]);
    },
    { scope: "worker" },
  ],
});

test.describe.configure({ mode: "parallel" });

// quick are the pages that `make test-quick` looks at.
const quick = new Set(["portal /sign-in", "portal /admin/people", "shop /", "shop /orders/:id", "forum /t/:thread from right to left", "academy /experiments"]);

// lookWithoutScript checks that the same page without JavaScript has the same heading, that no control on it is dead, and that it
// fits a phone.
async function lookWithoutScript(plain, page, name, status) {
  const answer = await plain.goto(page.url());
  expect.soft(answer.status(), `${name} without JavaScript`).toBe(status);
  await expect.soft(plain.locator("h1").first(), `${name} without JavaScript`).toHaveText(await page.locator("h1").first().textContent());
  const dead = await plain.evaluate(() =>
    [...document.querySelectorAll("button:enabled, a, [role=button]")]
      .filter((e) => e.checkVisibility({ visibilityProperty: true }) && !(e.matches("a[href], button[popovertarget]") || e.form))
      .map((e) => e.outerHTML.slice(0, 160)),
  );
  expect.soft(dead.join("\n"), `controls of ${name} that do nothing without JavaScript`).toBe("");
  await expectTidy(plain, `${name} without JavaScript`, 390);
}

for (const [who, app, where, status = 200] of pages) {
  const name = `${app} ${where.name ?? where}`;
  const whose = who === null ? "a guest" : (who.name ?? "the person with the long name");
  test(`${name} as ${whose}`, { tag: quick.has(name) ? "@quick" : [] }, async ({ browsers, made }) => {
    const { page, plain, faults } = await browsers(who);
    faults.length = 0;
    const at = (path) => address(app, path);
    await page.setViewportSize({ width: 1440, height: 900 });
    if (where.go) {
      await where.go(page, at, made);
      await look(page, name); // a page that answers a form: without JavaScript it is the same form
    } else {
      const path = typeof where === "string" ? where : await where.find(page, at, made);
      const answer = await page.goto(at(path));
      expect(answer.status(), name).toBe(status);
      await look(page, name);
      await lookWithoutScript(plain, page, name, status);
    }
    expect(faults, "errors in the browser's console").toEqual([]);
  });
}

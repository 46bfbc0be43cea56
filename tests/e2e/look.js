// What every page must bear: axe in light, in dark and on a phone, a layout that fits, and clean text. pages.spec.js does it for each page of
// the table; a test of its own only calls look for a page that the table can't reach.
import { readFileSync } from "node:fs";
import { expect } from "@playwright/test";
import { expectTidy } from "./layout.js";
import { expectCleanText } from "./text.js";

const axeSource = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

// colourRules are the rules of axe whose answer may differ between light and dark. They take most of its time.
const colourRules = ["color-contrast", "link-in-text-block"];

// checkAccess runs axe on the page as it stands. It does without @axe-core/playwright, which opens another page for each report. colours
// says what the rules of colours look at: "all" is everything, by all other rules, too; "only" is everything, by no other rule;
// "changed" is what was not seen in the last run, or had other colours, while all other rules look at everything.
async function checkAccess(page, name, colours) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axeSource);
  const found = await page.evaluate(
    async ({ colours, colourRules }) => {
      const before = window.seenColours ?? new WeakMap();
      window.seenColours = new WeakMap();
      const changed = [];
      for (const e of document.querySelectorAll("body *")) {
        if (!e.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
        const { color, backgroundColor, backgroundImage, fontSize, fontWeight } = getComputedStyle(e);
        const look = [color, backgroundColor, backgroundImage, fontSize, fontWeight].join();
        window.seenColours.set(e, look);
        if (before.get(e) !== look && !changed.some((box) => box.contains(e))) changed.push(e);
      }
      const run = async (context, options) => (await window.axe.run(context, { resultTypes: ["violations"], preload: false, ...options })).violations;
      const rulesOff = Object.fromEntries(colourRules.map((id) => [id, { enabled: false }]));
      const violations = [];
      if (colours === "changed") violations.push(...(await run(document, { rules: rulesOff })));
      if (colours === "all") violations.push(...(await run(document)));
      const where = colours === "only" ? document : changed;
      if (colours !== "all" && where !== null && where.length !== 0) violations.push(...(await run(where, { runOnly: { type: "rule", values: colourRules } })));
      return violations.map((v) => `${v.id}: ${v.help}\n${v.nodes.map((n) => `    ${n.html}\n    ${n.failureSummary}`).join("\n")}`);
    },
    { colours, colourRules },
  );
  expect.soft(found.join("\n"), name).toBe("");
}

// settle waits until the page stands still: not for what never ends, nor for what a page that keeps itself up to date starts again
// and again. Transitions are off, since each change of the theme would start hundreds.
async function settle(page) {
  await page.evaluate(async () => {
    if (!window.withoutTransitions) {
      window.withoutTransitions = new CSSStyleSheet();
      window.withoutTransitions.replaceSync("*, ::before, ::after { transition: none !important }");
      document.adoptedStyleSheets.push(window.withoutTransitions);
    }
    const ends = (animation) => animation.playState === "running" && animation.effect.getComputedTiming().endTime < 2000;
    for (let turns = 0; turns < 10; turns++) {
      await new Promise((drawn) => requestAnimationFrame(drawn));
      const moving = document.getAnimations().filter(ends);
      if (moving.length === 0) return;
      const late = new Promise((resolve) => setTimeout(resolve, 2000));
      await Promise.race([late, Promise.allSettled(moving.map((animation) => animation.finished))]);
    }
  });
}

// look checks the page that is open: axe in light, dark and on a phone, its layout at three widths, and its text.
export async function look(page, name) {
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await settle(page);
  await checkAccess(page, `${name}, light`, "all");
  await expectTidy(page, name, 1440);
  await expectCleanText(page, name);
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await settle(page);
  await checkAccess(page, `${name}, dark`, "only");
  await expectTidy(page, name, 1024);
  await expectTidy(page, name, 390);
  await checkAccess(page, `${name}, on a phone`, "changed");
}

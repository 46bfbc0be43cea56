// What every page must bear: axe in light, in dark and on a phone, a layout that fits, and clean text. pages.spec.js does it for each page of
// the table; a test of its own only calls look for a page that the table can't reach.
import { expect } from "@playwright/test";
import axe from "axe-core";
import { expectTidy } from "./layout.js";
import { expectCleanText } from "./text.js";

// colourRules are the rules of axe whose answer may differ between light and dark.
const colourRules = ["color-contrast", "link-in-text-block"];

// checkAccess runs axe on the page as it stands, with all its rules or with these. It does without @axe-core/playwright, which
// opens another page for each report.
async function checkAccess(page, name, rules) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  const found = await page.evaluate(async (values) => {
    const only = values && { runOnly: { type: "rule", values } };
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"], preload: false, ...only });
    return violations.map((v) => `${v.id}: ${v.help}\n${v.nodes.map((n) => `    ${n.html}\n    ${n.failureSummary}`).join("\n")}`);
  }, rules);
  expect.soft(found.join("\n"), name).toBe("");
}

// settle waits for transitions of colours, which a change of theme starts one after the other. It does not wait for what never ends,
// nor for what a page that keeps itself up to date starts again and again.
async function settle(page) {
  await page.evaluate(async () => {
    const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
    const ends = (animation) => animation.playState === "running" && animation.effect.getComputedTiming().endTime < 2000;
    for (let still = 0, turns = 0; still < 3 && turns < 30; still++, turns++) {
      await frame();
      const moving = document.getAnimations().filter(ends);
      if (moving.length > 0) still = -1;
      const late = new Promise((resolve) => setTimeout(resolve, 2000));
      await Promise.race([late, Promise.allSettled(moving.map((animation) => animation.finished))]);
    }
  });
}

// look checks the page that is open: axe in light, dark and on a phone, its layout at three widths, and its text.
export async function look(page, name) {
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await settle(page);
  await checkAccess(page, `${name}, light`);
  await expectTidy(page, name, 1440);
  await expectCleanText(page, name);
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await settle(page);
  await checkAccess(page, `${name}, dark`, colourRules);
  await expectTidy(page, name, 1024);
  await expectTidy(page, name, 390);
  await checkAccess(page, `${name}, on a phone`);
}

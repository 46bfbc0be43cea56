// What every page must bear: axe in light, in dark and on a phone, a layout that fits, and clean text. pages.spec.js does it for each page of
// the table; a test of its own only calls look for a page that the table can't reach.
import { readFileSync } from "node:fs";
import { expect } from "@playwright/test";
import { expectTidy } from "./layout.js";
import { expectCleanText } from "./text.js";

const axeSource = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

// colourRules are the rules of axe about colours. They take most of its time, and their answer follows from the colours of a text and
// of all boxes around it: what was looked at on another page in the same colours is left out.
const colourRules = ["color-contrast", "link-in-text-block"];
const seen = new Set();

// checkAccess runs axe on the page as it stands. It does without @axe-core/playwright, which opens another page for each report. In another
// theme only colours change.
async function checkAccess(page, name, { coloursOnly = false } = {}) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axeSource);
  const { found, looks } = await page.evaluate(
    async ({ colourRules, seen, coloursOnly }) => {
      const before = new Set(seen);
      // The colours of a text, and of what surrounds it.
      const known = new Map();
      const colours = (e) => {
        if (!e) return "";
        if (!known.has(e)) {
          const { color, backgroundColor, backgroundImage, opacity, position } = getComputedStyle(e);
          const own = [color, backgroundColor, backgroundImage, opacity, position].join();
          const around = colours(e.parentElement);
          known.set(e, around.endsWith(`|${own}`) ? around : `${around}|${own}`);
        }
        return known.get(e);
      };
      const fresh = new Map();
      for (const e of document.querySelectorAll("body *")) {
        const texts = e.matches("input, select, textarea") || Array.from(e.childNodes).some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "");
        if (!texts || e.ownerSVGElement || !e.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
        const { fontSize, fontWeight, textDecorationLine } = getComputedStyle(e);
        const look = [e.localName, fontSize, fontWeight, textDecorationLine, colours(e)].join();
        if (!before.has(look) && !fresh.has(look)) fresh.set(look, e);
      }
      const options = { resultTypes: ["violations"], preload: false };
      const run = async (context, more) => (await window.axe.run(context, { ...options, ...more })).violations;
      const allOthers = { rules: Object.fromEntries(colourRules.map((id) => [id, { enabled: false }])) };
      const onColours = fresh.size > 0 ? await run({ include: [...fresh.values()] }, { runOnly: { type: "rule", values: colourRules } }) : [];
      const onAll = coloursOnly ? [] : await run(document, allOthers);
      const found = [...onAll, ...onColours].map((v) => `${v.id}: ${v.help}\n${v.nodes.map((n) => `    ${n.html}\n    ${n.failureSummary}`).join("\n")}`);
      return { found, looks: onColours.length > 0 ? [] : [...fresh.keys()] };
    },
    { colourRules, seen: [...seen], coloursOnly },
  );
  for (const look of looks) seen.add(look);
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
  await checkAccess(page, `${name}, light`);
  await expectTidy(page, name, 1440);
  await expectCleanText(page, name);
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await settle(page);
  await checkAccess(page, `${name}, dark`, { coloursOnly: true });
  await expectTidy(page, name, 1024);
  await expectTidy(page, name, 390);
  await checkAccess(page, `${name}, on a phone`);
}

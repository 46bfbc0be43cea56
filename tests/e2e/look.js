import { AxeBuilder } from "@axe-core/playwright";
import { expect } from "@playwright/test";

// byColour are the rules whose answer may differ between themes.
const byColour = ["color-contrast", "link-in-text-block"];

// look checks the page that is open, in both themes, and whether it fits a narrow screen.
export async function look(page, name) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await settle(page);
    const axe = new AxeBuilder({ page });
    if (colorScheme === "dark") axe.withRules(byColour); // the page is the same, only its colours are others
    const { violations } = await axe.analyze();
    const told = violations.map((v) => `${v.id}: ${v.help}\n${v.nodes.map((n) => `    ${n.html}\n    ${n.failureSummary}`).join("\n")}`);
    expect.soft(told.join("\n"), `${name}, ${colorScheme}`).toBe("");
  }
  await page.setViewportSize({ width: 375, height: 720 });
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return "";
    return [...document.querySelectorAll("body *")]
      .filter((e) => e.getBoundingClientRect().right > width + 1)
      .slice(0, 5)
      .map((e) => e.outerHTML.slice(0, 120))
      .join("\n");
  });
  expect.soft(wide, `${name} is wider than 375 px because of`).toBe("");
}

// settle waits for the colours that a change of theme fades from one to the other, an element after the one it is in.
async function settle(page) {
  await page.evaluate(async () => {
    const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
    for (let still = 0; still < 3; still++) {
      await frame();
      const moving = document.getAnimations().filter((animation) => animation.playState === "running");
      if (moving.length > 0) still = -1;
      await Promise.allSettled(moving.map((animation) => animation.finished));
    }
  });
}

import { AxeBuilder } from "@axe-core/playwright";
import { expect } from "@playwright/test";

// look checks the page that is open, in both themes, and whether it fits a narrow screen.
export async function look(page, name) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const { violations } = await new AxeBuilder({ page }).analyze();
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

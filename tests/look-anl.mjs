import { chromium } from "@playwright/test";
import config from "./e2e/playwright.config.js";
const at = (service, path = "/") => `http://${service}.localhost:8377${path}`;
const browser = await chromium.launch(config.use.launchOptions);
export const person = async (email, options = {}) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce", locale: "en-GB", ...options });
  const page = await context.newPage();
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && console.log("console:", m.text()));
  page.on("pageerror", (e) => console.log("pageerror:", e.message));
  await page.goto(at("portal", "/sign-in"));
  await page.getByLabel("Email", { exact: true }).fill(email);
  await page.getByLabel("Password", { exact: true }).fill("gatehouse-demo");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL(at("portal"));
  return page;
};
try { await (await import(process.argv[2])).default({ person, at, browser }); } finally { await browser.close(); }

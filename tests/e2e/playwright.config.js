import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

// Debian's Chromium where there is one, or the one that GATEHOUSE_CHROMIUM names; else Playwright's own
// (npx playwright install chromium).
const chromium =
  process.env.GATEHOUSE_CHROMIUM || ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path));

export default defineConfig({
  testDir: ".",
  outputDir: "../test-results",
  globalSetup: "./estate.js",
  // Two browsers beside eight server processes is what two cores can carry.
  workers: 2,
  retries: 0,
  forbidOnly: true,
  timeout: 45_000,
  globalTimeout: 18 * 60_000,
  expect: { timeout: 10_000 },
  reporter: [["list"]],
  use: {
    browserName: "chromium",
    locale: "en-GB",
    actionTimeout: 10_000,
    navigationTimeout: 15_000,
    contextOptions: { reducedMotion: "reduce" },
    screenshot: "only-on-failure", // not a trace of every test, which would take half as long again: --trace on
    launchOptions: {
      executablePath: chromium,
      args: [
        "--no-sandbox", // in containers the tests are root
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
      ],
    },
  },
  projects: [
    { name: "house", testIgnore: "killed.spec.js" },
    // Last and alone: it kills replicas, and others should fail for reasons of their own only.
    { name: "killed", testMatch: "killed.spec.js", dependencies: ["house"] },
  ],
});

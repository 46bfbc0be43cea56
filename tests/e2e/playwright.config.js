import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

// The Chromium that GATEHOUSE_CHROMIUM names, or Debian's: the one without windows takes half the time of the other. Else
// Playwright's own (npx playwright install chromium).
const chromium =
  process.env.GATEHOUSE_CHROMIUM ||
  ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path));

export default defineConfig({
  testDir: ".",
  outputDir: "../test-results",
  globalSetup: "./estate.js",
  fullyParallel: true,
  workers: 3, // each has a browser and an estate; some wait while others work
  // A test that fails runs once more, for its trace, and has failed all the same: tracing every test takes a quarter longer.
  retries: 1,
  failOnFlakyTests: true,
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
    screenshot: "only-on-failure",
    trace: "on-first-retry",
    launchOptions: {
      executablePath: chromium,
      args: [
        "--no-sandbox", // in containers the tests are root
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        // Less work for two cores: one process for the pages of all hosts, and no optimising compiler, which pays off later than a page lives.
        "--disable-site-isolation-trials",
        "--renderer-process-limit=2",
        "--in-process-gpu",
        "--js-flags=--no-opt",
      ],
    },
  },
});

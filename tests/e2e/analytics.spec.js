import { at, expect, people, signIn, test } from "./house.js";

test("a chart answers mouse, finger and keyboard, and leads to its events", async ({ page, another }) => {
  await signIn(page, people.carol);
  await page.goto(at("analytics", "/?range=24h&live=off"));
  await expect(page.locator("[data-plot] title")).toHaveCount(0);
  const chart = page.locator("#panel-sign-ins .plot");
  await chart.scrollIntoViewIfNeeded();
  const bucket = chart.locator('[data-i="5"]:visible');
  await bucket.hover();
  const tip = chart.locator(".plot-tip");
  await expect(tip).toContainText(/\d\d:00.*By single sign-on\d+.*Click to list/s);
  await expect(chart.locator(".plot-cross")).toBeVisible();

  // The keyboard moves over the same rows, and a screen reader hears each.
  const control = chart.getByRole("slider");
  await control.focus();
  await control.press("End");
  await expect(control).toHaveAttribute("aria-valuetext", /\(so far\), By single sign-on: \d+/);
  await control.press("ArrowLeft");
  await expect(control).toHaveAttribute("aria-valuenow", "23");
  await page.evaluate(() => {
    // As a refresh does that replaces the chart with what is in it.
    for (const el of document.querySelectorAll("#panel-sign-ins :is(.plot-keys, .plot-tip, .plot-cross)")) el.remove();
    document.dispatchEvent(new CustomEvent("htmx:after:swap", { detail: {} }));
  });
  await expect(control).toBeFocused();
  await expect(tip).toBeVisible();
  await control.press("Escape");
  await expect(tip).toBeHidden();
  await control.press("End");
  await control.press("Enter");
  await expect(page).toHaveURL(/\/events\/sign-ins\?/);
  await expect(page.getByRole("cell", { name: "Single sign-on" }).first()).toBeVisible(); // carol's own

  // What each version of a service that started is, stands below the charts, and a mark on each.
  await expect(async () => {
    await page.goto(at("analytics", "/?range=24h&live=off&hide=bans"));
    await expect(page.locator("#marks")).toContainText(/Version \S+ of .*Shop.* started at \d\d:\d\d/, { timeout: 500 });
  }).toPass();
  await expect(page.locator("#panel-sign-ins .mark-deployment:visible").first()).toBeVisible();
  await page.locator("#marks").getByRole("link", { name: "Hide deployments" }).click();
  await expect(page.locator(".mark-deployment:visible")).toHaveCount(1); // the key

  const phone = await another({ hasTouch: true, viewport: { width: 390, height: 844 } });
  await signIn(phone, people.carol);
  await phone.goto(at("analytics", "/?range=24h&live=off"));
  const touched = phone.locator('#panel-sign-ins [data-i="20"]:visible');
  await touched.scrollIntoViewIfNeeded();
  await touched.tap();
  await expect(phone.locator("#panel-sign-ins .plot-tip")).toContainText("Tap again");
  await expect(phone).toHaveURL(/live=off/);
  await touched.tap();
  await expect(phone).toHaveURL(/\/events\/sign-ins\?/);
});

test("filters are saved under a name and open again", async ({ page }) => {
  await signIn(page, people.carol);
  await page.goto(at("analytics", "/?range=7d&app=shop&live=off"));
  await page.getByText("Saved views").click();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Enter a name for these filters.")).toBeVisible();
  await page.getByLabel("Save these filters as").fill("Shop, a week");
  await page.getByRole("button", { name: "Save" }).click();
  await page.goto(at("analytics"));
  await page.getByText("Saved views").click();
  await page.getByRole("link", { name: "Shop, a week" }).click();
  await expect(page).toHaveURL(/\/\?app=shop&range=7d$/);
  await page.getByText("Saved views").click();
  await page.getByRole("button", { name: "Delete the view Shop, a week" }).click();
  await expect(page.getByRole("link", { name: "Shop, a week" })).toHaveCount(0);
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("Saved views").click();
  await expect(page.getByRole("link", { name: "Shop, a week" })).toBeVisible();
});

test("a person without the role asks for access, and an administrator finds the request", async ({ page, another }) => {
  await signIn(page, people.bob);
  expect((await page.goto(at("analytics"))).status()).toBe(403);
  await page.getByLabel(/What do you need it for/).fill("The monthly report");
  await page.getByRole("button", { name: "Ask for access" }).click();
  await expect(page.getByRole("main")).toContainText("You've asked for access");

  const admin = await another();
  await signIn(admin, people.admin);
  await admin.goto(at("analytics"));
  await admin.getByRole("link", { name: /Requests/ }).click();
  const row = admin.getByRole("row", { name: /Bob/ });
  await expect(row).toContainText("The monthly report");
  await expect(row.getByRole("link", { name: /Grant access/ })).toHaveAttribute("href", at("portal", "/admin/people/demo-bob"));
  await row.getByRole("button", { name: /Remove/ }).click();
  await expect(admin.getByRole("main")).toContainText("No open requests");
});

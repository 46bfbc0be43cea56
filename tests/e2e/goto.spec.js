// The page of all pages, as a dialog and by itself.
import { at, expect, people, signIn, test } from "./house.js";

test("Ctrl-K leads from one app to a page of another, by keyboard alone", async ({ page }) => {
  await signIn(page, people.alice);
  await page.goto(at("shop"));
  await page.keyboard.press("Control+k");
  const dialog = page.getByRole("dialog", { name: "Go to a page" });
  const field = dialog.getByRole("searchbox");
  await expect(field).toBeFocused();
  await expect(dialog.getByRole("link", { name: "Your orders" })).toBeVisible();
  await expect(dialog.getByRole("link", { name: /Console/ })).toHaveCount(0);
  await field.fill("thread");
  await expect(dialog.getByRole("link", { name: "Your orders" })).toHaveCount(0);
  await expect(dialog.locator("[data-enter]")).toHaveText(await dialog.getByRole("link").first().innerText());
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await expect(dialog.getByRole("link").first()).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();

  await page.getByRole("link", { name: "Go to a page" }).click();
  await expect(field).toHaveValue("");
  await field.fill("my posts");
  await page.keyboard.press("Enter"); // before the list is there
  await expect(page).toHaveURL(at("forum", "/mine"));

  await page.goto(at("forum", "/new"));
  const text = page.getByLabel("Text", { exact: true });
  await text.focus();
  await page.keyboard.press("Control+k"); // which makes a link there
  await expect(text).toHaveValue("[text](https://)");
  await expect(dialog).toBeHidden();
  await page.getByRole("heading", { level: 1 }).click();

  await page.keyboard.press("Control+k");
  await field.fill("kettle");
  await dialog.getByRole("link", { name: "Search products for “kettle”" }).click();
  await expect(page).toHaveURL(at("shop", "/?q=kettle"));
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });
  test("the compass is a link to the page, which filters and searches", async ({ page }) => {
    await page.goto(at("forum"));
    await page.getByRole("link", { name: "Go to a page" }).click();
    await expect(page).toHaveURL(at("forum", "/go"));
    const main = page.getByRole("main");
    await main.getByRole("searchbox").fill("cart");
    await main.getByRole("button", { name: "Find" }).click();
    await main.getByRole("link", { name: "Cart", exact: true }).click();
    await expect(page).toHaveURL(at("shop", "/cart"));
  });
});

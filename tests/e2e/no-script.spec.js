import { at, checkOut, expect, expectGuest, expectPerson, fillSignIn, openThread, people, register, signIn, signOut, test } from "./house.js";

test.use({ javaScriptEnabled: false });

test("sign in, open the apps and sign out", async ({ page }) => {
  await page.goto(at("shop", "/orders"));
  await fillSignIn(page, people.alice);
  await expect(page).toHaveURL(at("shop", "/orders"));
  await expectPerson(page, people.alice);
  await page.goto(at("forum", "/mine"));
  await expect(page).toHaveURL(at("forum", "/mine"));
  await expectPerson(page, people.alice);
  await signOut(page, people.alice);
  await expectGuest(page);
});

test("fill a cart as a guest, check out and see the order", async ({ page, another }) => {
  const who = await register(await another(), "Nick Noscript");
  await page.goto(at("shop", "/?q=kettle"));
  await page.getByRole("main").getByRole("link", { name: /kettle/i }).first().click();
  await page.getByLabel("Quantity").fill("2");
  await page.getByRole("button", { name: "Add to cart" }).click();
  await page.goto(at("shop", "/cart"));
  await page.getByRole("main").getByRole("textbox").fill("1");
  await page.getByRole("button", { name: "Update" }).click();
  await expect(page.getByRole("main")).toContainText("1 item");
  await page.getByRole("link", { name: "Check out" }).click();
  await fillSignIn(page, who, who.secret);
  await expect(page).toHaveURL(at("shop", "/checkout/address"));
  await page.getByRole("button", { name: "Continue" }).click(); // without an address
  await expect(page.getByRole("main")).toContainText("Enter your street and number.");
  await checkOut(page);
  await page.getByRole("button", { name: "Place order" }).click();
  await expect(page).toHaveURL(/\/orders\//);
  await expect(page.getByRole("main")).toContainText("Hofgasse 1");
});

test("reply, with a preview, and vote", async ({ page }) => {
  await openThread(page);
  const thread = page.url();
  const text = `Without a script ${Date.now()}, *plain*`;
  await page.getByRole("textbox", { name: "Reply", exact: true }).fill(text);
  await page.getByRole("button", { name: "Preview" }).click(); // which takes a sign-in
  await fillSignIn(page, people.carol);
  await expect(page.getByRole("textbox", { name: "Reply", exact: true })).toHaveValue(text);
  await page.getByRole("button", { name: "Preview" }).click();
  await expect(page.locator("#preview em")).toHaveText("plain");
  await page.getByRole("button", { name: "Post reply" }).click();
  await expect(page.getByRole("article").filter({ hasText: text.replaceAll("*", "") })).toHaveCount(1);

  await page.goto(thread);
  const vote = page.getByRole("button", { name: /^Vote for the post by/ }).first();
  const before = await vote.getAttribute("aria-pressed");
  await vote.click();
  await expect(vote).toHaveAttribute("aria-pressed", before === "true" ? "false" : "true");
});

test("choose a theme", async ({ page }) => {
  await signIn(page, people.alice);
  await page.goto(at("forum", "/search?q=lamp"));
  await page.getByLabel("Theme", { exact: true }).click();
  await page.getByRole("button", { name: "Dark" }).click();
  await expect(page).toHaveURL(at("forum", "/search?q=lamp"));
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});

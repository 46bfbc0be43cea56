import { sql } from "./extremes.js";
import { at, checkOut, expect, expectPerson, fillAddress, fillSignIn, people, register, signIn, test } from "./house.js";

// cartCount is the number beside the cart in the header.
function cartCount(page) {
  return page.locator("#nav-cart .count");
}

test("a guest's cart survives the sign-in and becomes an order", { tag: "@quick" }, async ({ page, another }) => {
  const elsewhere = await another();
  const who = await register(elsewhere, "Gus Guest");

  await page.goto(at("shop", "/products/brass-padlock"));
  await page.getByLabel("Quantity").fill("2");
  await page.getByRole("button", { name: "Add to cart" }).click();
  await expect(cartCount(page)).toHaveText("2");
  await page.goto(at("shop", "/products/garden-twine"));
  await page.getByRole("button", { name: "Add to cart" }).click();
  await expect(cartCount(page)).toHaveText("3");

  await page.goto(at("shop", "/cart"));
  await page.getByRole("link", { name: "Check out" }).click();
  await fillSignIn(page, who, who.secret);
  await expect(page).toHaveURL(at("shop", "/checkout/address"));
  await expectPerson(page, who);
  await expect(page.getByRole("main")).toContainText("3 items");
  await checkOut(page);
  await page.getByRole("button", { name: "Place order" }).click();
  await expect(page).toHaveURL(/\/orders\//);
  await expect(page.getByRole("main")).toContainText("Hofgasse 1");
  await expect(cartCount(page)).toHaveCount(0);
  await page.goto(at("shop", "/orders"));
  await expect(page.getByRole("main").getByRole("heading", { level: 2 })).toHaveCount(1);

  await elsewhere.goto(at("shop", "/orders"));
  await expect(elsewhere.getByRole("main").getByRole("heading", { level: 2 }), "the other browser sees it too").toHaveCount(1);
});

test("a cart filled as a guest joins the one that was there", async ({ page, another }) => {
  const first = await another();
  const who = await register(first, "Jo Joiner");
  await first.goto(at("shop", "/products/claw-hammer"));
  await expectPerson(first, who);
  await first.getByRole("button", { name: "Add to cart" }).click();
  await expect(cartCount(first)).toHaveText("1");

  await page.goto(at("shop", "/products/folding-rule"));
  await page.getByRole("button", { name: "Add to cart" }).click();
  await expect(cartCount(page)).toHaveText("1");
  await page.getByRole("banner").getByRole("link", { name: "Sign in" }).click();
  await fillSignIn(page, who, who.secret);
  await expectPerson(page, who);
  await expect(cartCount(page)).toHaveText("2");
});

test("a double click orders once", async ({ page }) => {
  const who = await register(page, "Dora Double");
  await page.goto(at("shop", "/products/cotton-cloths"));
  await page.getByRole("button", { name: "Add to cart" }).click();
  await expect(cartCount(page)).toHaveText("1");
  await checkOut(page);
  await page.getByRole("button", { name: "Place order" }).dblclick();
  await expect(page).toHaveURL(/\/orders\//);
  await page.goto(at("shop", "/orders"));
  await expectPerson(page, who);
  await expect(page.getByRole("main").getByRole("heading", { level: 2 })).toHaveCount(1);
});

test("the same checkout in two tabs orders once", async ({ context, page }) => {
  await register(page, "Tia Tabs");
  await page.goto(at("shop", "/products/olive-soap"));
  await page.getByRole("button", { name: "Add to cart" }).click();
  await expect(cartCount(page)).toHaveText("1");
  const other = await context.newPage();
  await checkOut(page);
  await other.goto(at("shop", "/checkout"));
  await page.getByRole("button", { name: "Place order" }).click();
  await expect(page).toHaveURL(/\/orders\//);
  await other.getByRole("button", { name: "Place order" }).click();
  await expect(other.getByRole("main").getByRole("heading", { level: 1 })).toBeVisible();
  await page.goto(at("shop", "/orders"));
  await expect(page.getByRole("main").getByRole("heading", { level: 2 })).toHaveCount(1);
});

test("the checkout's steps keep what was chosen, in another tab and with the back button, and a declined payment loses nothing", async ({ context, page }) => {
  await register(page, "Stella Steps");
  await page.goto(at("shop", "/products/garden-twine"));
  await page.getByRole("button", { name: "Add to cart" }).click();
  await expect(cartCount(page)).toHaveText("1");
  await page.goto(at("shop", "/checkout/review"));
  await expect(page, "no step is skipped").toHaveURL(at("shop", "/checkout/address"));
  await fillAddress(page);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByLabel("Next working day").check();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByLabel("is declined").check();
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByRole("main")).toContainText("Hofgasse 1");
  await page.getByRole("button", { name: "Place order" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "declined" })).toContainText("Nothing was ordered");

  const tab = await context.newPage();
  await tab.goto(at("shop", "/checkout"));
  await expect(tab).toHaveURL(at("shop", "/checkout/payment"));
  await tab.getByRole("link", { name: "Back" }).click();
  await expect(tab.getByLabel("Next working day")).toBeChecked();
  await page.getByLabel("is approved").check();
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByRole("main")).toContainText("$12.90");
  await tab.getByLabel("Express").check();
  await tab.getByRole("button", { name: "Continue" }).click();
  await expect(tab).toHaveURL(at("shop", "/checkout/review"));
  await page.getByRole("button", { name: "Place order" }).click();
  await expect(page.getByRole("main"), "the other tab changed it").toContainText("Check your order");
  await page.goBack();
  await page.getByRole("button", { name: "Place order" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Thank you for your order");
  await expect(page.getByRole("main")).toContainText("$6.90");
  await expect(page.getByRole("main")).toContainText("Test card that is approved");
});

test("somebody else's order is nobody's business", async ({ page, another }) => {
  await signIn(page, people.alice);
  await page.goto(at("shop", "/orders"));
  await page.getByRole("main").getByRole("link", { name: /^Order/ }).first().click();
  await expect(page).toHaveURL(/\/orders\/.+/);
  const bob = await another();
  await signIn(bob, people.bob);
  expect((await bob.goto(page.url())).status()).toBe(404);
});

test("search finds as one types, and the back button leads back", async ({ page }) => {
  await page.goto(at("shop"));
  const box = page.getByRole("search").getByRole("searchbox");
  await box.pressSequentially("lantern");
  await expect(page.getByRole("main").getByRole("link", { name: "Porch lantern" })).toBeVisible();
  await expect(page.getByRole("main").getByRole("link", { name: /hammer/i })).toHaveCount(0);
  await expect(page).toHaveURL(/q=lantern/);
  await page.reload();
  await expect(box).toHaveValue("lantern");
  await box.fill("qqqqqqqq");
  await expect(page.getByRole("main")).toContainText("No products found");
});

test("the cart changes in place, says what is wrong beside its field, and puts back what was removed", async ({ page }) => {
  await page.goto(at("shop", "/products/stoneware-mug"));
  await page.getByRole("button", { name: /Enlarge/ }).click();
  await expect(page.getByRole("dialog", { name: "Picture: Stoneware Mug" })).toBeVisible();
  await page.getByRole("button", { name: "Close" }).click();
  await expect(page.getByRole("dialog", { name: "Picture: Stoneware Mug" })).toBeHidden();
  await page.getByLabel("Quantity").fill("some");
  await page.getByRole("button", { name: "Add to cart" }).click();
  await expect(page.getByLabel("Quantity")).toHaveAccessibleDescription("Enter a whole number from 1 to 99.");
  await expect(page.getByLabel("Quantity")).toHaveValue("some");
  await page.getByLabel("Quantity").fill("1");
  await page.getByRole("button", { name: "Add to cart" }).click();
  await expect(cartCount(page)).toHaveText("1");
  await expect(page.getByRole("main")).not.toContainText("whole number");
  await page.goto(at("shop", "/cart"));
  await page.evaluate(() => (window.sameDocument = true));
  const quantity = page.getByRole("main").getByRole("textbox", { name: /^Quantity/ });
  await quantity.fill("3");
  await quantity.blur();
  await expect(page.getByRole("main")).toContainText("3 items");
  await expect(cartCount(page)).toHaveText("3");
  await quantity.fill("100");
  await quantity.blur();
  await expect(quantity).toHaveAccessibleDescription("Enter a whole number from 0 to 99.");
  await expect(quantity).toBeFocused();
  await expect(quantity).toHaveValue("100");
  await page.getByRole("button", { name: /^Remove/ }).click();
  await expect(page.getByRole("main")).toContainText("Your cart is empty");
  await expect(page.getByRole("status").filter({ hasText: "Removed Stoneware Mug" })).toBeFocused();
  await page.getByRole("button", { name: "Undo" }).dblclick();
  await expect(page.getByRole("main")).toContainText("3 items");
  await expect(cartCount(page)).toHaveText("3");
  await expect(page.getByRole("button", { name: "Undo" })).toHaveCount(0);
  expect(await page.evaluate(() => window.sameDocument), "the page was not loaded anew").toBe(true);
});

test("an order can be cancelled, ordered again, followed and returned", async ({ page }) => {
  await register(page, "Olga Order");
  await page.goto(at("shop", "/products/linen-notebook"));
  await page.getByLabel("Quantity").fill("2");
  await page.getByRole("button", { name: "Add to cart" }).click();
  await expect(cartCount(page)).toHaveText("2");
  const order = async () => {
    await checkOut(page);
    await page.getByRole("button", { name: "Place order" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Thank you for your order");
    await expect(page.getByRole("main")).toContainText("What happens next");
    return new URL(page.url()).pathname;
  };
  await order();
  await page.getByText("Cancel order").click();
  await page.getByRole("button", { name: "Yes, cancel it" }).click();
  await expect(page.locator("[aria-current=step]")).toContainText("Cancelled");
  await page.getByRole("button", { name: "Order again" }).click();
  await expect(page).toHaveURL(/\/cart/);
  await expect(cartCount(page)).toHaveText("2");

  const path = await order();
  sql("shop", `UPDATE orders SET placed_at = placed_at - 7200000 WHERE id = '${path.split("/").pop()}'`);
  await page.goto(at("shop", path));
  await expect(page.locator("[aria-current=step]")).toContainText("Delivered");
  await page.getByText("Return order").click();
  await page.getByRole("button", { name: "Yes, return it" }).click();
  await expect(page.locator("[aria-current=step]")).toContainText("Returned");
  await expect(page.getByText("Return order")).toHaveCount(0);
});

test("a merchant finds an order and moves it on, and changes a price that another has changed", async ({ page, another }) => {
  await register(page, "Mia Mover");
  await page.goto(at("shop", "/products/folding-rule"));
  await page.getByRole("button", { name: "Add to cart" }).click();
  await expect(cartCount(page)).toHaveText("1");
  await checkOut(page);
  await page.getByRole("button", { name: "Place order" }).click();
  await expect(page).toHaveURL(/\/orders\//);
  const id = new URL(page.url()).pathname.split("/").pop();

  const merchant = await another();
  await signIn(merchant, people.admin);
  await merchant.goto(at("shop", "/merchant"));
  await merchant.getByLabel("Order number").fill(`${id.slice(0, 4)}-${id.slice(4, 8)}`);
  await merchant.getByRole("button", { name: "Search", exact: true }).last().click();
  await merchant.getByRole("main").getByRole("cell").getByRole("link").click();
  for (const [button, status] of [["Mark as paid", "Paid"], ["Mark as packed", "Packed"], ["Mark as sent", "Sent"]]) {
    await merchant.getByRole("button", { name: button }).click();
    await expect(merchant.locator("[aria-current=step]")).toContainText(status);
  }
  await page.reload();
  await expect(page.locator("[aria-current=step]")).toContainText("Your parcel is on its way.");
  await merchant.getByText("Cancel and refund").click();
  await merchant.getByRole("button", { name: "Yes, cancel it" }).click();
  await expect(merchant.locator("[aria-current=step]")).toContainText("Cancelled");

  const other = await merchant.context().newPage();
  for (const tab of [merchant, other]) await tab.goto(at("shop", "/merchant/products/folding-rule"));
  for (const [tab, price] of [[merchant, "31"], [other, "32.50"]]) {
    await tab.getByLabel("Price").fill(price);
    await tab.getByRole("button", { name: "Save" }).click();
  }
  await expect(other.getByRole("main")).toContainText("The product has changed meanwhile");
  await expect(other.getByRole("main")).toContainText("It now costs $31.00");
  await other.getByRole("button", { name: "Save" }).click();
  await expect(other.getByRole("row", { name: /Folding/ })).toContainText("$32.50");
});

test("a buyer reviews a product by keyboard, edits the review, and a moderator removes it", async ({ page, another }) => {
  await signIn(page, people.alice);
  await page.goto(at("shop", "/products/filament-bulbs"));
  await page.getByRole("link", { name: "Write a review" }).click();
  await page.getByRole("button", { name: "Send review" }).click();
  await expect(page.getByRole("group", { name: "Your rating" })).toHaveAccessibleDescription("Choose how many stars you give.");
  await page.getByRole("radio", { name: "5 stars" }).focus();
  await page.keyboard.press("Space");
  await expect(page.getByRole("radio", { name: "5 stars" })).toBeChecked();
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("radio", { name: "4 stars" })).toBeChecked();
  await page.getByLabel("Title").fill("Warm and bright");
  await page.getByLabel("Your review").fill("They last.\n\nNo flicker.");
  await page.getByRole("button", { name: "Send review" }).click();
  const reviews = page.getByRole("region", { name: "Reviews" });
  await expect(reviews).toContainText("Warm and bright");
  await expect(page.getByRole("main").getByRole("img", { name: "Rated 4.0 out of 5, 1 review" })).toBeVisible();
  await page.getByRole("link", { name: "Edit your review" }).click();
  await page.getByRole("radio", { name: "2 stars" }).check();
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(reviews).toContainText("(edited)");

  const moderator = await another();
  await signIn(moderator, people.bob);
  await moderator.goto(at("shop", "/products/filament-bulbs"));
  const theirs = moderator.getByRole("region", { name: "Reviews" });
  await theirs.getByText("Remove", { exact: true }).click();
  await theirs.getByRole("button", { name: "Yes, remove it" }).click();
  await expect(theirs).toContainText("There are no reviews yet.");
});

test("filters stay in the address with a search, its pages and typing errors", async ({ page }) => {
  await page.goto(at("shop"));
  await page.getByText("Filters").click();
  await page.getByLabel("Lowest price").fill("30");
  await page.getByLabel("In stock only").check();
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page).toHaveURL(/min=30.*stock=in/);
  const found = await page.getByRole("status").filter({ hasText: "found" }).innerText();
  await page.getByRole("link", { name: "Next" }).click();
  await expect(page).toHaveURL(/page=2/);
  await expect(page.getByRole("status").filter({ hasText: found })).toBeVisible();
  await page.goto(at("shop", "/?sort=rating"));
  await page.getByText("Filters").click();
  await page.getByLabel("4 stars and up").check();
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page).toHaveURL(/sort=rating.*stars=4/);
  await expect(page.getByRole("main").getByRole("listitem").filter({ hasText: "Porch Lantern" }).getByRole("img", { name: "Rated 4.5 out of 5, 2 reviews" })).toBeVisible();
  await page.goto(at("shop", "/?q=lampe&min=900"));
  await page.getByRole("link", { name: "Clear filters" }).last().click();
  await expect(page.getByRole("main")).toContainText("Showing results for lamp");
  await expect(page.getByRole("main").getByRole("link", { name: "Jointed Reading Lamp" })).toBeVisible();
});

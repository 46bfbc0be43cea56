import { at, expect, expectGuest, expectPerson, fillSignIn, people, register, signIn, signOut, test } from "./house.js";

test("one sign-in opens every app", { tag: "@quick" }, async ({ page }) => {
  await signIn(page, people.admin);
  for (const service of ["shop", "forum", "analytics", "academy"]) {
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(at(service));
    await expect(page).toHaveURL(at(service));
    await expectPerson(page, people.admin);
    expect(asked.filter((url) => new URL(url).pathname === "/sign-in"), `${service} showed no form`).toEqual([]);
  }
});

test("a deep link asks for the sign-in and returns to exactly its page", async ({ page }) => {
  const deep = at("forum", "/mine?sort=votes&page=1");
  await page.goto(deep);
  await fillSignIn(page, people.alice);
  await expect(page).toHaveURL(deep);
  await expectPerson(page, people.alice);
});

test("the header's sign-in link returns to the page it was on", async ({ page }) => {
  const deep = at("forum", "/search?q=lamp");
  await page.goto(deep);
  await page.getByRole("banner").getByRole("link", { name: "Sign in" }).click();
  await fillSignIn(page, people.alice);
  await expect(page).toHaveURL(deep);
  await expectPerson(page, people.alice);
});

test("an app in another tab notices the sign-in", async ({ context, page }) => {
  await page.goto(at("shop"));
  await expectGuest(page);
  const other = await context.newPage();
  await signIn(other, people.alice);
  await page.goto(at("shop", "/orders"));
  await expect(page).toHaveURL(at("shop", "/orders"));
  await expectPerson(page, people.alice);
});

test("two tabs signing in at once both arrive", async ({ context, page }) => {
  const other = await context.newPage();
  await page.goto(at("shop", "/orders"));
  await other.goto(at("forum", "/mine"));
  await fillSignIn(page, people.alice);
  await expect(page).toHaveURL(at("shop", "/orders"));
  await fillSignIn(other, people.alice);
  await expect(other).toHaveURL(at("forum", "/mine"));
  await page.reload();
  await expectPerson(page, people.alice);
});

test("a wrong password is told, and the email is kept", async ({ page }) => {
  await page.goto(at("portal", "/sign-in"));
  await fillSignIn(page, people.carol, "not her password");
  await expect(page.getByRole("main")).toContainText("Wrong email or password");
  await expect(page.getByLabel("Email", { exact: true })).toHaveValue(people.carol.email);
  await expect(page.getByLabel("Password", { exact: true })).toHaveValue("");
  await page.getByLabel("Password", { exact: true }).fill("gatehouse-demo");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expectPerson(page, people.carol);
});

test("too many wrong passwords are refused with a sentence, others sign in as before", async ({ page, another }) => {
  const nobody = { email: `nobody-${Date.now()}@example.com` };
  await page.goto(at("portal", "/sign-in"));
  for (let tries = 0; tries < 7; tries++) await fillSignIn(page, nobody, "wrong");
  await expect(page.getByRole("main")).toContainText(/too many|try again in|wait/i);
  await signIn(await another(), people.alice);
});

test("a new account opens the apps as a customer", async ({ page }) => {
  const who = await register(page, "Nora Newcomer");
  await page.goto(at("shop", "/orders"));
  await expectPerson(page, who);
  const refused = await page.goto(at("analytics"));
  expect(refused.status()).toBe(403);
});

test("where a sign-in may lead is a page of our own only", async ({ page }) => {
  for (const outside of ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]) {
    await page.goto(at("portal", `/sign-in?return_to=${encodeURIComponent(outside)}`));
    await fillSignIn(page, people.alice);
    await expect(page).toHaveURL(at("portal"));
    await signOut(page, people.alice);
    await expectGuest(page);
  }
});

import { at, expect, expectGuest, expectPerson, fillSignIn, people, register, signIn, signOut, test, visit } from "./house.js";

const pages = { portal: "/profile", shop: "/orders", forum: "/mine" };

for (const service of Object.keys(pages)) {
  test(`sign-out at ${service} is sign-out everywhere in this browser, and not in the other`, async ({ page, another }) => {
    const other = await another();
    for (const browser of [page, other]) {
      await signIn(browser, people.bob);
      for (const [name, path] of Object.entries(pages)) {
        await browser.goto(at(name, path));
        await expectPerson(browser, people.bob);
      }
    }
    await page.goto(at(service, pages[service]));
    await signOut(page, people.bob);
    await expectGuest(page);

    // Every replica: round robin gives each of the two of them several of these.
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(at(name, path));
      await expect(page, `${name} asks again`).toHaveURL(/\/\/portal\.[^/]+\/sign-in/);
      await page.goto(at(name, "/"));
      for (let i = 0; i < 4; i++) expect(await visit(page, path, people.bob), `${name} asks again`).toMatchObject({ redirected: true });
      await other.goto(at(name, path));
      await expectPerson(other, people.bob);
      for (let i = 0; i < 4; i++) expect(await visit(other, path, people.bob)).toMatchObject({ status: 200, signedIn: true });
    }
  });
}

test("sign-out everywhere ends the other browser too", { tag: "@quick" }, async ({ page, another }) => {
  const who = await register(page, "Eve Everywhere");
  const other = await another();
  await other.goto(at("shop", "/orders"));
  await fillSignIn(other, who, who.secret);
  await expectPerson(other, who);

  await page.goto(at("portal", "/sessions"));
  await page.getByRole("main").getByRole("button", { name: "Sign out everywhere" }).click();
  await confirm(page);
  await expectGuest(page);
  await other.goto(at("shop", "/orders"));
  await expect(other).toHaveURL(/\/sign-in/);
});

test("my sessions lists both browsers and ends the other one", async ({ page, another }) => {
  const who = await register(page, "Sam Sessions");
  const other = await another();
  await other.goto(at("forum", "/mine"));
  await fillSignIn(other, who, who.secret);
  await expectPerson(other, who);

  await page.goto(at("portal", "/sessions"));
  const rows = page.getByRole("main").getByRole("listitem").filter({ hasText: "last seen" });
  await expect(rows).toHaveCount(2);
  await expect(rows.filter({ hasText: "Forum" })).toHaveCount(1);
  await page.getByRole("main").getByRole("button", { name: /^Sign out (?!everywhere|on this)/ }).click();
  await confirm(page);
  await expect(rows).toHaveCount(1);
  await other.goto(at("forum", "/mine"));
  await expect(other).toHaveURL(/\/sign-in/);
  await page.reload();
  await expectPerson(page, who);
});

test("a new password signs out the other browser and not this one", async ({ page, another }) => {
  const who = await register(page, "Pat Password");
  const other = await another();
  await other.goto(at("shop", "/orders"));
  await fillSignIn(other, who, who.secret);
  await expectPerson(other, who);

  await page.goto(at("portal", "/profile"));
  const form = page.locator("form", { has: page.getByLabel("New password", { exact: true }) });
  await form.getByLabel("Current password", { exact: true }).fill(who.secret);
  await form.getByLabel("New password", { exact: true }).fill("quite another long secret");
  await form.getByRole("button", { name: "Change password" }).click();
  await expectPerson(page, who);
  await page.goto(at("shop", "/orders"));
  await expectPerson(page, who);
  await other.goto(at("shop", "/orders"));
  await fillSignIn(other, who, who.secret);
  await expect(other.getByRole("main")).toContainText("Wrong email or password");
  await fillSignIn(other, who, "quite another long secret");
  await expectPerson(other, who);
});

test("back after the sign-out shows nothing private", async ({ page }) => {
  await signIn(page, people.alice);
  await page.goto(at("shop", "/orders"));
  await expectPerson(page, people.alice);
  await signOut(page, people.alice);
  await expectGuest(page);
  await page.goBack();
  await expect(page.getByLabel(`Account: ${people.alice.name}`)).toHaveCount(0);
});

test("signing out twice, in two tabs, is no error", async ({ context, page }) => {
  await signIn(page, people.alice);
  await page.goto(at("shop", "/orders"));
  const other = await context.newPage();
  await other.goto(at("shop", "/orders"));
  await signOut(page, people.alice);
  await expectGuest(page);
  await signOut(other, people.alice);
  await expectGuest(other);
});

// confirm answers the question that a dangerous button asks where there is JavaScript.
async function confirm(page) {
  await page.getByRole("dialog").getByRole("button").filter({ hasNotText: "Cancel" }).click();
}

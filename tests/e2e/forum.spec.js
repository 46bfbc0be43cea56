import { at, expect, expectPerson, fillSignIn, openThread, people, signIn, test } from "./house.js";

let threads = 0;

// ask starts a thread as whoever is signed in on the page, and returns its address.
async function ask(page, { title = `Which oil for the hinges? ${Date.now()}-${++threads}`, product = "" } = {}) {
  await page.goto(at("forum", product ? `/new?product=${product}` : "/new"));
  await page.getByLabel("Title", { exact: true }).fill(title);
  const board = page.getByLabel("Board", { exact: true });
  await board.selectOption({ index: (await board.locator("option").count()) - 1 });
  await page.getByLabel("Text", { exact: true }).fill("They **squeak** since the winter.");
  await page.getByRole("button", { name: "Post thread" }).click();
  await expect(page.getByRole("heading", { level: 1, name: title })).toBeVisible();
  return page.url().replace(/[?#].*/, "");
}

async function reply(page, text) {
  await page.getByRole("textbox", { name: "Reply", exact: true }).fill(text);
  await page.getByRole("button", { name: "Post reply" }).click();
  await expect(page.getByRole("article").filter({ hasText: text })).toBeVisible();
}

test("a thread is asked, answered and voted for, in place", async ({ page, another }) => {
  await signIn(page, people.alice);
  const thread = await ask(page);
  await expect(page.getByRole("article").locator("strong", { hasText: "squeak" })).toBeVisible();

  const bob = await another();
  await signIn(bob, people.bob);
  await bob.goto(thread);
  await reply(bob, "A drop of machine oil, never of the kitchen's.");

  await page.goto(thread);
  const vote = page.getByRole("button", { name: /^Vote for the post by Bob Demo/ });
  await expect(vote).toHaveAttribute("aria-pressed", "false");
  await page.evaluate(() => (window.sameDocument = true));
  await vote.click();
  await expect(vote).toHaveAttribute("aria-pressed", "true");
  await expect(vote).toContainText("1");
  expect(await page.evaluate(() => window.sameDocument), "the page was not loaded anew").toBe(true);
  await bob.reload();
  await expect(bob.getByRole("article", { name: /Reply 1/ })).toContainText("1");
  await vote.click();
  await expect(vote).toHaveAttribute("aria-pressed", "false");
});

test("a half-written reply survives the sign-in", async ({ page }) => {
  await openThread(page);
  const text = `Mine does that too, “since” March & the rain.\n\nÄ second paragraph ${Date.now()}.`;
  await page.getByRole("textbox", { name: "Reply", exact: true }).fill(text);
  await page.getByRole("button", { name: "Post reply" }).click();
  await fillSignIn(page, people.alice);
  await expect(page).toHaveURL(/\/\/forum\..*\/t\//);
  await expectPerson(page, people.alice);
  await expect(page.getByRole("textbox", { name: "Reply", exact: true })).toHaveValue(text);
  await page.getByRole("button", { name: "Post reply" }).click();
  await expect(page.getByRole("article").filter({ hasText: text.slice(-20) })).toHaveCount(1);
});

test("a reply sent twice stands once", async ({ page }) => {
  await signIn(page, people.alice);
  await ask(page);
  const text = `Only once, please ${Date.now()}`;
  await page.getByRole("textbox", { name: "Reply", exact: true }).fill(text);
  await page.getByRole("button", { name: "Post reply" }).dblclick();
  await expect(page.getByRole("article").filter({ hasText: text })).toHaveCount(1);
  await page.reload();
  await expect(page.getByRole("article").filter({ hasText: text })).toHaveCount(1);
});

test("who bought the product bears the badge, others do not", async ({ page, another }) => {
  await signIn(page, people.alice);
  const thread = await ask(page, { product: "brass-lever-handle" });
  const bob = await another();
  await signIn(bob, people.bob);
  await bob.goto(thread);
  await reply(bob, "I have only seen it in the window.");
  const badge = { hasText: "Verified buyer" };
  await expect(bob.getByRole("article", { name: /by Alice Demo/ }).filter(badge)).toHaveCount(1);
  await expect(bob.getByRole("article", { name: /by Bob Demo/ })).toHaveCount(1);
  await expect(bob.getByRole("article", { name: /by Bob Demo/ }).filter(badge)).toHaveCount(0);
});

test("an edited post says so", async ({ page }) => {
  await signIn(page, people.alice);
  await ask(page);
  await page.getByRole("article").getByRole("link", { name: "Edit" }).click();
  await page.getByLabel("Text", { exact: true }).fill("They squeak *and* they stick.");
  await page.getByRole("main").getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByRole("article").first()).toContainText(/edited/);
  await expect(page.getByRole("article").locator("em", { hasText: "and" })).toBeVisible();
});

test("what is written is text, not a script", async ({ page }) => {
  await signIn(page, people.alice);
  await ask(page, { title: `<img src=x onerror=alert(1)> ${Date.now()}` });
  await page
    .getByRole("textbox", { name: "Reply", exact: true })
    .fill('Look: <script>document.title="taken"</script><img src=x onerror="document.title=1"> [link](javascript:alert(1)) end');
  await page.getByRole("button", { name: "Post reply" }).click();
  await expect(page.getByRole("article", { name: /^Reply 1/ })).toContainText("end");
  await expect(page.locator("article script, article [onerror], article a[href^='javascript']")).toHaveCount(0);
  expect(await page.title()).not.toMatch(/taken|^1$/);
});

test("a moderator pins, locks and removes", async ({ page, another }) => {
  await signIn(page, people.alice);
  const thread = await ask(page);
  const bob = await another();
  await signIn(bob, people.bob);
  await bob.goto(thread);
  const bar = bob.getByRole("group", { name: "Moderate this thread" });
  await bar.getByRole("button", { name: "Pin", exact: true }).click();
  await expect(bar.getByRole("button", { name: "Unpin" })).toBeVisible();
  await bar.getByRole("button", { name: "Unpin" }).click();
  await bar.getByRole("button", { name: "Lock", exact: true }).click();
  await expect(bar.getByRole("button", { name: "Unlock" })).toBeVisible();

  await page.reload();
  await expect(page.getByRole("main")).toContainText(/locked/i);
  await expect(page.getByRole("button", { name: "Post reply" })).toHaveCount(0);

  await bob.locator("summary", { hasText: "Remove thread" }).click();
  await bob.getByLabel("Reason (shown to readers)").fill("A double of another thread");
  await bob.locator("form", { has: bob.getByLabel("Reason (shown to readers)") }).getByRole("button", { name: "Remove" }).click();
  await expect(bob.getByRole("main")).toContainText(/removed/i);
  const gone = await page.goto(thread);
  expect([403, 404, 410]).toContain(gone.status());
});

test("search finds as one types", async ({ page }) => {
  await signIn(page, people.alice);
  const word = `zwiebelkranz${Date.now()}`;
  await ask(page, { title: `Where to hang a ${word}?` });
  await page.goto(at("forum"));
  await page.getByRole("search").getByRole("searchbox").pressSequentially(word);
  await expect(page.getByRole("main").getByRole("link", { name: new RegExp(word) })).toBeVisible();
});

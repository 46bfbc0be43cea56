import { at, expect, expectPerson, fillSignIn, openThread, people, register, signIn, test } from "./house.js";
import { look } from "./look.js";

let threads = 0;

// ask starts a thread as whoever is signed in on the page, and returns its address.
async function ask(page, { title = `Which oil for the hinges? ${Date.now()}-${++threads}`, text = "They **squeak** since the winter.", product = "" } = {}) {
  await page.goto(at("forum", product ? `/new?product=${product}` : "/new"));
  await page.getByLabel("Title", { exact: true }).fill(title);
  const board = page.getByLabel("Board", { exact: true });
  await board.selectOption({ index: (await board.locator("option").count()) - 1 });
  await page.getByLabel("Text", { exact: true }).fill(text);
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

test("code and tables keep their direction in text from right to left", async ({ page }) => {
  await signIn(page, people.alice);
  await ask(page, {
    title: `كيف أصلح قفل الباب؟ ${Date.now()}`,
    text: "شكرا لكم، جربت `oil --dry` ولم ينفع.\n\n```\nrun(1)\n```\n\n| Size | Price |\n|---|---|\n| 40 mm | 12 € |\n\n| المقاس | السعر |\n|---|---|\n| كبير | قليل |",
  });
  const boxes = await page.getByRole("article").first().evaluate((article) => {
    const characters = (code) => {
      const text = code.firstChild;
      return [...text.data.trim()].map((_, i) => {
        const range = document.createRange();
        range.setStart(text, i);
        range.setEnd(text, i + 1);
        return range.getBoundingClientRect().left;
      });
    };
    const cells = (table) => [...table.querySelectorAll("th")].map((cell) => cell.getBoundingClientRect().left);
    const prose = article.querySelector(".prose");
    return {
      direction: getComputedStyle(prose).direction,
      code: [...prose.querySelectorAll("code")].map(characters),
      start: prose.querySelector("pre code").getBoundingClientRect().left - prose.querySelector("pre").getBoundingClientRect().left,
      tables: [...prose.querySelectorAll("table")].map(cells),
    };
  });
  expect(boxes.direction).toBe("rtl");
  expect(boxes.code).toHaveLength(2);
  for (const lefts of boxes.code) expect(lefts, "code is read from left to right").toEqual([...lefts].sort((a, b) => a - b));
  expect(boxes.start, "code begins at the left of its block").toBeLessThan(40);
  const [latin, arabic] = boxes.tables;
  expect(latin[0]).toBeLessThan(latin[1]);
  expect(arabic[0]).toBeGreaterThan(arabic[1]);
});

test("a reply is quoted, seen as new, accepted, deleted and brought back", async ({ page, another }) => {
  await signIn(page, people.alice);
  const thread = await ask(page);
  const title = page.getByRole("heading", { level: 1 });
  await expect(title, "after posting one sees the title").toBeInViewport();
  expect(await page.evaluate(() => scrollY)).toBe(0);

  await page.getByRole("button", { name: "Follow", exact: true }).click();
  await expect(page.getByRole("button", { name: "Stop following" })).toBeVisible();

  const carol = await another({ viewport: { width: 1280, height: 500 } });
  await signIn(carol, people.carol);
  await carol.goto(thread);
  await reply(carol, "Have you tried wax?");
  await carol.getByRole("article").first().getByRole("link", { name: "Quote" }).click();
  const field = carol.getByRole("textbox", { name: "Reply", exact: true });
  await expect(field).toHaveValue(/^> \[Alice Demo\]\(\/posts\/\w+\) wrote:\n>\n> They \*\*squeak\*\*/);
  await expect(field).toBeFocused();
  await field.fill(`${await field.inputValue()}A drop of machine oil.`);
  await carol.getByRole("button", { name: "Post reply" }).click();
  const answer = carol.getByRole("article", { name: /^Reply 2/ });
  await expect(answer.locator("blockquote strong", { hasText: "squeak" })).toBeVisible();
  await expect(carol).toHaveURL(/#post-3$/);
  await expect(answer, "after replying one sees the reply").toBeInViewport();
  const header = await carol.getByRole("banner").boundingBox();
  expect((await answer.boundingBox()).y, "the reply is not under the header").toBeGreaterThanOrEqual(header.y + header.height);

  await page.goto(at("forum", "/following"));
  await expect(page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Following 1" })).toBeVisible();
  const row = page.getByRole("article").filter({ has: page.locator(`a[href="${new URL(thread).pathname}"]`) });
  await row.getByRole("link", { name: /^2 new/ }).click();
  await expect(page).toHaveURL(/#post-2$/);
  await page.getByRole("article", { name: /^Reply 2/ }).getByRole("button", { name: "Mark as answer" }).click();
  await expect(page.getByRole("region", { name: "Accepted answer" })).toContainText("A drop of machine oil.");
  await look(page, "a thread with an accepted answer");
  await page.goto(at("forum"));
  await expect(row).toContainText("Answered");
  await expect(row).not.toContainText("new");

  await carol.getByRole("article", { name: /^Reply 1/ }).getByRole("link", { name: "Delete" }).click();
  await carol.getByRole("main").getByRole("button", { name: "Delete" }).click();
  await expect(carol.getByRole("article", { name: /^Reply 1/ })).toContainText("You deleted this post");
  await page.goto(thread);
  await expect(page.getByRole("article", { name: "Reply 1, deleted by its author" })).toBeVisible();
  await expect(page.getByRole("main")).not.toContainText("tried wax");
  await carol.getByRole("button", { name: "Undo" }).click();
  await expect(carol.getByRole("article", { name: /^Reply 1 by/ })).toContainText("tried wax");
});

test("the toolbar marks text by keyboard, and an unsent text comes back", async ({ page }) => {
  await signIn(page, people.alice);
  const thread = await ask(page);
  const field = page.getByRole("textbox", { name: "Reply", exact: true });
  await field.fill("Use wax here");
  await field.evaluate((f) => f.setSelectionRange(4, 7));
  const bold = page.getByRole("toolbar").getByRole("button", { name: /^Bold/ });
  await bold.focus();
  await page.keyboard.press("Enter");
  await expect(field).toHaveValue("Use **wax** here");
  await expect(field).toBeFocused();
  await page.keyboard.press("Control+B");
  await expect(field).toHaveValue("Use wax here");
  await bold.focus();
  await page.keyboard.press("ArrowLeft"); // to the image
  await page.keyboard.press("ArrowLeft");
  await expect(page.getByRole("toolbar").getByRole("button", { name: "List" })).toBeFocused();
  await page.keyboard.press("Space");
  await expect(field).toHaveValue("- Use wax here");

  await page.goto(at("forum"));
  await page.goto(thread);
  await expect(field).toHaveValue("- Use wax here");
  const note = page.getByText("It hasn't been posted yet");
  await expect(note).toBeVisible();
  await page.getByRole("button", { name: "Post reply" }).click();
  await expect(page.getByRole("article", { name: /^Reply 1/ }).getByRole("listitem")).toHaveText("Use wax here");
  await expect(field).toHaveValue("");
  await expect(note).toBeHidden();
  await field.fill("Never mind");
  await page.reload();
  await expect(field).toHaveValue("Never mind");
  await page.getByRole("button", { name: "Discard it" }).click();
  await page.reload();
  await expect(field).toHaveValue("");
});

test("a reported post goes through the moderators' queue", async ({ page, another }) => {
  await signIn(page, people.alice);
  const title = `Cheap hinges, buy now ${Date.now()}`;
  await ask(page, { title });
  const carol = await another();
  await signIn(carol, people.carol);
  await carol.goto(page.url());
  await carol.getByRole("link", { name: "Report" }).click();
  await carol.getByLabel("Reason").fill("This is advertising.");
  await carol.getByRole("button", { name: "Send report" }).click();
  await expect(carol.getByRole("status")).toContainText("A moderator will look at the post");
  await carol.getByRole("link", { name: "Alice Demo" }).first().click();
  await expect(carol.getByRole("heading", { level: 1, name: "Alice Demo" })).toBeVisible();
  await expect(carol.getByRole("link", { name: title })).toBeVisible();

  const bob = await another();
  await signIn(bob, people.bob);
  await bob.goto(at("forum"));
  await bob.getByRole("navigation", { name: "Main" }).getByRole("link", { name: /^Moderation \d+/ }).click();
  const report = bob.getByRole("listitem").filter({ hasText: title });
  await report.getByLabel("Reason (shown to readers)").fill("Advertising");
  await report.getByRole("button", { name: "Remove the post" }).click();
  await expect(bob).toHaveURL(at("forum", "/moderation/reports"));
  await expect(report).toHaveCount(0);
  expect((await page.reload()).status()).toBe(410);
});

test("a mention is counted in another app's header at once, and read in the inbox", async ({ page, another }) => {
  const who = await register(page, "Mina Mention");
  await page.goto(at("forum"));
  const thread = await ask(page, { title: `Who knows oil? ${Date.now()}` }); // whoever has posted can be mentioned
  await page.goto(at("shop"));
  const inbox = page.getByRole("banner").getByRole("link", { name: /^Inbox/ });
  await expect(inbox).toHaveAccessibleName("Inbox");

  const carol = await another();
  await signIn(carol, people.carol);
  await carol.goto(thread);
  const field = carol.getByRole("textbox", { name: "Reply", exact: true });
  await field.pressSequentially("Ask @mina-m");
  await expect(carol.getByRole("option", { name: /Mina Mention/ }).first()).toBeVisible();
  await look(carol, "the people that the form offers");
  await field.press("ArrowDown");
  await field.press("ArrowUp");
  await field.press("Enter");
  await expect(field).toHaveValue(/^Ask @mina-mention\S* $/);
  await field.pressSequentially("about wax.");
  await carol.getByRole("button", { name: "Post reply" }).click();
  await carol.getByRole("article", { name: /^Reply 1/ }).getByRole("link", { name: /^@mina-mention/ }).click();
  await expect(carol.getByRole("heading", { level: 1, name: who.name })).toBeVisible();

  await expect(inbox, "without loading the page anew").toHaveAccessibleName("Inbox, 1 unread");
  await page.goto(at("portal", "/sessions"));
  await expect(inbox, "as the page is loaded").toHaveAccessibleName("Inbox, 1 unread");
  await inbox.click();
  const entry = page.getByRole("listitem").filter({ hasText: "Carol Demo mentioned you" });
  await expect(entry).toContainText("New");
  await look(page, "the inbox");
  await entry.getByRole("link").click();
  await expect(page).toHaveURL(/#post-2$/);
  await expect(inbox).toHaveAccessibleName("Inbox");
  await page.goBack();
  await page.reload();
  await expect(entry).not.toContainText("New");
});

test("an image is uploaded from the toolbar, and gone with its post", async ({ page, another }) => {
  await signIn(page, people.alice);
  await ask(page);
  const file = { name: "hinge.png", mimeType: "image/png", buffer: await page.getByRole("article").first().screenshot() };
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("toolbar").getByRole("button", { name: "Image" }).click();
  await (await chooser).setFiles({ ...file, buffer: Buffer.from("<svg/>") });
  await expect(page.getByText("This isn't a PNG or JPEG file")).toBeVisible();
  await page.locator("[data-upload-file]").setInputFiles(file);
  const field = page.getByRole("textbox", { name: "Reply", exact: true });
  await expect(field).toHaveValue(/^!\[image\]\(\/images\/[a-z0-9]{16}\)$/);
  await field.pressSequentially("The hinge"); // in place of the description
  await page.getByRole("button", { name: "Post reply" }).click();
  const image = page.getByRole("img", { name: "The hinge" });
  await expect.poll(() => image.evaluate((i) => i.naturalWidth)).toBeGreaterThan(100);
  const address = await image.getAttribute("src");

  const guest = await another();
  expect((await guest.goto(at("forum", address))).headers()["content-type"]).toBe("image/png");
  await page.getByRole("article", { name: /^Reply 1/ }).getByRole("link", { name: "Delete" }).click();
  await page.getByRole("main").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("You deleted this post")).toBeVisible();
  const stranger = await another();
  expect((await stranger.goto(at("forum", address))).status()).toBe(404);
});

import { readFileSync } from "node:fs";
import { age, ban, expectReceipt, liftBan, openPerson, servers } from "./console.js";
import { at, expect, expectGuest, expectPerson, fillSignIn, password, people, register, signIn, test } from "./house.js";
import { card } from "./tabs.js";

const { admin } = people;
const main = (page) => page.getByRole("main");
const rows = (page) => main(page).locator("tbody tr");

// giveAgain gives the password once more, where the page asks for nothing else.
async function giveAgain(page) {
  await expect(main(page)).toContainText("Confirm it's you");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Continue" }).click();
}

// csv downloads the audit that the page shows, as lines.
async function csv(page) {
  const [download] = await Promise.all([page.waitForEvent("download"), main(page).getByRole("link", { name: "Download as CSV" }).click()]);
  expect(download.suggestedFilename()).toMatch(/^audit-.*\.csv$/);
  return readFileSync(await download.path(), "utf8").trim().split("\r\n");
}

const lists = ["", "/health", "/people", "/sign-ins", "/sign-ins/failed", "/servers", "/denylist", "/deliveries", "/clients", "/clients/new", "/clients/shop", "/keys", "/audit", "/audit.csv"];
const person = ["", "/ban", "/unban", "/roles", "/end"].map((form) => `/people/demo-bob${form}`);

test("the console is an administrator's: others get 403, and guests are led to sign in and back", async ({ page, another }) => {
  test.setTimeout(90_000);
  const guest = await another();
  await signIn(page, people.alice);
  for (const path of [...lists, ...person]) {
    const refused = await page.goto(at("portal", `/admin${path}`));
    expect(refused.status(), path).toBe(403);
    await guest.goto(at("portal", `/admin${path}`));
    await expect(guest, path).toHaveURL(/\/\/portal\.[^/]+\/sign-in\?/);
  }
  await expect(main(page)).toContainText(`You need the role admin. You're signed in as ${people.alice.email}`);
  await expect(page.getByRole("banner").getByRole("link", { name: "Admin" })).toHaveCount(0);
  const post = await page.evaluate(async () => (await fetch("/admin/people/demo-bob/ban", { method: "POST", body: new URLSearchParams({ reason: "No", until: "never" }) })).status);
  expect(post).toBe(403);

  const address = at("portal", "/admin/denylist?q=nobody&state=");
  await guest.goto(address);
  await fillSignIn(guest, admin);
  await expect(guest).toHaveURL(address);
  await guest.getByRole("banner").getByRole("link", { name: "Admin" }).click();
  await expect(guest).toHaveURL(at("portal", "/admin"));
  for (const item of ["People", "Sign-ins", "Servers", "Denylist", "Deliveries", "Clients", "Keys", "Audit"]) {
    await guest.getByRole("navigation", { name: "Console" }).getByRole("link", { name: item }).click();
    await expect(guest.getByRole("navigation", { name: "Console" }).getByRole("link", { name: item })).toHaveAttribute("aria-current", "page");
  }
});

test("several people are banned, signed out and let in again at once", async ({ page, another }) => {
  test.setTimeout(90_000);
  const word = `Bulk${Date.now()}`;
  const [one, two] = [await register(await another(), `Una ${word}`), await register(await another(), `Duo ${word}`)];
  await signIn(page, admin);
  const select = async (action) => {
    await page.goto(at("portal", `/admin/people?q=${word}`));
    await main(page).getByRole("link", { name: "Select all on this page" }).click();
    await expect(main(page).getByText("2 selected")).toBeVisible();
    await main(page).getByRole("button", { name: action, exact: true }).click();
  };
  await page.goto(at("portal", `/admin/people?q=${word}`));
  await main(page).getByLabel(`Select ${one.name}`).check();
  await expect(main(page).getByText("1 selected")).toBeVisible();

  await select("Ban");
  await expect(main(page).getByRole("heading", { level: 1 })).toHaveText("Ban 2 people?");
  await main(page).getByRole("button", { name: /^Ban/ }).click();
  await expect(main(page)).toContainText("Enter a reason for the other administrators.");
  await main(page).getByLabel("Reason").fill("Both of them");
  await main(page).getByRole("button", { name: /^Ban/ }).click();
  await expect(main(page).getByRole("heading", { level: 1 })).toHaveText("2 of 2 people banned");
  await main(page).getByRole("link", { name: `Receipt of ${two.name}` }).click();
  await expect(main(page)).toContainText("Both of them");
  await expectReceipt(page);

  await select("Lift the ban");
  await main(page).getByRole("button", { name: /^Lift the ban/ }).click();
  await expect(main(page).getByRole("heading", { level: 1 })).toHaveText("Ban lifted for 2 of 2 people");
  await select("Sign out everywhere");
  await main(page).getByRole("button", { name: /^Sign out 2 people/ }).click();
  await expect(main(page)).toContainText("Not signed in");
  await main(page).getByRole("link", { name: "Back to people" }).click();
  await expect(rows(page)).toHaveCount(2);
});

test("an old sign-in gives the password again and finds the form as it was left", async ({ another }) => {
  test.setTimeout(90_000);
  const userAgent = `Old sign-in ${process.pid} ${Date.now()}`;
  const who = await register(await another(), "Otto Overdue");
  const page = await another({ userAgent });
  await page.goto(at("portal", "/sign-in")); // by the form, which notes the browser's name
  await fillSignIn(page, admin);
  await expectPerson(page, admin);
  await openPerson(page, who);
  const theirs = page.url();
  await main(page).getByRole("link", { name: "Ban", exact: true }).click();
  await main(page).getByLabel("Reason").fill("Typed “before”, and\nnot lost");
  await main(page).getByLabel("One week").check();
  age(userAgent, 16);
  await main(page).getByRole("button", { name: /^Ban/ }).click();
  await giveAgain(page);
  await expect(page).toHaveURL(`${theirs}/ban`);
  await expect(main(page).getByLabel("Reason")).toHaveValue("Typed “before”, and\nnot lost");
  await expect(main(page).getByLabel("One week")).toBeChecked();
  await main(page).getByRole("button", { name: /^Ban/ }).click();
  await expect(page).toHaveURL(/\/receipts\//);

  age(userAgent, 16);
  await page.goto(theirs); // to look is free
  await expect(main(page)).toContainText("can't sign in");
  await main(page).getByRole("link", { name: "Lift the ban" }).click();
  await giveAgain(page);
  await expect(page).toHaveURL(`${theirs}/unban`);
  await main(page).getByRole("button", { name: "Lift the ban" }).click();
  await expect(page.getByText(`${who.name} can sign in again.`)).toBeVisible();
});

test("a double click bans once, and nobody bans or demotes the last administrator", async ({ page, another }) => {
  test.setTimeout(90_000);
  const who = await register(await another(), "Dora Double");
  await signIn(page, admin);
  await openPerson(page, who);
  const theirs = page.url();
  await main(page).getByRole("link", { name: "Ban", exact: true }).click();
  await main(page).getByLabel("Reason").fill("Twice as bad");
  await main(page).getByRole("button", { name: /^Ban/ }).dblclick();
  await expect(main(page)).toContainText("Twice as bad"); // the receipt, or the person's page
  await page.goto(theirs);
  const part = (name) => main(page).getByRole("region", { name }).getByRole("listitem");
  await expect(part("Receipts")).toHaveCount(1);
  await expect(part("Administrator activity")).toHaveCount(1);

  await openPerson(page, admin);
  await expect(main(page).getByRole("link", { name: "Ban", exact: true })).toHaveCount(0);
  await main(page).getByRole("link", { name: "Edit roles" }).click();
  await main(page).getByLabel("Admin", { exact: true }).uncheck();
  await main(page).getByRole("button", { name: "Save roles" }).click();
  await expect(main(page)).toContainText("is the only administrator who can sign in");
  await page.goto(at("portal", "/admin"));
  await expectPerson(page, admin);
});

test("a change of roles signs somebody out, and counts from the next sign-in on", async ({ page, another }) => {
  test.setTimeout(90_000);
  const other = await another();
  const who = await register(other, "Rosa Roles");
  expect((await other.goto(at("analytics"))).status()).toBe(403);
  await other.goto(at("shop", "/orders"));
  await expectPerson(other, who);
  await signIn(page, admin);
  await openPerson(page, who);
  await main(page).getByRole("link", { name: "Edit roles" }).click();
  await main(page).getByLabel("Analyst", { exact: true }).check();
  await main(page).getByRole("button", { name: "Save roles" }).click();
  await expect(page).toHaveURL(/\/receipts\//);
  await expectReceipt(page, "Shop");
  await expect(card(other)).toContainText("Your roles were changed");
  await other.goto(at("analytics"));
  await fillSignIn(other, who, who.secret);
  await expect(other).toHaveURL(at("analytics"));
  await expectPerson(other, who);

  await openPerson(page, who); // one sign-in among others
  await main(page).getByRole("button", { name: /^Sign out (?!everywhere)/ }).click();
  await page.getByRole("dialog").getByRole("button").filter({ hasNotText: "Cancel" }).click();
  await expect(card(other)).toContainText("An administrator signed you out");
});

test("a client is created, changed, given a new secret and disabled", async ({ page }) => {
  test.setTimeout(90_000);
  const id = `e2e-${process.pid}-${Date.now()}`;
  await signIn(page, admin);
  await page.goto(at("portal", "/admin/clients"));
  await page.getByRole("link", { name: "New client" }).click();
  await main(page).getByLabel("Client ID").fill(id);
  await main(page).getByLabel("Name", { exact: true }).fill("Wiki of the tests");
  await main(page).getByLabel("Redirect addresses").fill("not an address");
  await main(page).getByRole("button", { name: "Create client" }).click();
  await expect(main(page)).toContainText("The client wasn't saved");
  await expect(main(page).getByLabel("Name", { exact: true })).toHaveValue("Wiki of the tests");
  const back = "https://wiki.example.com/callback";
  await main(page).getByLabel("Redirect addresses").fill(back);
  await main(page).getByRole("button", { name: "Create client" }).click();
  const field = main(page).getByLabel("Secret", { exact: true });
  const secret = await field.inputValue();
  expect(secret.length).toBeGreaterThanOrEqual(32);
  await expect(main(page).getByRole("region", { name: "Environment variables" })).toContainText(`CLIENT_SECRET=${secret}`);
  await main(page).getByRole("button", { name: "Copy the secret" }).click();
  await expect(main(page).getByText("Copied", { exact: true }).first()).toBeVisible();
  await page.reload(); // sends the form once more
  expect(await page.content()).not.toContain(secret);
  await page.goto(at("portal", `/admin/clients/${id}`));
  expect(await page.content()).not.toContain(secret);
  await expect(main(page)).toContainText(back);

  // What the portal says to a browser that the client sends: on to it, or no.
  const ask = `/oauth/authorize?${new URLSearchParams({
    client_id: id, redirect_uri: back, response_type: "code", scope: "openid", state: "s", nonce: "n",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256",
  })}`;
  const answer = () => page.evaluate(async (path) => {
    const got = await fetch(path, { redirect: "manual" });
    return got.type === "opaqueredirect" ? "on" : got.status;
  }, ask);
  await expect.poll(answer).toBe("on");

  await main(page).getByRole("link", { name: "Edit" }).click();
  await main(page).getByLabel("Name", { exact: true }).fill("Handbook of the tests");
  await main(page).getByRole("button", { name: "Save" }).click();
  await expect(main(page).getByRole("heading", { level: 1 })).toHaveText("Handbook of the tests");

  await main(page).getByRole("link", { name: "New secret" }).click();
  await main(page).getByRole("button", { name: "Create a new secret" }).click();
  const next = await field.inputValue();
  expect(next).not.toBe(secret);
  await main(page).getByRole("link", { name: "I've copied it" }).click();
  expect(await page.content()).not.toContain(next);

  await main(page).getByRole("link", { name: "Disable" }).click();
  await main(page).getByRole("button", { name: /^Disable/ }).click();
  await expect(main(page)).toContainText("This client is disabled");
  for (let i = 0; i < 4; i++) await expect.poll(answer, "both replicas refuse it").toBe(400);

  await page.goto(at("portal", "/admin/clients"));
  await main(page).getByRole("searchbox").pressSequentially("Handbook of");
  await expect(rows(page).filter({ hasText: id })).toContainText("Disabled");
  await page.goto(at("portal", `/admin/audit?${new URLSearchParams({ kind: "client", target: id })}`));
  for (const act of ["Created a client", "Changed a client", "Rotated a client's secret", "Disabled a client"]) {
    await expect(rows(page).filter({ hasText: act })).toHaveCount(1);
  }
  expect(await page.content()).not.toContain(next);
});

test("the next key is seen by every server before it signs", async ({ page }) => {
  test.setTimeout(150_000);
  await signIn(page, admin);
  await page.goto(at("portal", "/admin/keys"));
  await main(page).getByRole("button", { name: "Rotate ES256" }).click();
  const next = rows(page).filter({ hasText: "Next" });
  await expect(next).toContainText("signing from");
  await expect(next).toContainText(`On all ${servers().length}`, { timeout: 60_000 }); // they ask twice a minute
  for (const name of servers()) await expect(next).toContainText(name);
  const kid = await next.locator("code").textContent();
  const published = await page.evaluate(async () => (await (await fetch("/oauth/jwks")).json()).keys.map((key) => key.kid));
  expect(published).toContain(kid);
  await next.getByRole("link", { name: "Withdraw" }).click(); // and leave the keys as they were
  await main(page).getByRole("button", { name: "Withdraw the key" }).click();
  await expect(rows(page).filter({ hasText: kid })).toContainText("Withdrawn");
  await expect(rows(page).filter({ hasText: kid })).toContainText("Not accepted", { timeout: 90_000 });
});

test("servers, sign-ins and the overview are live, and the denylist finds who is banned", async ({ page, another }) => {
  test.setTimeout(120_000);
  await signIn(page, admin);
  await page.goto(at("portal", "/admin/servers"));
  for (const name of servers()) await expect(page.locator(`#server-${name}`)).toContainText("Healthy");
  const position = async () => Number((await main(page).locator(".facts div").filter({ hasText: "Log position" }).locator("dd").textContent()).replace(/\D/g, ""));
  const before = await position();

  const list = await page.context().newPage();
  await list.goto(at("portal", "/admin/sign-ins?app=shop"));
  const other = await another();
  const who = await register(other, "Levi Live");
  await other.goto(at("shop", "/orders"));
  await list.bringToFront();
  await expect(rows(list).filter({ hasText: who.email })).toContainText(/Shop · shop-\d/);
  await openPerson(list, who);
  await ban(list, who, "Too lively");
  const receipt = list.url();
  await page.bringToFront();
  await expect.poll(position).toBeGreaterThan(before);

  await page.goto(at("portal", "/admin/denylist"));
  await main(page).getByRole("searchbox").pressSequentially(who.email.split("@")[0]);
  const line = rows(page).filter({ hasText: "Person" }).filter({ hasText: who.name });
  await expect(line).toHaveCount(1);
  for (const words of ["Banned", "Too lively", "Admin Demo"]) await expect(line).toContainText(words);
  await expect(rows(page)).toHaveCount(await rows(page).filter({ hasText: who.name }).count());
  await line.getByRole("link", { name: /^Receipt/ }).click();
  await expect(page).toHaveURL(receipt);

  await page.goto(at("portal", "/admin/deliveries"));
  await expect(main(page)).toContainText("No failed deliveries");
  await page.goto(at("portal", "/admin"));
  await expect(rows(page).filter({ hasText: who.name })).toContainText(`${servers().length} of ${servers().length}`);
});

test("the audit tells who did what to whom, with filters and as CSV", async ({ page, another }) => {
  test.setTimeout(90_000);
  const who = await register(await another(), "Audrey Audited");
  await signIn(page, admin);
  await openPerson(page, who);
  await ban(page, who, "=1+1, a \"formula\"");
  await openPerson(page, who);
  await liftBan(page, who);
  await main(page).getByRole("link", { name: "All", exact: true }).click();
  await expect(rows(page)).toHaveCount(2);
  await expect(rows(page).first()).toContainText("Unbanned");
  for (const words of [admin.email, who.email, "Banned", "=1+1", "127.0.0.1"]) await expect(rows(page).last()).toContainText(words);

  await page.goto(at("portal", "/admin/audit"));
  await main(page).getByLabel("By").fill(admin.email);
  await main(page).getByLabel("About").fill(who.email);
  await main(page).getByLabel("Action").selectOption("Banned");
  await main(page).getByRole("button", { name: "Filter" }).click();
  await expect(rows(page)).toHaveCount(1);
  const lines = await csv(page);
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^Number,Time,Actor,/);
  expect(lines[1]).toContain(`${admin.email},`);
  expect(lines[1]).toContain(who.email);
  expect(lines[1]).toContain("person.banned");
  expect(lines[1], "no cell is a formula").not.toMatch(/(^|,)"?[=+@]/);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("search, ban, receipt, filters, live pages and CSV", async ({ page, another }) => {
    test.setTimeout(120_000);
    const other = await another({ javaScriptEnabled: true });
    const who = await register(other, "Nils Noscript");
    await other.goto(at("shop", "/orders"));
    await signIn(page, admin);
    await page.goto(at("portal", "/admin/people"));
    await main(page).getByRole("searchbox").fill(who.email.split("@")[0]);
    await main(page).getByRole("button", { name: "Search" }).click();
    await expect(rows(page)).toHaveCount(1);
    await main(page).getByLabel("State").selectOption("Banned");
    await main(page).getByRole("button", { name: "Search" }).click();
    await expect(main(page)).toContainText("No people match");
    await main(page).getByLabel("State").selectOption("Any state");
    await main(page).getByRole("button", { name: "Search" }).click();
    await main(page).getByRole("link", { name: who.name, exact: true }).click();

    await main(page).getByRole("link", { name: "Ban", exact: true }).click();
    await main(page).getByRole("button", { name: /^Ban/ }).click();
    await expect(main(page)).toContainText("Enter a reason for the other administrators.");
    await main(page).getByLabel("Reason").fill("Without a script");
    await main(page).getByRole("button", { name: /^Ban/ }).click();
    await expect(page).toHaveURL(/\/receipts\//);
    await expectReceipt(page, "Shop");
    await expect(card(other)).toContainText("Your account was banned by an administrator");

    for (const path of ["", "/sign-ins", "/servers", "/keys", "/deliveries"]) {
      await page.goto(at("portal", `/admin${path}`));
      await page.getByRole("link", { name: "Refresh" }).click();
      await expect(page).toHaveURL(at("portal", `/admin${path}`));
    }
    await page.goto(at("portal", "/admin/sign-ins"));
    await main(page).getByRole("link", { name: /^Portal/ }).click();
    await expect(page).toHaveURL(/app=portal/);
    await page.goto(at("portal", "/admin/denylist"));
    await main(page).getByRole("searchbox").fill(who.email);
    await main(page).getByLabel("Why").selectOption("Banned");
    await main(page).getByRole("button", { name: "Search" }).click();
    await expect(rows(page).filter({ hasText: who.name })).toHaveCount(1);

    await page.goto(at("portal", "/admin/audit"));
    await main(page).getByLabel("About").fill(who.email);
    await main(page).getByRole("button", { name: "Filter" }).click();
    await expect(rows(page)).toHaveCount(1);
    const lines = await csv(page);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain("Without a script");
  });
});

test("a filter of the people is saved, opened, replaced, deleted and brought back", async ({ page }) => {
  await signIn(page, admin);
  await page.goto(at("portal", "/admin/people"));
  await main(page).getByRole("searchbox").fill("alice");
  const saved = main(page).getByRole("navigation", { name: "Saved" }).getByRole("link", { name: "My filter" });
  const save = async (summary) => {
    await main(page).getByText(summary).click();
    await main(page).getByLabel("Name", { exact: true }).fill("My filter");
    await main(page).getByRole("button", { name: "Save", exact: true }).click();
    await expect(page.getByText("was saved")).toBeVisible();
    await expect(saved).toHaveAttribute("aria-current", "true");
  };
  await save("Save this filter");
  await page.goto(at("portal", "/admin/people?q=bob"));
  await save("Save this filter, or delete one"); // replaces it
  await page.goto(at("portal", "/admin/people"));
  await saved.click();
  await expect(rows(page)).toContainText(people.bob.email);
  await main(page).getByText("Save this filter, or delete one").click();
  await main(page).getByRole("button", { name: "Delete the filter My filter" }).click();
  await expect(main(page)).toContainText("“My filter” was deleted");
  await expect(saved).toHaveCount(0);
  await main(page).getByRole("button", { name: "Undo" }).click();
  await expect(saved).toBeVisible();
});

test("every sign-in of somebody is ended from their page", async ({ page, another }) => {
  const other = await another();
  const who = await register(other, "Enno Ended");
  await signIn(page, admin);
  await openPerson(page, who);
  await main(page).getByRole("link", { name: "Sign out everywhere" }).click();
  await main(page).getByRole("button", { name: /^Sign out/ }).click();
  await expect(page).toHaveURL(/\/receipts\//);
  await expectReceipt(page);
  await expect(card(other)).toContainText("An administrator signed you out");
  await other.goto(at("portal", "/"));
  await expectGuest(other);
});

test("the keyboard searches the people, moves over the rows and opens one", async ({ page }) => {
  await signIn(page, admin);
  await page.goto(at("portal", "/admin/people"));
  const links = rows(page).getByRole("link");
  for (const [key, row] of [["j", 0], ["j", 1], ["k", 0]]) {
    await page.keyboard.press(key);
    await expect(links.nth(row)).toBeFocused();
    await expect(rows(page).nth(row)).toHaveAttribute("data-at");
  }
  await page.keyboard.press("/");
  await expect(main(page).getByRole("searchbox")).toBeFocused();
  await page.keyboard.type("jk/");
  await expect(main(page).getByRole("searchbox")).toHaveValue("jk/");
  await main(page).getByRole("searchbox").fill("alice");
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page)).toContainText(people.alice.email);
  await page.keyboard.press("Tab");
  await page.keyboard.press("j"); // in a list to choose from, too, it is a letter
  await expect(main(page).getByLabel("State")).toBeFocused();
  await main(page).getByRole("heading", { level: 1 }).click();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/admin\/people\/demo-alice$/);
});

// The data that a layout must bear: a person with a name of 120 letters and no space, texts that are read from right to left,
// and what they leave behind in each app.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { at, expect, people, register, signIn } from "./house.js";

export const longName = "Donaudampfschiff".repeat(8).slice(0, 120);
export const rtlTitle = "كيف أصلح قفل الباب القديم في البيت؟ (version 2.4, really)";
const rtlText = `شكرا لكم على المساعدة. جربت الزيت ولم ينفع.

\`\`\`go
func main() { fmt.Println("${"x".repeat(150)}") }
\`\`\`

| المقاس | السعر |
|---|---|
| 40 mm | 12,50 € |

${longName}

> ${"https://example.com/" + "path/".repeat(30)}`;

// sql runs statements in the database of a service of the worker's estate.
export function sql(service, statements) {
  return execFileSync("sqlite3", ["-cmd", ".timeout 10000", join(process.env.E2E_DATA, `${service}.db`), statements], { encoding: "utf8" });
}

// submit fills the form with these values and sends it. It returns when the next page is there.
export async function submit(page, selector, values) {
  const form = page.locator(selector).first();
  await Promise.all([
    page.waitForNavigation(),
    form.evaluate((f, fields) => {
      for (const [name, value] of Object.entries(fields)) f.elements.namedItem(name).value = value;
      HTMLFormElement.prototype.submit.call(f); // a page, not a fragment for htmx
    }, values),
  ]);
}

const roomCode = async (page) => (await page.locator("[data-room-code]").innerText()).replace(/[^A-Z0-9]/g, "");

// seedExtremes creates the person and their data, and returns the person and the addresses of what was made.
export async function seedExtremes(browser) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const who = await register(page, longName.slice(0, 80));
  sql("portal", `UPDATE users SET name = '${longName}' WHERE email = '${who.email}'`);
  who.name = longName;
  const made = { who };

  await page.goto(at("forum", "/new"));
  await submit(page, "form[action='/new']", { title: longName + longName.slice(0, 30), board: "workshop", body: rtlText });
  await page.goto(at("forum", "/new"));
  await submit(page, "form[action='/new']", { title: rtlTitle, board: "workshop", body: rtlText });
  made.thread = new URL(page.url()).pathname;
  await submit(page, "form[action*='/reply']", { body: `@alice-demo ${rtlText}` });
  await page.goto(at("forum", "/t/oil-or-wax-boards"));
  await page.goto(at("forum", await page.locator('a[href$="/report"]').first().getAttribute("href")));
  await submit(page, "form[action$='/report']", { reason: `${rtlTitle} ${longName}` });

  await page.goto(at("shop", "/products/brass-padlock"));
  await submit(page, "form[action='/cart/items']", { quantity: "9" });
  await page.goto(at("shop", "/checkout"));
  await submit(page, "form[action='/checkout/address']", {
    name: longName.slice(0, 100), street: `${longName} شارع النصر`, postcode: "1010", city: "القاهرة ".repeat(10), country: "AT",
  });
  await submit(page, "form[action='/checkout/shipping']", {});
  await page.getByLabel("is approved").check();
  await submit(page, "form[action='/checkout/payment']", {});
  await submit(page, "form[action='/checkout/review']", {});
  made.order = new URL(page.url()).pathname;
  sql("shop", `UPDATE order_items SET name = '${longName}' WHERE order_id = '${made.order.split("/").pop()}';
    UPDATE products SET name = '${longName}', name_lower = lower('${longName}') WHERE slug = 'horsehair-broom'`);

  await page.goto(at("academy", "/rooms"));
  await submit(page, "form[action='/rooms']", { title: longName.slice(0, 80) });
  made.taught = new URL(page.url()).pathname;
  const code = await roomCode(page);

  const teacher = await browser.newContext();
  const other = await teacher.newPage();
  await signIn(other, people.bob);
  await other.goto(at("academy", "/rooms"));
  await submit(other, "form[action='/rooms']", { title: rtlTitle });
  made.joined = new URL(other.url()).pathname;
  const theirs = await roomCode(other);
  await other.goto(at("academy", `/join/${code}`));
  await submit(other, "form[action^='/join/']", {});
  await page.goto(at("academy", `/join/${theirs}`));
  await submit(page, "form[action^='/join/']", {});
  made.join = `/join/${theirs}`;
  await teacher.close();
  await context.close();
  return { ...made, ...(await seedConsole(browser, who)) };
}

// seedConsole has an administrator register a client and ban somebody, all with long names and texts from right to left.
async function seedConsole(browser, who) {
  const victims = await browser.newContext();
  const banned = await register(await victims.newPage(), longName.slice(0, 80));
  await victims.close();
  sql("portal", `UPDATE users SET name = '${longName}' WHERE email = '${banned.email}'`);
  const id = (email) => sql("portal", `SELECT id FROM users WHERE email = '${email}'`).trim();
  const made = { person: `/admin/people/${id(who.email)}`, banned: `/admin/people/${id(banned.email)}` };

  const context = await browser.newContext();
  const page = await context.newPage();
  await signIn(page, people.admin);
  await page.goto(at("portal", `${made.banned}/ban`));
  await submit(page, "form[action$='/ban']", { reason: `${rtlTitle} ${longName}`, until: "never" });
  made.receipt = new URL(page.url()).pathname;
  await page.goto(at("portal", "/admin/clients/new"));
  const client = `wiki-${"w".repeat(50)}`;
  await submit(page, "form[action='/admin/clients/new']", {
    client_id: client, client_name: longName.slice(0, 100), redirect_uris: `https://wiki.example.com/${longName}/callback`,
  });
  made.client = `/admin/clients/${client}`;
  expect((await page.goto(at("portal", made.client))).status(), "the client is registered").toBe(200);
  // Whoever is signed in has opened it, on a replica that is named as in a cluster.
  sql("portal", `INSERT INTO sign_in_clients (sid, client_id, first_at, last_at, replica)
    SELECT sid, '${client}', created_at, last_seen_at, 'wiki-${"7d9f8b6c5-".repeat(4)}x2x4z' FROM sign_ins WHERE ended_at IS NULL`);
  // And from addresses as long as they can be.
  const address = "2001:0db8:85a3:1000:2000:8a2e:1370:7334";
  sql("portal", `UPDATE sign_ins SET ip = '${address}' WHERE ended_at IS NULL;
    INSERT INTO audit (at, actor_id, actor, action, target_kind, target_id, target, ip, request_id)
    SELECT created_at, '', '', 'person.sign_in_failed', 'user', id, email, '${address}', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ' FROM users`);
  await page.goto(at("portal", "/admin/keys"));
  await submit(page, "form[action='/admin/keys/rotate']", {});
  made.key = await page.getByRole("main").getByRole("link", { name: "Withdraw" }).first().getAttribute("href");
  await context.close();
  return made;
}

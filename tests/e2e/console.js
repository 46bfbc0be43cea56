// What tests of the console share: an administrator at work.
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { at, expect } from "./house.js";

// servers are the names of all replicas of the estate, from their pid files: the console has no part in it.
export function servers() {
  return readdirSync(join(process.env.E2E_DATA, "run")).map((file) => file.replace(/\.pid$/, "")).sort();
}

// age makes the living sign-ins of the browser with this User-Agent so many minutes older.
export function age(userAgent, minutes) {
  const sql = `UPDATE sign_ins SET created_at = created_at - ${minutes * 60_000} WHERE user_agent = '${userAgent}' AND ended_at IS NULL;
    SELECT changes();`;
  const out = execFileSync("sqlite3", ["-cmd", ".timeout 10000", join(process.env.E2E_DATA, "portal.db"), sql], { encoding: "utf8" });
  expect(Number(out), "sign-ins that were made older").toBeGreaterThan(0);
}

// openPerson finds somebody as an administrator does, typing, and ends on their page.
export async function openPerson(admin, who) {
  await admin.goto(at("portal", "/admin/people"));
  const main = admin.getByRole("main");
  await main.getByRole("searchbox").pressSequentially(who.email.split("@")[0]);
  await expect(main.getByRole("row").filter({ hasText: "@" })).toHaveCount(1);
  await main.getByRole("link", { name: who.name, exact: true }).click();
  await expect(main.getByRole("heading", { level: 1 })).toHaveText(who.name);
}

// ban bans the person whose page is open, and ends on the receipt. It returns when the portal had answered "done", by the
// browser's clock: the end of the redirect that answered the form.
export async function ban(admin, who, reason) {
  const main = admin.getByRole("main");
  await main.getByRole("link", { name: "Ban", exact: true }).click();
  await main.getByLabel("Reason").fill(reason);
  await main.getByRole("button", { name: `Ban ${who.name}` }).click();
  await expect(admin).toHaveURL(/\/admin\/receipts\//);
  return admin.evaluate(() => {
    const [navigation] = performance.getEntriesByType("navigation");
    return performance.timeOrigin + navigation.redirectEnd;
  });
}

// liftBan lifts the ban of the person whose page is open.
export async function liftBan(admin, who) {
  const main = admin.getByRole("main");
  await main.getByRole("link", { name: "Lift the ban" }).click();
  await main.getByRole("button", { name: "Lift the ban" }).click();
  await expect(admin.getByText(`${who.name} can sign in again.`)).toBeVisible();
}

// expectReceipt checks that every server has confirmed, each with its own milliseconds, and that these apps were told.
export async function expectReceipt(admin, ...apps) {
  const all = servers();
  const main = admin.getByRole("main");
  const figure = main.locator(".receipt-facts div").filter({ hasText: "Servers confirmed" }).locator("dd");
  await expect(figure).toHaveText(new RegExp(`^\\s*${all.length} of ${all.length}\\s*$`));
  const tiles = await main.locator(".receipt-tiles .answer-shut .sr-only").allTextContents();
  expect(tiles.map((tile) => tile.match(/^(\S+) confirmed after \d+ ms$/)?.[1]).sort()).toEqual(all);
  for (const app of apps) {
    const line = main.locator("#told").getByRole("listitem").filter({ hasText: app });
    await expect(line).toContainText("Delivered");
    await expect(line).toContainText(/\d m?s/);
  }
}

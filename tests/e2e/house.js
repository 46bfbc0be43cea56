// What the browser tests share: where things are, who there is, and how somebody signs in.
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { test as base, expect } from "@playwright/test";

export { expect };

export const password = "gatehouse-demo";

export const people = {
  alice: { email: "alice@example.com", name: "Alice Demo" }, // customer
  bob: { email: "bob@example.com", name: "Bob Demo" }, // moderator
  carol: { email: "carol@example.com", name: "Carol Demo" }, // analyst
  admin: { email: "admin@example.com", name: "Admin Demo" },
};

// at("shop", "/cart") is http://shop.localhost:PORT/cart.
export function at(service, path = "/") {
  return process.env.E2E_BASE.replace("://", `://${service}.`) + path;
}

export function pidOf(replica) {
  return Number(readFileSync(join(process.env.E2E_DATA, "run", `${replica}.pid`), "utf8"));
}

// fillSignIn fills and sends the portal's form, on which the page must be.
export async function fillSignIn(page, who, secret = password) {
  await expect(page).toHaveURL(/\/\/portal\.[^/]+\/sign-in/);
  await page.getByLabel("Email", { exact: true }).fill(who.email);
  await page.getByLabel("Password", { exact: true }).fill(secret);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

// signIn signs in at the portal and ends on its home page.
export async function signIn(page, who) {
  await page.goto(at("portal", "/sign-in"));
  await fillSignIn(page, who);
  await expect(page).toHaveURL(at("portal"));
  await expectPerson(page, who);
}

export async function expectPerson(page, who) {
  await expect(page.getByRole("banner").getByLabel(`Account: ${who.name}`)).toBeVisible();
}

export async function expectGuest(page) {
  await expect(page.getByRole("banner").getByRole("link", { name: "Sign in" })).toBeVisible();
}

// signOut uses the header's menu of whatever app the page is of.
export async function signOut(page, who) {
  await page.getByRole("banner").getByLabel(`Account: ${who.name}`).click();
  await page.getByRole("banner").getByRole("button", { name: "Sign out" }).click();
}

let registered = 0;

// register makes an account of its own for a test that changes it, signed in in the page's browser.
export async function register(page, name) {
  const who = {
    name,
    email: `e2e-${process.pid}-${Date.now()}-${++registered}@example.com`,
    secret: "a calm house on the hill",
  };
  await page.goto(at("portal", "/register"));
  await page.getByLabel("Name", { exact: true }).fill(who.name);
  await page.getByLabel("Email", { exact: true }).fill(who.email);
  await page.getByLabel("Password", { exact: true }).fill(who.secret);
  await page.getByRole("button", { name: "Create account" }).click();
  await expectPerson(page, who);
  return who;
}

// enrol is register for tests that come in large numbers: the account is made from an address of its own, since one address may
// make only so many in an hour.
export async function enrol(page, name) {
  const who = {
    name,
    email: `e2e-${process.pid}-${Date.now()}-${++registered}@example.com`,
    secret: "a calm house on the hill",
  };
  const status = await post(at("portal", "/register"), { name, email: who.email, password: who.secret }, `127.0.${2 + (process.pid % 200)}.${1 + (registered % 250)}`);
  expect(status, "the account is made").toBe(303);
  await page.goto(at("portal", "/sign-in"));
  await fillSignIn(page, who, who.secret);
  await expectPerson(page, who);
  return who;
}

// post sends a form from an address of the loopback network, as a page of the same origin would.
function post(address, fields, from) {
  const { host, port, pathname } = new URL(address);
  return new Promise((resolve, reject) => {
    const sent = request({
      host: "127.0.0.1", port, path: pathname, method: "POST", localAddress: from, timeout: 15_000,
      headers: { host, "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin" },
    });
    sent.on("response", (answer) => answer.resume().on("end", () => resolve(answer.statusCode)));
    sent.on("timeout", () => sent.destroy(new Error("no answer")));
    sent.on("error", reject);
    sent.end(new URLSearchParams(fields).toString());
  });
}

// fillAddress fills the checkout's form.
export async function fillAddress(page) {
  await page.getByLabel("Name", { exact: true }).fill("Nora Newcomer");
  await page.getByLabel("Street and number").fill("Hofgasse 1");
  await page.getByLabel("Postcode").fill("1010");
  await page.getByLabel("City").fill("Wien");
  await page.getByLabel("Country").selectOption("AT");
}

// openThread opens a thread of the forum that takes replies.
export async function openThread(page) {
  await page.goto(at("forum", "/search?q=hinges"));
  await page.getByRole("main").getByRole("link", { name: /hinges/i }).first().click();
  await expect(page).toHaveURL(/\/t\//);
}

// A page that throws, logs an error or breaks its Content-Security-Policy fails its test.
export const test = base.extend({
  page: async ({ page }, use) => {
    const faults = watch(page);
    await use(page);
    expect(faults, "errors in the browser's console").toEqual([]);
  },
  // another() is a second browser: cookies of its own.
  another: async ({ browser }, use) => {
    const contexts = [];
    await use(async (options = {}) => {
      const context = await browser.newContext(options);
      contexts.push(context);
      return context.newPage();
    });
    await Promise.all(contexts.map((context) => context.close()));
  },
});

function watch(page) {
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    // What the network answers is the tests' business, not the console's.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) faults.push(message.text());
  });
  return faults;
}

// What the browser tests share: where things are, who there is, and how somebody signs in.
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { test as base, expect } from "@playwright/test";
import { keepLogs, start } from "./estate.js";

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

// signIn signs in at the portal without its form, which sign-in.spec.js tests, and ends on the portal's home page.
export async function signIn(page, who) {
  await takeCookies(page, who);
  await page.goto(at("portal"));
  await expectPerson(page, who);
}

// takeCookies signs in without opening a page.
export async function takeCookies(page, who) {
  await keepCookies(page, await send(at("portal", "/sign-in"), { email: who.email, password: who.secret ?? password, return_to: "/" }));
}

// visit asks for a path of the page's own service with the cookies of its browser, as a reload does, and returns the status and
// which replica answered; signedIn says whether the page greets this person, and redirected whether it leads away.
export function visit(page, path, who) {
  return page.evaluate(
    async ([path, label]) => {
      const answer = await fetch(path, { redirect: "manual", headers: { accept: "text/html" } });
      const html = await answer.text();
      return {
        status: answer.status, redirected: answer.type === "opaqueredirect", replica: answer.headers.get("x-served-by"),
        signedIn: html.includes(label), footer: html.match(/data-replica>([^<]*)</)?.[1],
      };
    },
    [path, `aria-label="Account: ${who.name}"`],
  );
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

// register creates an account, signed in in the page's browser. Each comes from an address of its own, since one address may
// create only so many in an hour; sign-in.spec.js tests the form.
export async function register(page, name) {
  registered++;
  const who = { name, email: `e2e-${process.pid}-${Date.now()}-${registered}@example.com`, secret: "a calm house on the hill" };
  const from = `127.0.${2 + (process.pid % 200)}.${1 + (registered % 250)}`;
  await keepCookies(page, await send(at("portal", "/register"), { name, email: who.email, password: who.secret }, from));
  await page.goto(at("portal"));
  await expectPerson(page, who);
  return who;
}

// keepCookies gives the page's browser the portal's cookies of an answer that signed somebody in.
async function keepCookies(page, answer) {
  expect(answer.statusCode, `${answer.text}`).toBe(303);
  const cookies = answer.headers["set-cookie"].map((line) => line.split(";", 1)[0].split("="));
  await page.context().addCookies(cookies.map(([name, value]) => ({ name, value, url: at("portal"), httpOnly: true, sameSite: "Lax" })));
}

// send posts a form as a page of the same origin would, from an address of the loopback network. It resolves with the answer,
// whose text is the body.
export function send(address, fields, from = "127.0.0.1") {
  const { host, port, pathname } = new URL(address);
  return new Promise((resolve, reject) => {
    const sent = request({
      host: "127.0.0.1", port, path: pathname, method: "POST", localAddress: from, timeout: 30_000,
      headers: { host, "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin" },
    });
    sent.on("response", (answer) => {
      answer.text = "";
      answer.on("data", (chunk) => (answer.text += chunk)).on("end", () => resolve(answer));
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer")));
    sent.on("error", reject);
    sent.end(new URLSearchParams(fields).toString());
  });
}

// checkOut goes through the steps of the checkout of what is in the cart, up to the button that places the order.
export async function checkOut(page) {
  await page.goto(at("shop", "/checkout"));
  await expect(page).toHaveURL(at("shop", "/checkout/address"));
  await fillAddress(page);
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page).toHaveURL(at("shop", "/checkout/shipping"));
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByLabel("is approved").check();
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page).toHaveURL(at("shop", "/checkout/review"));
}

// fillAddress fills the first step of the checkout.
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

export const test = base.extend({
  // Each worker has an estate of its own, where it may kill what it likes.
  estate: [
    async ({}, use) => {
      const estate = await start();
      process.env.E2E_BASE = estate.base;
      process.env.E2E_DATA = estate.data;
      await use(estate);
      await estate.stop();
    },
    { scope: "worker", auto: true },
  ],
  // A test that fails leaves the logs of the estates that run.
  logs: [
    async ({}, use, info) => {
      await use();
      if (info.status !== info.expectedStatus) keepLogs(info.outputPath("logs"));
    },
    { auto: true },
  ],
  // A page that throws, logs an error or breaks its Content-Security-Policy fails its test.
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

// watch returns the list of what goes wrong on the page from now on.
export function watch(page) {
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    // What the network answers is the tests' business, not the console's.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) faults.push(message.text());
  });
  return faults;
}

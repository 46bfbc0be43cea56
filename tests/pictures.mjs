// Takes the pictures of the README and the docs from a running estate: `make pictures`.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "@playwright/test";
import config from "./e2e/playwright.config.js";
import { start } from "./e2e/estate.js";
import { start as begin, step, walk } from "./e2e/walk.js";

const folder = fileURLToPath(new URL("../docs/pictures/", import.meta.url));
const size = { width: 1280, height: 860 };

mkdirSync(folder, { recursive: true });
const estate = await start();
const browser = await chromium.launch(config.use.launchOptions);
try {
  const at = (service, path = "/") => estate.base.replace("://", `://${service}.`) + path;
  const person = async (email, scheme = "light") => {
    const context = await browser.newContext({ viewport: size, colorScheme: scheme, reducedMotion: "reduce", locale: "en-GB" });
    const page = await context.newPage();
    await page.goto(at("portal", "/sign-in"));
    await page.getByLabel("Email", { exact: true }).fill(email);
    await page.getByLabel("Password", { exact: true }).fill("gatehouse-demo");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.waitForURL(at("portal"));
    return page;
  };
  const take = async (page, name, address) => {
    // Not until the network is idle: a page of somebody signed in listens as long as it is open.
    if (address) await page.goto(address, { waitUntil: "load" });
    await page.evaluate(() => document.fonts.ready);
    const file = `${folder}${name}.jpg`;
    const picture = await page.screenshot({ path: file, type: "jpeg", quality: 86 });
    console.log(file);
    return `data:image/jpeg;base64,${picture.toString("base64")}`;
  };

  const admin = await person("admin@example.com");
  const night = await person("carol@example.com", "dark");
  const four = [
    await take(admin, "portal", at("portal")),
    await take(admin, "shop", at("shop")),
    await take(admin, "forum", at("forum")),
    await take(night, "analytics", at("analytics", "/?range=30d")),
  ];

  // Out means out: a ban, its receipt, and what the banned person's tab says meanwhile.
  const alice = await person("alice@example.com");
  await alice.goto(at("forum", "/t/secateurs-clean"));
  await admin.goto(at("portal", "/admin/people/demo-alice/ban"));
  await admin.getByLabel("Reason").fill("Sold the same lamp twice.");
  await admin.getByRole("button", { name: /^Ban/ }).click();
  await admin.waitForURL(/receipts/);
  await take(admin, "receipt");
  await alice.getByText("banned").first().waitFor();
  await take(alice, "signed-out");
  await admin.goto(at("portal", "/admin"));
  await admin.getByText("all confirm revocations").waitFor(); // since the ban
  await take(admin, "console");

  // The Academy: its contents, three experiments, somebody's own sign-in, and a class.
  process.env.E2E_BASE = estate.base;
  const learner = await person("carol@example.com");
  await take(learner, "academy", at("academy"));
  const upTo = async (name, last) => {
    await begin(learner, name);
    for (let id = await step(learner); id && id !== last; ) id = await step(learner);
    await learner.evaluate(() => scrollTo(0, 0));
  };
  await upTo("notebook-in-the-branch", "ask");
  await take(learner, "experiment");
  await begin(learner, "steal-the-token");
  await walk(learner);
  await take(learner, "steal");
  const crowd = await person("bob@example.com", "dark");
  await begin(crowd, "ban-on-500-servers");
  for (let id = await step(crowd); id && id !== "ban-many"; ) id = await step(crowd);
  await crowd.evaluate(() => scrollTo(0, 0));
  await take(crowd, "ban-500");
  await learner.goto(at("academy", "/auth/sign-in?again=1&return_to=/seen"));
  await take(learner, "seen");

  const wall = await browser.newPage({ viewport: { width: 1480, height: 1004 } });
  await wall.setContent(`<style>
      body { margin: 0; padding: 20px; background: #e7e5e4; display: grid; grid-template-columns: 1fr 1fr; gap: 20px }
      img { width: 100%; border-radius: 10px; box-shadow: 0 4px 18px #0002 }
    </style>${four.map((src) => `<img src="${src}" alt="">`).join("")}`);
  await wall.screenshot({ path: `${folder}estate.jpg`, type: "jpeg", quality: 86 });
  console.log(`${folder}estate.jpg`);
} finally {
  await browser.close();
  await estate.stop();
}

// Redis goes away and comes back: nobody is signed out. This has an estate of its own, on a real redis-server.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start } from "./estate.js";
import { look } from "./look.js";
import { expect, expectPerson, fillSignIn, people, test } from "./house.js";

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// redis starts redis-server with an append-only file, as docker-compose.yml does.
async function redis(port, dir) {
  const options = ["--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "yes"];
  const server = spawn("redis-server", options.map(String), { stdio: "ignore" });
  const gone = new Promise((resolve) => server.on("exit", resolve));
  await expect
    .poll(() => {
      try {
        return execFileSync("redis-cli", ["-p", String(port), "ping"], { stdio: ["ignore", "pipe", "ignore"] }).toString();
      } catch {
        return "";
      }
    })
    .toContain("PONG");
  return async () => {
    server.kill("SIGTERM");
    await gone;
  };
}

// open opens an address in a tab of its own, has it looked at, and closes the tab. A 503 page tries again by itself: in a tab that
// goes on to another address, that would race with the test.
async function open(context, address, check) {
  const tab = await context.newPage();
  try {
    return await check(tab, await tab.goto(address));
  } finally {
    await tab.close();
  }
}

// still keeps the page from trying again while it is looked at.
async function still(page, look) {
  const stay = (route) => (route.request().isNavigationRequest() ? route.fulfill({ status: 204 }) : route.fallback());
  await page.route("**/*", stay);
  await look();
  await page.unroute("**/*", stay);
}

const signedIn = [["shop", "/orders"], ["forum", "/mine"], ["portal", "/profile"]];

test("Redis away: 503, and afterwards nobody is signed out", async ({ page, context }) => {
  test.setTimeout(120_000);
  const dir = mkdtempSync(join(tmpdir(), "gatehouse-e2e-redis-"));
  const port = await freePort();
  let stopRedis = await redis(port, dir);
  const estate = await start(["--redis-url", `redis://127.0.0.1:${port}/0`]);
  const at = (service, path) => estate.base.replace("://", `://${service}.`) + path;
  try {
    await page.goto(at("shop", "/orders"));
    await fillSignIn(page, people.alice);
    await expectPerson(page, people.alice);
    await page.goto(at("forum", "/mine"));
    await expectPerson(page, people.alice);

    await stopRedis();
    for (const [service, path] of signedIn) {
      await open(context, at(service, path), async (tab, answer) => {
        expect(answer.status(), service).toBe(503);
        expect(Number(answer.headers()["retry-after"]), service).toBeGreaterThan(0);
        await still(tab, () => look(tab, `${service}${path} without Redis`));
      });
    }
    for (const service of ["shop", "forum", "portal"]) {
      await open(context, at(service, "/"), async (tab, answer) => {
        expect(answer.status(), `the public page of ${service}`).toBe(200);
        await look(tab, `${service}/ without Redis`);
      });
    }

    stopRedis = await redis(port, dir);
    for (const [service, path] of signedIn) {
      await expect.poll(() => open(context, at(service, path), (tab, answer) => answer.status()), { timeout: 30_000 }).toBe(200);
      await page.goto(at(service, path));
      await expect(page).toHaveURL(at(service, path));
      await expectPerson(page, people.alice);
    }
  } finally {
    await estate.stop();
    await stopRedis();
    rmSync(dir, { recursive: true, force: true });
  }
});

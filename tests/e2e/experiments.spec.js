import { readFileSync } from "node:fs";
import { at, register, expect, fillSignIn, people, test } from "./house.js";
import { end, findings, log, next, start, step, walk } from "./walk.js";

test.describe.configure({ mode: "parallel" });

const main = (page) => page.getByRole("main");
const value = (found, name) => {
  expect(Object.keys(found), "what was measured").toContain(name);
  return found[name].value;
};

// What each experiment teaches, by what its servers really did.
const claims = {
  "up-or-out": (f) => {
    expect(value(f, "failed-up"), "one big branch fails as a whole").toBeGreaterThan(0);
    expect(value(f, "failed-more"), "of many, the others go on").toBe(0);
    expect(value(f, "price-out"), "and cost less for the same").toBeLessThan(value(f, "price-up"));
    for (const size of ["small", "up", "more"]) expect(value(f, `throughput-${size}`)).toBeGreaterThan(0); // compared in make bench-experiments
  },
  "notebook-in-the-branch": (f) => {
    expect(value(f, "lost-sessions"), "asked at branches that do not know you").toBeGreaterThan(0);
    expect(value(f, "recognised"), "and at the one that does").toBeGreaterThan(0);
    expect(value(f, "lost-sessions") + value(f, "recognised")).toBe(value(f, "asked"));
    expect(value(f, "lost-after-restart"), "a restart forgets everybody").toBe(value(f, "asked-after-restart"));
  },
  "sticky-sessions": (f) => {
    expect(value(f, "recognised-before-kill"), "it seems to work").toBe(value(f, "asked-before-kill"));
    expect(value(f, "lost-after-kill"), "the session went with the branch").toBe(value(f, "asked-after-kill"));
    expect(value(f, "share-of-busiest"), "the load leans to one branch").toBeGreaterThan(value(f, "share-of-busiest-in-turn"));
    expect(value(f, "signed-out-by-update")).toBe(value(f, "signed-in-before-update"));
  },
  "shared-notebook": (f) => {
    for (const after of ["by-any", "after-kill", "after-adding", "after-restart", "after-redis"]) {
      expect(value(f, `kept-${after}`), `still signed in ${after}`).toBe(value(f, `asked-kept-${after}`));
      expect(value(f, `kept-${after}`)).toBeGreaterThan(0);
    }
    expect(value(f, "refused-while-redis-away"), "503 while Redis is away").toBe(value(f, "asked-refused-while-redis-away"));
    expect(value(f, "cookie-while-redis-away"), "and the cookie is kept").toBe(1);
  },
  "the-card": (f) => {
    for (const forged of ["altered", "none", "hs256", "other-key", "wrong-audience", "expired", "after-drop"]) {
      expect(value(f, `refused-${forged}`), `${forged} is refused everywhere`).toBe(value(f, "branches"));
      expect(f[`refused-${forged}-why`].text, `why ${forged} is refused`).not.toBe("");
    }
    expect(value(f, "accepted-good")).toBe(value(f, "branches"));
    expect(value(f, "lookups"), "no lookup at all").toBe(0);
    expect(value(f, "refused-during-rotation"), "nobody is turned away while the key changes").toBe(0);
    expect(value(f, "accepted-during-rotation")).toBeGreaterThan(0);
  },
  "single-sign-on-seen": (f) => {
    for (const attack of ["state", "pkce", "nonce", "replayed-code", "redirect", "issuer"]) {
      expect(value(f, `refused-${attack}`), `${attack} is refused`).toBe(1);
    }
  },
  "steal-the-token": (f) => {
    expect(value(f, "accepted-after-sign-out-plain"), "a plain JWT stays open").toBeGreaterThan(0);
    expect(value(f, "refused-after-sign-out-plain")).toBe(0);
    expect(value(f, "accepted-after-sign-out-short"), "a short one, for a while").toBeGreaterThan(0);
    expect(value(f, "refused-after-sign-out-short")).toBe(value(f, "stolen-short"));
    for (const shut of ["redis", "denylist"]) {
      expect(value(f, `accepted-after-sign-out-${shut}`), `${shut} shuts at once`).toBe(0);
      expect(value(f, `refused-after-sign-out-${shut}`)).toBe(value(f, `stolen-${shut}`));
    }
  },
  "ban-on-500-servers": (f) => {
    expect(value(f, "servers")).toBe(500);
    expect(value(f, "asked-after-done"), "tried after done").toBeGreaterThan(0);
    expect(value(f, "accepted-after-done"), "and never accepted").toBe(0);
    expect(value(f, "confirmed") + value(f, "missing"), "each confirmed, or was cut off").toBe(500);
    expect(value(f, "refused-not-guessed"), "those that were cut off refuse").toBe(value(f, "cut"));
    expect(value(f, "guessed")).toBe(0);
    expect(value(f, "innocent-refused"), "nobody else is turned away").toBe(0);
    expect(value(f, "caught-up"), "brought back, they know").toBe(value(f, "cut"));
  },
  "what-a-check-costs": (f) => {
    expect(value(f, "lookups-redis")).toBe(1);
    expect(value(f, "lookups-jwt")).toBe(0);
    expect(value(f, "lookups-jwt-redis")).toBe(1);
    expect(value(f, "lookups-mirror"), "our mirror asks almost never").toBeLessThan(0.1);
    for (const kind of ["ram", "redis", "jwt", "jwt-redis", "mirror"]) expect(value(f, `throughput-${kind}`)).toBeGreaterThan(0);
  },
  "email-index": (f) => {
    expect(f["plan-without"].text, "the plan without an index").toMatch(/SCAN|Seq Scan/i);
    expect(f["plan-with"].text, "the plan with one").toMatch(/INDEX/i);
    expect(value(f, "ratio"), "how much quicker").toBeGreaterThan(0); // make bench-experiments prints it
    expect(f["lower-plan"].text, "the index does not help lower()").toMatch(/SCAN|Seq Scan/i);
    expect(f["lower-plan-with"].text).toMatch(/INDEX/i);
    expect(value(f, "duplicate-refused")).toBe(1);
  },
};

// shorter are set-ups that make the same point in less time than the ordinary ones.
const shorter = { "steal-the-token": { watch: "1", life: "2" }, "what-a-check-costs": { round: "200" } };

// beside are in the list, and have pages of their own.
const beside = ["seen", "whole-estate"];

// learner is somebody new, since each person may run two experiments at once.
const learner = (page) => register(page, "Wanda Walker");

test("every experiment of the list has a claim that is checked here", async ({ page }) => {
  await page.goto(at("academy", "/experiments"));
  const names = await page.locator("[data-experiment-row]").evaluateAll((rows) => rows.map((row) => row.dataset.experimentRow));
  const provider = "another-provider"; // needs a provider that is started for it: its own test
  expect(names.filter((name) => !beside.includes(name) && name !== provider).sort()).toEqual(Object.keys(claims).sort());
});

for (const [name, claim] of Object.entries(claims)) {
  test(`${name}: the guided path comes to its end, and the servers did what it teaches`, async ({ page }) => {
    test.setTimeout(180_000);
    await learner(page);
    await start(page, name, { setup: shorter[name] });
    const { found } = await walk(page);
    claim(found);
    expect((await log(page)).length, "lines of the log").toBeGreaterThan(0);
    await page.reload();
    await expect(page.locator('[data-path="done"]')).toBeVisible();
    expect(Object.keys(await findings(page)).sort()).toEqual(Object.keys(found).sort());
    await page.goto(at("academy", "/experiments"));
    await expect(page.locator(`[data-experiment-row="${name}"]`)).toContainText("Done");
  });
}

test("a run goes on after its end where it was, its findings kept, and a late click says so", async ({ page }) => {
  test.setTimeout(90_000);
  await learner(page);
  const run = await start(page, "sticky-sessions");
  for (let i = 0; i < 3; i++) await step(page);
  const before = await findings(page);
  const other = await page.context().newPage(); // another tab of the same run
  await other.goto(at("academy", `/runs/${run}`));
  await end(other);
  await expect(page.locator('[data-run-state="ended"]')).toContainText("You ended it.");
  await expect(page.locator("[data-finding]")).toHaveCount(Object.keys(before).length);
  await page.getByRole("button", { name: "Continue with step 4" }).click();
  await expect(page).not.toHaveURL(new RegExp(run));
  await expect.poll(() => next(page)).toBe("kill");
  await expect(page.locator('[data-step="ask"]')).toHaveAttribute("data-step-state", "done");
  const { found } = await walk(page);
  expect(value(found, "lost-after-kill")).toBeGreaterThan(0);
});

test("two clicks start one experiment", async ({ page }) => {
  test.setTimeout(90_000);
  await learner(page);
  await page.goto(at("academy", "/experiments/notebook-in-the-branch?mode=free"));
  await main(page).locator("#start").getByRole("button").dblclick();
  await expect(page).toHaveURL(/\/runs\//);
  await page.goto(at("academy", "/experiments"));
  await expect(page.locator("[data-run-row]")).toHaveCount(1);
});

test("without a script: the guided path, the permalink and the timeline", async ({ another }) => {
  test.setTimeout(120_000);
  const page = await another({ javaScriptEnabled: false });
  await page.goto(at("academy", "/experiments/sticky-sessions"));
  await expect(main(page)).toContainText("Sign in to try it");
  await main(page).getByRole("link", { name: "Sign in to try it" }).click();
  await fillSignIn(page, people.bob);
  await expect(page).toHaveURL(at("academy", "/experiments/sticky-sessions"));
  await main(page).locator("#start").getByRole("button").click();
  for (let id = await next(page); id; id = await next(page)) {
    const card = page.locator(`[data-step="${id}"]`);
    if (await card.getByRole("radio").count()) await card.getByRole("radio").first().check();
    await page.locator("#step-go").click();
    await expect(async () => {
      if ((await card.getAttribute("data-step-state")) !== "done") await main(page).getByRole("link", { name: "Refresh" }).click();
      await expect(card).toHaveAttribute("data-step-state", "done", { timeout: 500 });
    }).toPass();
  }
  claims["sticky-sessions"](await findings(page));
  await page.locator("#lab-share summary").click();
  const [csv] = await Promise.all([page.waitForEvent("download"), page.locator('[data-export="csv"]').click()]);
  const lines = readFileSync(await csv.path(), "utf8").trim().split("\r\n");
  expect(lines[0]).toBe("n,time,kind,text,from,to,method,path,status,outcome,micros");
  expect(lines.length).toBeGreaterThan(20);
  const permalink = await page.locator("[data-permalink]").inputValue();
  await page.goto(permalink);
  await expect(main(page).getByRole("heading", { level: 1 })).toHaveText("Sticky sessions");
  await page.goto(at("academy", "/experiments"));
  await main(page).getByRole("button", { name: "End" }).first().click();
});

test("by keyboard alone, the focus stays on the button of the next step", async ({ page }) => {
  test.setTimeout(90_000);
  await learner(page);
  await start(page, "sticky-sessions");
  await page.locator("#step-go").focus();
  for (let id = await next(page), i = 0; i < 3; i++, id = await next(page)) {
    const options = page.locator(`[data-step="${id}"]`).getByRole("radio");
    if (await options.count()) {
      await options.first().focus();
      await page.keyboard.press("Space");
      await page.keyboard.press("Tab");
    }
    await expect(page.locator("#step-go")).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(page.locator(`[data-step="${id}"]`)).toHaveAttribute("data-step-state", "done");
  }
  await expect(page.locator("#run-said")).toContainText("Step 3 is done");
});

test("requests travel in the picture, and do not where motion is not wanted", async ({ another }) => {
  test.setTimeout(90_000);
  for (const reducedMotion of ["no-preference", "reduce"]) {
    const page = await another({ reducedMotion });
    await learner(page);
    await start(page, "sticky-sessions");
    await step(page);
    await step(page);
    const travelling = page.locator("svg:visible .pic-travel").first();
    await expect(travelling).toHaveCount(1);
    if (reducedMotion === "reduce") await expect(travelling).toBeHidden();
    else await expect(travelling.locator("animateMotion")).toHaveAttribute("path", /^M/);
    await expect(page.locator("svg:visible .pic-way")).toHaveCount(1);
  }
});

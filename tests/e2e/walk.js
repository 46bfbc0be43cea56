// How a learner walks through an experiment of the Academy: by what its page says of itself (data-run, data-step,
// data-step-state, data-finding), never by what we know should happen.
import { at, expect } from "./house.js";

const main = (page) => page.getByRole("main");

// start starts an experiment from its page and ends on its run. options: mode ("free"), setup (values of its form), end (make
// room by ending the person's oldest one where they have as many as they may).
export async function start(page, name, { mode = "guided", setup = {} } = {}) {
  const query = new URLSearchParams(mode === "free" ? { mode, ...setup } : setup);
  await page.goto(at("academy", `/experiments/${name}?${query}`));
  await main(page).locator("#start").getByRole("button").click();
  await expect(page).toHaveURL(/\/runs\/[a-z2-7]{16}/);
  await expect(page.locator("[data-run]")).toHaveAttribute("data-experiment", name);
  return page.locator("[data-run]").getAttribute("data-run");
}

// next is the step that the page asks for now, null at the end of the path.
export async function next(page) {
  const now = page.locator('[data-step-state="now"], [data-step-state="busy"]');
  await expect(now.or(page.locator('[data-path="done"]')).first()).toBeVisible();
  return (await now.count()) > 0 ? now.first().getAttribute("data-step") : null;
}

// step carries out the step that is next, with this guess (an index), and waits until it is done. It returns its ID, null at
// the end of the path.
export async function step(page, guess = 0, patience = 60_000) {
  const id = await next(page);
  if (!id) return null;
  const card = page.locator(`[data-step="${id}"]`);
  const options = card.getByRole("radio");
  if (await options.count()) await options.nth(Math.min(guess, (await options.count()) - 1)).check();
  await page.locator("#step-go").click();
  await expect(card, `the step ${id}`).toHaveAttribute("data-step-state", "done", { timeout: patience });
  return id;
}

// walk walks the guided path to its end and returns what was measured. between is called after each step with its ID.
export async function walk(page, { guess = 0, between = async () => {}, patience } = {}) {
  const done = [];
  for (let id = await step(page, guess, patience); id; id = await step(page, guess, patience)) {
    done.push(id);
    await between(id);
  }
  await expect(page.locator('[data-path="done"]')).toBeVisible();
  return { done, found: await findings(page) };
}

// findings are what the page says was measured: { "lost-sessions": { value: 3, text: "3 of 4", label: "…" } }.
export async function findings(page) {
  const list = await page.locator("[data-finding]").evaluateAll((all) =>
    all.map((e) => [e.dataset.finding, { value: Number(e.dataset.value), label: e.querySelector("dt").textContent.trim(), text: e.querySelector("dd").textContent.trim() }]),
  );
  return Object.fromEntries(list);
}

// log is the log as it stands, the newest line first.
export async function log(page) {
  return page.locator("[data-event] .lab-line-text").allTextContents();
}

// end ends the run that is open.
export async function end(page) {
  await main(page).locator("[data-run-state]").getByRole("button", { name: "End", exact: true }).click();
  await expect(page).toHaveURL(/\/experiments\//);
}

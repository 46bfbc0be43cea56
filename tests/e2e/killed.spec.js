import { at, expect, expectPerson, people, pidOf, signIn, signOut, test } from "./house.js";

test.describe.configure({ mode: "serial" });

for (const [service, path] of [["shop", "/orders"], ["forum", "/mine"], ["portal", "/profile"]]) {
  test(`a replica of ${service} killed between two clicks costs nothing`, async ({ page }) => {
    await signIn(page, people.alice);
    await page.goto(at(service, path));
    await expectPerson(page, people.alice);
    for (const replica of [`${service}-1`, `${service}-2`]) {
      const victim = pidOf(replica);
      process.kill(victim, "SIGKILL");
      for (let click = 0; click < 6; click++) {
        const answer = await page.goto(at(service, path));
        expect(answer.status(), `click ${click + 1} after ${replica} died`).toBe(200);
        await expectPerson(page, people.alice);
      }
      // It comes back before the other one goes.
      await expect
        .poll(async () => (await page.goto(at(service, path))).headers()["x-served-by"], { timeout: 20_000 })
        .toBe(replica);
      expect(pidOf(replica)).not.toBe(victim);
    }
  });
}

test("a tab whose replica was killed while it listened is told all the same", async ({ page, another }) => {
  await signIn(page, people.bob);
  const tab = await another();
  const listens = () =>
    tab.context().waitForEvent("response", (answer) => answer.url() === at("shop", "/auth/live") && answer.status() === 200);
  await signIn(tab, people.bob);
  const first = listens();
  await tab.goto(at("shop", "/orders"));
  const victim = (await (await first).allHeaders())["x-served-by"];
  const next = listens();
  process.kill(pidOf(victim), "SIGKILL");
  await next;
  await expect(tab.locator("#signed-out > *"), "a server that died has signed nobody out").toHaveCount(0);

  const leaving = await tab.context().newPage();
  await leaving.goto(at("forum", "/mine"));
  await signOut(leaving, people.bob);
  await expect(tab.locator("#signed-out")).toContainText("You signed out in Forum");
  await page.goto(at("shop", "/orders"));
  await expectPerson(page, people.bob);
});

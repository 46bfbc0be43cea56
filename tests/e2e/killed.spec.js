import { at, expect, expectPerson, people, pidOf, signIn, test } from "./house.js";

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

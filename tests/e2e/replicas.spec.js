import { at, expect, expectPerson, people, signIn, test } from "./house.js";

for (const [service, path] of [["portal", "/profile"], ["shop", "/orders"], ["forum", "/mine"]]) {
  test(`twenty reloads of ${service} come from more than one replica, always signed in`, async ({ page }) => {
    await signIn(page, people.alice);
    const servers = new Set();
    for (let i = 0; i < 20; i++) {
      const answer = await page.goto(at(service, path));
      expect(answer.status()).toBe(200);
      await expectPerson(page, people.alice);
      const server = answer.headers()["x-served-by"];
      servers.add(server);
      await expect(page.getByRole("contentinfo")).toContainText(server);
    }
    expect([...servers].sort()).toEqual([`${service}-1`, `${service}-2`]);
  });
}

import { at, expect, expectPerson, people, signIn, test, visit } from "./house.js";

for (const [service, path] of [["portal", "/profile"], ["shop", "/orders"], ["forum", "/mine"]]) {
  test(`twenty reloads of ${service} come from more than one replica, always signed in`, async ({ page }) => {
    await signIn(page, people.alice);
    await page.goto(at(service, path));
    await expectPerson(page, people.alice);
    const servers = new Set();
    for (let i = 0; i < 20; i++) {
      const seen = await visit(page, path, people.alice);
      expect(seen).toMatchObject({ status: 200, signedIn: true, footer: seen.replica });
      servers.add(seen.replica);
    }
    expect([...servers].sort()).toEqual([`${service}-1`, `${service}-2`]);
  });
}

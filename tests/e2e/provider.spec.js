import { register, expect, test } from "./house.js";
import { log, start, walk } from "./walk.js";

test("the bank trusts somebody else's provider by three settings", async ({ page }) => {
  test.setTimeout(120_000);
  await register(page, "Petra Provider");
  await start(page, "another-provider");
  const { found } = await walk(page);
  expect(found["settings-changed"].value).toBe(3);
  for (const name of ["signed-in-a", "signed-in-b", "refused-wrong-secret", "refused-wrong-issuer"]) {
    expect(found[name].value, name).toBe(1);
  }
  expect(found["sub-a"].text).not.toBe(found["sub-b"].text);
  expect(found["refused-wrong-secret"].text).toContain("invalid_client");
  expect((await log(page)).length).toBeGreaterThan(20);
});

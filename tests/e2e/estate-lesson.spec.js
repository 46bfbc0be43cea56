// The whole estate: an admin kills, adds and balances real replicas while another browser uses the Shop. The estate is
// one of its own, because that is what is killed.
import { start } from "./estate.js";
import { expect, expectPerson, fillSignIn, people, test } from "./house.js";

let estate;
test.beforeAll(async () => {
  estate = await start();
});
test.afterAll(async () => {
  await estate.stop();
});

const at = (service, path = "/") => estate.base.replace("://", `://${service}.`) + path;

test("an admin kills a replica of the Shop, adds one and makes it sticky, and its visitor loses nothing", async ({ page, another }) => {
  test.setTimeout(120_000);
  const visitor = await another();
  await visitor.goto(at("shop", "/orders"));
  await fillSignIn(visitor, people.alice);
  await visitor.goto(at("shop", "/products/spirit-level"));
  await visitor.getByRole("button", { name: "Add to cart" }).click();
  await expect(visitor.locator("#nav-cart .count")).toHaveText(/1/);
  const visit = async (what) => {
    const answer = await visitor.goto(at("shop", "/cart"));
    expect(answer.status(), what).toBe(200);
    await expectPerson(visitor, people.alice);
    await expect(visitor.locator("#nav-cart .count"), what).toHaveText(/1/);
    return answer.headers()["x-served-by"];
  };

  await page.goto(at("academy", "/estate"));
  await fillSignIn(page, people.admin);
  await expect(page).toHaveURL(at("academy", "/estate"));
  const replica = (name) => page.locator(`#replica-${name}`);
  const press = async (name) => {
    await page.getByRole("button", { name }).click();
    await page.getByRole("dialog").getByRole("button").filter({ hasNotText: "Cancel" }).click();
  };
  const step = (id) => page.locator(`#step-${id}`);
  await expect(replica("shop-1")).toHaveAttribute("data-state", "ready");

  await test.step("killed: another process under the same name, and nothing is lost", async () => {
    const pid = await replica("shop-1").getAttribute("data-pid");
    await press("Kill shop-1");
    for (let click = 0; click < 8; click++) await visit(`click ${click + 1} after the kill`);
    await expect(page.locator("#estate-log")).toContainText(`Admin Demo: Killed shop-1 (process ${pid})`);
    await expect(page.locator("#estate-log")).toContainText("shop-1 is ready again after");
    await expect(replica("shop-1")).not.toHaveAttribute("data-pid", pid);
    await expect(replica("shop-1")).toHaveAttribute("data-state", "ready");
    await expect(page.locator("#service-shop [data-failed]"), "requests that no replica answered").toHaveText("0");
    await expect(step("kill")).toHaveAttribute("data-step-state", "done");
    await expect(step("look")).toHaveAttribute("data-step-state", "done");
  });

  await test.step("added: it gets its turn", async () => {
    await press("Add shop-3");
    await expect(replica("shop-3")).toHaveAttribute("data-state", "ready");
    await expect.poll(() => visit("while there are three")).toBe("shop-3");
  });

  await test.step("sticky: one replica only", async () => {
    await page.getByRole("group", { name: "Balancing of Shop" }).getByRole("button", { name: "sticky" }).click();
    await expect(page.locator("#service-shop")).toHaveAttribute("data-policy", "sticky");
    const first = await visit("the first sticky one");
    for (let click = 0; click < 6; click++) expect(await visit("sticky")).toBe(first);
    await press(`Kill ${first}`);
    await expect(page.locator("#estate-log")).toContainText(`Killed ${first}`);
    await visit("after the one that it stuck to was killed");
  });

  await test.step("every step is done", async () => {
    for (const id of ["kill", "look", "add", "balance"]) await expect(step(id)).toHaveAttribute("data-step-state", "done");
  });
});

test("others read who may open it", async ({ page }) => {
  await page.goto(at("academy", "/estate"));
  await fillSignIn(page, people.carol);
  await expect(page.getByRole("main")).toContainText("You need the role admin");
});

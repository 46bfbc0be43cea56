// What tests of open tabs share: opening them, knowing when each was told that its sign-in is over, and its notice.
import { at } from "./house.js";

// card is the notice of a tab whose person was signed out.
export const card = (page) => page.locator("#signed-out .signed-out-card");

// noteWhen has every page of a browser note when it was told, by the clock of this machine.
export async function noteWhen(context) {
  await context.addInitScript(() => {
    new MutationObserver(() => {
      if (!window.toldAt && document.querySelector("#signed-out > *")) window.toldAt = Date.now();
    }).observe(document, { childList: true, subtree: true });
  });
}

// open opens tabs, of which all but the last are in the background then.
export async function open(context, ...addresses) {
  const tabs = [];
  for (const address of addresses) {
    const tab = await context.newPage();
    await tab.goto(address);
    tabs.push(tab);
  }
  return tabs;
}

// listening waits until the browser's stream of an app is open, on whichever tab has it.
export function listening(context, service) {
  return context.waitForEvent("response", (answer) => answer.url() === at(service, "/auth/live") && answer.status() === 200);
}

// signedIn asks the server of the page's app.
export const signedIn = (page) => page.evaluate(async () => (await (await fetch("/auth/state")).json()).signed_in);

// The page of somebody who has been signed out: it says so, by what, and stays as it is. live.js tells it, with the events
// gatehouse:signed-out (detail: text, again, other) and gatehouse:signed-in on the document.
(() => {
  "use strict";
  const region = document.getElementById("signed-out");
  const root = document.documentElement;
  const title = document.title;
  const born = location.href;

  // Above all in the window's title, which is what shows of a tab in the background.
  const mark = (on) => {
    if (on) root.dataset.signedOut = "";
    else delete root.dataset.signedOut;
    document.title = on ? `Signed out · ${title}` : title;
  };

  // Where to sign in and come back to: this page, also where htmx has changed its address since.
  const signInURL = (href) => {
    const url = new URL(href, location.href);
    if (location.href !== born) url.searchParams.set("return_to", location.pathname + location.search);
    return url.href;
  };

  const typing = () => {
    const field = document.activeElement;
    return field?.matches("input, textarea, select, [contenteditable]") ? field : null;
  };
  // covered is how far a field reaches under the card, in pixels.
  const covered = (card, field) => {
    const [a, b] = [card.getBoundingClientRect(), field.getBoundingClientRect()];
    const apart = a.bottom <= b.top || a.top >= b.bottom || a.right <= b.left || a.left >= b.right;
    return apart ? 0 : a.bottom - b.top + 24; // it is still on its way to its place
  };
  // The card pushes the page down; where the page is scrolled, what is being read stays where it is.
  const fill = (...content) => {
    const before = region.offsetHeight;
    region.replaceChildren(...content);
    if (scrollY > 0) scrollBy({ top: region.offsetHeight - before, behavior: "instant" });
  };
  // What is typed is not hidden by the card, where the page is scrolled: it moves down.
  const uncover = (card, field) => scrollBy({ top: -covered(card, field), behavior: "instant" });

  let shown = "";
  const show = ({ text, again, other }) => {
    mark(true);
    for (const link of document.querySelectorAll(".signed-out-mark")) {
      if (again && !other) link.href = signInURL(link.getAttribute("href") ?? "/");
      else link.removeAttribute("href");
    }
    if (shown === text) return; // it is there already, or was hidden
    shown = text;
    const card = document.getElementById("signed-out-card").content.firstElementChild.cloneNode(true);
    card.querySelector("[data-text]").textContent = text;
    const note = other ? "other" : again ? "again" : "over";
    for (const p of card.querySelectorAll("[data-note]")) p.hidden = p.dataset.note !== note;
    card.querySelector("[data-again]").hidden = note !== "again";
    card.querySelector("[data-reload]").hidden = note !== "other";
    fill(card);
    const field = typing();
    if (field) uncover(card, field);
  };
  const clear = () => {
    shown = "";
    // Whoever stands on one of its buttons goes on at the content.
    if (region.contains(document.activeElement)) document.getElementById("content").focus({ preventScroll: true });
    fill();
    mark(false);
  };

  // The tab in which somebody signs out is about to show another page: it is told only if that does not come.
  let waiting = 0;
  document.addEventListener("gatehouse:signed-out", (e) => {
    clearTimeout(waiting);
    const leaving = document.querySelector("form[data-sending]");
    if (leaving) waiting = setTimeout(() => show(e.detail), 3000);
    else show(e.detail);
  });
  document.addEventListener("gatehouse:signed-in", () => {
    clearTimeout(waiting);
    sessionStorage.removeItem(where());
    if (shown || "signedOut" in root.dataset) clear();
  });

  region.addEventListener("click", (e) => {
    if (e.target.closest("[data-reload]")) location.reload();
    if (e.target.closest("[data-hide]")) {
      document.getElementById("content").focus({ preventScroll: true });
      fill();
      }
  });

  // What was typed, and not sent, waits in this tab for the same person while they sign in again.
  const where = () => `typed:${location.pathname}`;
  const keep = () => {
    const fields = [];
    document.querySelectorAll("form").forEach((form, at) => {
      for (const [n, field] of Array.from(form.elements).entries()) {
        if (!field.name || !field.matches("input, textarea, select") || field.matches("[type=password], [type=hidden], [type=file]")) continue;
        const box = field.matches("[type=checkbox], [type=radio]");
        const changed = field.matches("select")
          ? Array.from(field.options).some((o) => o.selected !== o.defaultSelected)
          : box
            ? field.checked !== field.defaultChecked
            : field.value !== field.defaultValue;
        if (changed) fields.push({ form: at, n, name: field.name, value: box ? field.checked : field.value });
      }
    });
    try {
      if (fields.length > 0) sessionStorage.setItem(where(), JSON.stringify({ person: region.dataset.person, at: Date.now(), fields }));
    } catch {
      // No room, or no storage: the way back still is.
    }
  };
  const restore = () => {
    let kept;
    try {
      kept = JSON.parse(sessionStorage.getItem(where()));
      sessionStorage.removeItem(where());
    } catch {
      return;
    }
    if (!kept || kept.person !== region.dataset.person || Date.now() - kept.at > 3600000) return;
    const forms = document.querySelectorAll("form");
    for (const { form, n, name, value } of kept.fields) {
      const field = forms[form]?.elements[n];
      if (field?.name !== name) continue;
      if (typeof value === "boolean") field.checked = value;
      else field.value = value;
    }
  };
  restore();
  document.addEventListener("click", (e) => {
    const link = e.target.closest("a[data-again][href]");
    if (!link) return;
    link.href = signInURL(link.getAttribute("href"));
    if (!e.ctrlKey && !e.metaKey && !e.shiftKey) keep(); // else another tab opens, and this one stays
  });

  // What refreshes itself (data-live) rests now: its answer would lead the page away to the sign-in, and what was typed with it.
  // The same answer, where it comes before the news, makes this page ask.
  document.addEventListener("htmx:before:request", (e) => {
    if ("signedOut" in root.dataset && e.detail.ctx?.sourceElement?.matches?.("[data-live]")) e.preventDefault();
  });
  document.addEventListener("htmx:before:response", (e) => {
    const { sourceElement, hx, response } = e.detail.ctx;
    if (!sourceElement?.matches?.("[data-live]") || !(hx?.redirect || response.headers.get("HX-Redirect"))) return;
    e.preventDefault();
    document.dispatchEvent(new CustomEvent("gatehouse:ask"));
  });
})();

// What the page of an experiment does beyond forms and htmx: it works without this file.
(() => {
  "use strict";

  // What the reader has opened or folded stays so when its part of the page is sent again.
  const touched = new WeakSet();
  document.addEventListener("click", (e) => {
    const details = e.target.closest("summary")?.parentElement;
    if (details) touched.add(details);
  });
  window.htmx?.registerExtension("lab", {
    htmx_before_morph_attr: (node, detail) => !(detail.attrName === "open" && touched.has(node)),
  });

  // The focus stays where it was, by name: the button of a step becomes that of the next.
  let held = "";
  document.addEventListener("focusin", (e) => (held = e.target.id));
  document.addEventListener("pointerdown", (e) => {
    if (!e.target.closest("button, input, select, textarea, a, summary, label")) held = "";
  });
  document.addEventListener("htmx:after:swap", () => {
    if (document.activeElement === document.body && held) document.getElementById(held)?.focus({ preventScroll: true });
  });

  // A link to the set-up can be copied by a button.
  const shows = (from) => from.querySelectorAll("[data-copy]").forEach((b) => (b.hidden = false));
  shows(document);
  document.addEventListener("htmx:after:swap", () => shows(document));
  document.addEventListener("click", async (e) => {
    const button = e.target.closest("[data-copy]");
    if (!button) return;
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Press Ctrl+C";
    }
    setTimeout(() => (button.textContent = "Copy link"), 2000);
  });
})();

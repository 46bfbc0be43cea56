// The keyboard in the console: / goes to the search, j and k to the next row and the one before, Enter opens it. Nothing of it
// works while something is typed.
(() => {
  "use strict";
  const main = document.getElementById("content");
  const typing = (e) => e.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") || document.querySelector("dialog[open]");
  const search = () => main.querySelector("input[type=search], form[method=get] input[type=text]");
  const visible = (e) => e.checkVisibility({ visibilityProperty: true });
  // Each row is known by its first link, which Enter opens by itself.
  const links = () => Array.from(main.querySelectorAll("tbody tr"), (row) => row.querySelector("a[href]")).filter((link) => link && visible(link));

  const move = (by) => {
    const all = links();
    const row = document.activeElement.closest("tr");
    const at = row ? all.findIndex((link) => row.contains(link)) : -1;
    const next = at < 0 ? all[by > 0 ? 0 : all.length - 1] : all[at + by];
    if (!next) return false;
    next.focus();
    const target = next.closest("tr");
    target.dataset.at = ""; // the row is framed, not the link
    next.addEventListener("blur", () => delete target.dataset.at, { once: true });
    target.scrollIntoView({ block: "nearest" });
    return true;
  };
  document.addEventListener("keydown", (e) => {
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || typing(e)) return;
    let done = false;
    if (e.key === "/") {
      const field = search();
      field?.focus();
      field?.select();
      done = Boolean(field);
    }
    if (e.key === "j") done = move(1);
    if (e.key === "k") done = move(-1);
    if (done) e.preventDefault();
  });

  // A list with a box in each row (data-bulk: how many may be ticked) says how many are, and its link ticks them all or none.
  const boxes = (form) => Array.from(form.querySelectorAll("input[type=checkbox][name=id]"));
  const countSelected = () => {
    for (const form of main.querySelectorAll("form[data-bulk]")) {
      const limit = Number(form.dataset.bulk);
      const n = boxes(form).filter((box) => box.checked).length;
      const link = form.querySelector("[data-bulk-all]");
      link.dataset.select ??= link.textContent;
      link.textContent = n ? link.dataset.clear : link.dataset.select;
      form.querySelector("[data-bulk-count]").textContent = n ? `${n} selected${n > limit ? `, but at most ${limit} at a time` : ""}` : "";
      form.querySelector(".bulk-bar").toggleAttribute("data-some", n > 0);
    }
  };
  document.addEventListener("change", (e) => e.target.matches("form[data-bulk] input") && countSelected());
  document.addEventListener("click", (e) => {
    const link = e.target.closest("[data-bulk-all]");
    if (!link || e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    const form = link.closest("form");
    const tick = !boxes(form).some((box) => box.checked);
    boxes(form).forEach((box, i) => (box.checked = tick && i < Number(form.dataset.bulk)));
    countSelected();
  });
  document.addEventListener("htmx:after:swap", countSelected);
  addEventListener("pageshow", countSelected);
})();

// Ctrl-K and the header's compass open the page of all pages (/go) as a dialog. Without this file the compass is a link to it.
(() => {
  "use strict";
  const dialog = document.getElementById("goto");
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("[data-goto-list]");
  const says = dialog.querySelector("[data-goto-says]");
  const links = () => Array.from(list.querySelectorAll("a"));
  let latest = 0;
  let timer;

  const load = async () => {
    const turn = ++latest;
    const answer = await fetch("/go?q=" + encodeURIComponent(input.value.trim()), { headers: { "HX-Request": "true" } });
    if (!answer.ok) throw new Error("/go: " + answer.status);
    const text = await answer.text();
    if (turn !== latest) return;
    list.innerHTML = text;
    const [first] = links();
    first?.toggleAttribute("data-enter", true);
    says.textContent = first ? `Enter opens ${first.textContent}, ${first.closest("section").getAttribute("aria-label")}` : "";
  };
  // Where the list can't be had, the page says why.
  const refresh = () => load().catch(() => location.assign("/go?q=" + encodeURIComponent(input.value.trim())));

  const open = () => {
    if (dialog.open) return input.select();
    input.value = "";
    dialog.showModal();
    input.focus();
    refresh();
  };

  document.addEventListener("click", (e) => {
    if (e.ctrlKey || e.metaKey || e.shiftKey || e.button !== 0) return;
    if (e.target.closest("a[data-goto]")) {
      e.preventDefault();
      open();
    } else if (e.target === dialog) {
      dialog.close();
    }
  });
  document.addEventListener("keydown", (e) => {
    if (e.defaultPrevented) return; // in a field for Markdown it makes a link
    if ((e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === "k") {
      e.preventDefault();
      open();
    }
  });

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, 120);
  });
  // Enter opens the first link of what is typed now, not of what was typed before.
  dialog.querySelector("form").addEventListener("submit", async (e) => {
    e.preventDefault();
    clearTimeout(timer);
    try {
      await load();
    } catch {
      e.target.submit();
      return;
    }
    links()[0]?.click();
  });
  dialog.addEventListener("keydown", (e) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (!step) return;
    e.preventDefault();
    const stops = [input, ...links()];
    const at = stops.indexOf(document.activeElement);
    stops[(at + step + stops.length) % stops.length].focus();
  });
})();

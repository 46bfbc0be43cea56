// Replays a receipt: each server turns from letting somebody in to refusing after its own milliseconds, so many times slower
// than it was. The page is right without it: this only takes the end of the story away for a moment and tells it again.
(() => {
  "use strict";
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const told = new WeakSet();

  function play(box) {
    const slow = Number(box.dataset.replay) || 1;
    const tiles = [...box.querySelectorAll("[data-took]")].map((el) => ({ el, took: Number(el.dataset.took) || 0 }));
    const count = document.querySelector("[data-replay-count]");
    const clock = document.querySelector("[data-replay-clock]");
    const again = box.querySelector("[data-replay-again]");
    const end = Math.max(0, ...tiles.map((t) => t.took));
    tiles.sort((a, b) => a.took - b.took);
    for (const t of tiles) t.el.classList.add("answer-open");
    again.disabled = true;
    const lead = 600; // a moment to see them all open
    const began = performance.now();
    let next = 0;
    const step = (now) => {
      const at = Math.min(end, Math.max(0, now - began - lead) / slow);
      while (next < tiles.length && (tiles[next].took <= at && now - began > lead)) tiles[next++].el.classList.remove("answer-open");
      if (count) count.textContent = String(next);
      if (clock) clock.textContent = String(Math.round(at));
      if (next < tiles.length) requestAnimationFrame(step);
      else again.disabled = false;
    };
    requestAnimationFrame(step);
  }

  function begin() {
    for (const box of document.querySelectorAll("[data-replay]")) {
      if (told.has(box)) continue;
      told.add(box);
      if (still.matches || !box.querySelector("[data-took]")) continue;
      box.querySelector("[data-replay-note]").hidden = false;
      const again = box.querySelector("[data-replay-again]");
      again.hidden = false;
      again.addEventListener("click", () => play(box));
      play(box);
    }
  }

  document.addEventListener("htmx:after:swap", begin);
  begin();
})();

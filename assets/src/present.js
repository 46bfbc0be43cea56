// A lesson on a projector: the keys that a presenter's remote control sends follow the links of the page.
(() => {
  "use strict";
  const follow = (selector) => document.querySelector(selector)?.click();
  const keys = {
    ArrowRight: "[data-next]",
    ArrowDown: "[data-next]",
    PageDown: "[data-next]",
    " ": "[data-next]",
    ArrowLeft: "[data-previous]",
    ArrowUp: "[data-previous]",
    PageUp: "[data-previous]",
    Escape: "[data-leave]",
  };
  // A slide that is longer than the screen is read to its end first.
  const scrolls = (down) => {
    const page = document.scrollingElement;
    const left = down ? page.scrollHeight - page.clientHeight - page.scrollTop : page.scrollTop;
    return left > 4;
  };
  document.addEventListener("keydown", (e) => {
    if (e.altKey || e.ctrlKey || e.metaKey || e.shiftKey) return;
    const own = e.target.closest("a, button, summary, [tabindex='0']");
    if (e.key === " " && own?.matches("button, summary")) return;
    if (own?.matches("[tabindex='0']") && e.key.startsWith("Arrow")) return;
    const selector = keys[e.key];
    if (!selector) return;
    if (["ArrowDown", "ArrowUp", "PageDown", "PageUp", " "].includes(e.key) && scrolls(selector === "[data-next]")) return;
    e.preventDefault();
    follow(selector);
  });
})();

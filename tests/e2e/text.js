// What is wrong with the text of a page as it is seen: words without a space between them, a space before a full stop, and units
// that repeat their label.
import { expect } from "@playwright/test";

// findFaults runs in the page. It returns one line for each fault. Code, and what people wrote, is left out.
function findFaults() {
  const faults = [];
  const left = "svg, script, style, template, textarea, select, pre, code, kbd, mark, .prose, bdi, blockquote, [dir=auto], [data-initials]";
  const range = document.createRange();
  const boxOf = (node, from, to) => {
    range.setStart(node, from);
    range.setEnd(node, to);
    return range.getBoundingClientRect();
  };
  // Two texts that touch each other, such as a label and its value.
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let before = null;
  while (texts.nextNode()) {
    const node = texts.currentNode;
    if (node.data === "" || !node.parentElement.checkVisibility({ visibilityProperty: true })) continue;
    if (before && /[\p{L}\p{N},;:.!?)]$/u.test(before.data) && /^[\p{L}\p{N}(]/u.test(node.data) && before.parentElement !== node.parentElement) {
      const [a, b] = [boxOf(before, before.data.length - 1, before.data.length), boxOf(node, 0, 1)];
      const touching = a.width > 1 && b.width > 1 && Math.abs(a.bottom - b.bottom) < 8 && Math.abs(b.left - a.right) < 2;
      if (touching && !before.parentElement.closest(left) && !node.parentElement.closest(left)) {
        faults.push(`no space: "${before.data.slice(-30)}" and "${node.data.slice(0, 30)}"`);
      }
    }
    before = node;
  }
  // The text of each block.
  const isBlock = (e) => !["inline", "contents", "none"].includes(getComputedStyle(e).display);
  for (const e of document.querySelectorAll("main *, header *, footer *")) {
    if (!isBlock(e) || e.closest(left) || !e.checkVisibility({ visibilityProperty: true }) || Array.from(e.children).some((child) => child.matches("details") || (isBlock(child) && !child.matches("svg, img")))) continue;
    const text = e.innerText.replace(/\s+/g, " ").trim();
    const found =
      text.match(/.{0,30}[\p{L}\p{N})] [.,;:!](?= |$)/u) ?? // 0 .
      text.match(/\b(\p{L}{3,}) \(\1\)/iu) ?? // Servers (servers)
      text.match(/\b\p{Ll}+(?:\d{1,2} )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}/u) ?? // Started29 Nov 2026
      text.match(/(?<![-\p{L}])(\p{Ll}{2,}) \1(?![-\p{L}])/u); // the the
    if (found) faults.push(`"${found[0]}" in "${text.slice(0, 100)}"`);
  }
  return faults.slice(0, 6);
}

// expectCleanText checks the text of the page that is open.
export async function expectCleanText(page, name) {
  expect.soft((await page.evaluate(findFaults)).join("\n"), `text of ${name}`).toBe("");
}

// Geometry of a page: what sticks out, spills over, is cut off or is torn apart.
import { expect } from "@playwright/test";

// findFaults runs in the page. It returns one line for each fault of the layout: the page scrolls sideways, a box lies outside the
// window, content spills out of its box, content is cut off without an ellipsis, or a word is torn apart. A box that scrolls
// sideways on purpose is allowed for code, and on narrow screens for tables without cards; from 1024 px on no column of a table
// may be hidden.
function findFaults() {
  const width = document.documentElement.clientWidth;
  const wide = width >= 1000;
  const faults = [];
  const name = (e) => `<${e.tagName.toLowerCase()}${e.id ? ` id=${e.id}` : ""} class="${e.getAttribute("class") ?? ""}"> ${e.textContent.trim().replace(/\s+/g, " ").slice(0, 60)}`;
  const scrolls = (style) => ["auto", "scroll"].includes(style.overflowX);
  const cuts = (style) => ["hidden", "clip"].includes(style.overflowX);
  // Content for screen readers alone is a box of one pixel.
  const hiddenFromSight = (e) => {
    for (; e; e = e.parentElement) {
      const style = getComputedStyle(e);
      if (style.clipPath === "inset(50%)" || style.clip === "rect(0px, 0px, 0px, 0px)") return true;
    }
    return false;
  };
  const scroller = (e) => {
    for (e = e.parentElement; e && e !== document.body; e = e.parentElement) if (scrolls(getComputedStyle(e)) || cuts(getComputedStyle(e))) return e;
    return null;
  };
  // A box with a negative margin stands out of those around it on purpose; whether it fits the window is tested on itself.
  const outstanding = [...document.querySelectorAll("body *")].filter((e) => parseFloat(getComputedStyle(e).marginLeft) < 0 || parseFloat(getComputedStyle(e).marginRight) < 0);
  const reachesOut = (e) => outstanding.some((box) => box !== e && e.contains(box));

  const over = document.documentElement.scrollWidth - width;
  if (over > 0) faults.push(`the page is ${over} px wider than the window`);
  for (const e of document.querySelectorAll("body *")) {
    if (e.ownerSVGElement || !e.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const box = e.getBoundingClientRect();
    if (box.width < 2 || box.height < 2 || hiddenFromSight(e)) continue;
    const style = getComputedStyle(e);
    const more = e.scrollWidth - e.clientWidth;
    if ((box.right > width + 1 || box.left < -1) && !scroller(e)) faults.push(`outside the window, from ${Math.round(box.left)} to ${Math.round(box.right)}: ${name(e)}`);
    if (style.display === "inline" || style.display === "contents" || e.tagName === "SVG" || e.tagName === "svg") continue;
    if (scrolls(style)) {
      if (more > 1 && (wide || e.matches(".table-cards")) && !e.matches("pre, textarea, input") && !e.querySelector(":scope > pre")) faults.push(`hides ${more} px at the side: ${name(e)}`);
    } else if (cuts(style)) {
      if (more > 1 && style.textOverflow !== "ellipsis" && !e.matches("input, select, progress")) faults.push(`cuts off ${more} px: ${name(e)}`);
    } else if (more > 1 && !e.matches("table, tbody, thead, tr, select, option, input, fieldset, legend, body, html") && !scroller(e) && !reachesOut(e)) {
      faults.push(`${more} px spill out of: ${name(e)}`);
    }
  }
  // A word of up to 12 characters is not torn apart, and a longer one has a few of them in each line.
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  const lines = (from, to) => {
    range.setStart(texts.currentNode, from);
    range.setEnd(texts.currentNode, to);
    return new Set(Array.from(range.getClientRects(), (box) => Math.round(box.top))).size;
  };
  while (texts.nextNode()) {
    const { data, parentElement: e } = texts.currentNode;
    if (data.trim().length < 2 || e.closest("svg, script, style, template, textarea, select")) continue;
    if (lines(0, data.length) < 2) continue;
    if (!e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || hiddenFromSight(e)) continue;
    for (const { 0: found, index } of data.matchAll(/\S{2,}/g)) {
      const torn = found.length > 12 || e.closest("code")
        ? found.length / lines(index, index + found.length) < Math.min(6, found.length / 2)
        : Array.from(found.matchAll(/[\p{L}\p{N}]{2,}/gu)).some((word) => lines(index + word.index, index + word.index + word[0].length) > 1);
      if (torn) {
        faults.push(`"${found.slice(0, 40)}" is torn apart: ${name(e)}`);
        break;
      }
    }
  }
  // A fault spills through all boxes around it: the innermost ones say enough.
  return faults.slice(-6);
}

// expectTidy checks the layout of the page at this width in CSS pixels. It reads boxes, which makes the browser lay the page out:
// there is no frame to wait for, nor could a page without JavaScript wait for one.
export async function expectTidy(page, name, width) {
  await page.setViewportSize({ width, height: width < 600 ? 844 : 900 });
  expect.soft((await page.evaluate(findFaults)).join("\n"), `layout of ${name}, ${width} px wide`).toBe("");
}

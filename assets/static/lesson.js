// What lessons do beyond their forms: the lines of an order are moved with buttons, where without this script a select beside
// each says its place; and the last page of the chapter has a button that prints it.
(() => {
  "use strict";

  const arrow = (path) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const attributes = { viewBox: "0 0 24 24", width: 16, height: 16, fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" };
    for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value);
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", path);
    svg.append(line);
    return svg;
  };

  const linesOf = (list) => [...list.querySelectorAll(":scope > [data-order-line]")];
  const words = (line) => line.querySelector("[data-order-text]").textContent.trim();

  // The place of each line is where it stands: its select is what is sent.
  function number(list) {
    const lines = linesOf(list);
    lines.forEach((line, i) => {
      line.querySelector("select").value = String(i + 1);
      line.querySelector("[data-order-number]").textContent = String(i + 1);
      for (const button of line.querySelectorAll("button")) {
        const by = Number(button.dataset.by);
        button.setAttribute("aria-disabled", String(i + by < 0 || i + by >= lines.length));
      }
    });
  }

  function move(list, line, by) {
    const lines = linesOf(list);
    const to = lines.indexOf(line) + by;
    if (to < 0 || to >= lines.length) return;
    if (by < 0) lines[to].before(line);
    else lines[to].after(line);
    line.classList.remove("order-right");
    number(list);
    const told = list.parentElement.querySelector("[data-order-told]");
    if (told) told.textContent = `${words(line)}: now ${to + 1} of ${lines.length}`;
  }

  function button(list, line, by, label, path) {
    const b = document.createElement("button");
    b.type = "button";
    b.dataset.by = String(by);
    b.setAttribute("aria-label", `${label}: ${words(line)}`);
    b.append(arrow(path));
    b.addEventListener("click", () => {
      move(list, line, by);
      b.focus();
    });
    return b;
  }

  function sortable(list) {
    if (list.dataset.order === "on") return;
    list.dataset.order = "on";
    // Places that were chosen without this script, or not all of them differently: the lines stand in that order first.
    const place = (line) => Number(line.querySelector("select").value);
    for (const line of linesOf(list).sort((a, b) => place(a) - place(b))) {
      list.append(line);
      line.querySelector(".order-place").hidden = true;
      const n = document.createElement("span");
      n.className = "order-number";
      n.dataset.orderNumber = "";
      n.setAttribute("aria-hidden", "true");
      line.prepend(n);
      const tools = document.createElement("span");
      tools.className = "order-move";
      tools.append(button(list, line, -1, "Up", "m18 15-6-6-6 6"), button(list, line, 1, "Down", "m6 9 6 6 6-6"));
      line.append(tools);
      line.addEventListener("keydown", (e) => {
        if (!e.altKey || (e.key !== "ArrowUp" && e.key !== "ArrowDown")) return;
        e.preventDefault();
        const held = document.activeElement;
        move(list, line, e.key === "ArrowUp" ? -1 : 1);
        held.focus();
      });
    }
    number(list);
  }

  function begin() {
    for (const list of document.querySelectorAll("[data-order]")) sortable(list);
    for (const b of document.querySelectorAll("[data-print]")) b.hidden = false;
  }

  document.addEventListener("click", (e) => {
    if (e.target.closest("[data-print]")) print();
  });
  document.addEventListener("htmx:after:swap", begin);
  begin();
})();

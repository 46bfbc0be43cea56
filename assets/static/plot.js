// Tooltips of charts, for mouse, touch and keyboard. A chart (data-plot: the name of its keyboard control) has areas with
// data-i, the number of a row in its table (data-table), and the tooltip shows that row. Without this file the table, which
// every chart has, says the same.
(() => {
  "use strict";
  const charts = new Map(); // what can be done with each chart, by its element
  const element = (name, className, text = "") => Object.assign(document.createElement(name), { className, textContent: text });

  function setUp(box) {
    const table = () => document.getElementById(box.dataset.table);
    const head = Number(box.dataset.head);
    const colors = box.dataset.colors.trim().split(/\s+/);
    const cross = element("div", "plot-cross");
    const tip = element("div", "plot-tip");
    const slider = element("div", "plot-keys");
    let current = -1; // the row that is shown
    let touched = false; // the last pointer was a finger
    let focused = false; // the slider has the focus, or had it when it was removed
    let opened = false; // the tap that is under way showed the row, and must not open its link

    const rows = () => table().querySelectorAll("tbody tr");
    const area = (i) => [...box.querySelectorAll(`[data-i="${i}"]`)].find((el) => el.getClientRects().length > 0);
    const texts = (i) => [...rows()[i].cells].map((cell) => cell.textContent.trim());
    const columns = () => [...table().querySelectorAll("thead th")].map((cell) => cell.textContent.trim());

    const hint = () => {
      if (document.activeElement === slider) return "Enter lists the events";
      return touched ? "Tap again to list the events" : "Click to list the events";
    };

    function fill(i) {
      const names = columns();
      const cells = texts(i);
      const list = element("dl", "");
      const said = [];
      names.forEach((name, n) => {
        if (n === head) return;
        const label = element("dt", "", name);
        if (box.hasAttribute("data-cross") && names.length > 2) label.prepend(element("span", `plot-dot plot-dot-${colors[n - 1]}`));
        list.append(label, element("dd", "", cells[n]));
        said.push(`${name}: ${cells[n]}`);
      });
      tip.replaceChildren(element("p", "plot-tip-head", cells[head]), list);
      for (const note of (rows()[i].dataset.note ?? "").split("\n").filter(Boolean)) {
        tip.append(element("p", "plot-tip-note", note));
        said.push(note);
      }
      if (area(i)?.matches("a")) tip.append(element("p", "plot-tip-note", hint()));
      slider.setAttribute("aria-valuemax", String(rows().length));
      slider.setAttribute("aria-valuenow", String(i + 1));
      slider.setAttribute("aria-valuetext", [cells[head], ...said].join(", "));
    }

    function show(i) {
      const at = area(i)?.getBoundingClientRect();
      if (!at || !rows()[i]) return hide();
      current = i;
      fill(i);
      const frame = box.getBoundingClientRect();
      const x = at.left + at.width / 2 - frame.left;
      cross.hidden = !box.hasAttribute("data-cross");
      cross.style.left = `${x}px`;
      cross.style.top = `${at.top - frame.top}px`;
      cross.style.height = `${at.height}px`;
      tip.hidden = false;
      const width = tip.offsetWidth;
      const left = x + 12 + width <= frame.width || x - 12 - width < 0 ? x + 12 : x - 12 - width;
      tip.style.left = `${Math.max(0, Math.min(left, frame.width - width))}px`;
      tip.style.top = box.hasAttribute("data-cross") ? `${at.top - frame.top + 4}px` : `${at.bottom - frame.top}px`;
    }

    function hide() {
      current = -1;
      cross.hidden = tip.hidden = true;
    }

    const under = (e) => {
      const found = document.elementFromPoint(e.clientX, e.clientY)?.closest("[data-i]");
      return found && box.contains(found) ? Number(found.dataset.i) : -1;
    };
    box.addEventListener("pointerdown", (e) => {
      touched = e.pointerType === "touch";
      const i = under(e);
      opened = touched && i >= 0 && i !== current;
      if (touched && i >= 0) show(i);
    });
    box.addEventListener("pointermove", (e) => {
      touched = e.pointerType === "touch";
      const i = under(e);
      if (i >= 0 && i !== current) {
        opened = touched;
        show(i);
      } else if (i < 0 && !touched) hide();
    });
    box.addEventListener("pointerleave", (e) => {
      if (e.pointerType !== "touch" && document.activeElement !== slider) hide();
    });
    box.addEventListener("click", (e) => {
      if (touched && opened) e.preventDefault();
    });
    const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 6, PageUp: -6, Home: -Infinity, End: Infinity };
    slider.addEventListener("keydown", (e) => {
      const last = rows().length - 1;
      if (e.key in moves) {
        e.preventDefault();
        show(Math.max(0, Math.min(last, (current < 0 ? last : current) + moves[e.key])));
      } else if (e.key === "Enter" && area(current)?.matches("a")) {
        location.assign(area(current).getAttribute("href"));
      } else if (e.key === "Escape") hide();
    });
    slider.addEventListener("focus", () => {
      touched = false;
      focused = true;
      show(current < 0 ? rows().length - 1 : current);
    });
    slider.addEventListener("blur", () => {
      setTimeout(() => {
        // It may have been removed with its part of the page: refresh brings it back.
        if (!slider.isConnected || document.activeElement === slider) return;
        focused = false;
        hide();
      });
    });

    slider.tabIndex = 0;
    slider.setAttribute("role", "slider");
    slider.setAttribute("aria-label", box.dataset.plot);
    slider.setAttribute("aria-valuemin", "1");
    if (!box.hasAttribute("data-cross")) slider.setAttribute("aria-orientation", "vertical");
    tip.setAttribute("aria-hidden", "true"); // the slider says the same
    box.append(slider, cross, tip);
    if (rows().length > 0) fill(rows().length - 1);
    else slider.hidden = true;
    hide();

    // refresh follows a change of the page: new figures, another width, or a chart that was sent again.
    function refresh() {
      if (!slider.isConnected) {
        box.append(slider, cross, tip);
        if (focused) slider.focus({ preventScroll: true });
      }
      slider.hidden = rows().length === 0;
      if (current >= 0) show(current);
      else if (!slider.hidden) fill(rows().length - 1);
    }
    charts.set(box, { refresh, leave: (target) => current >= 0 && !box.contains(target) && hide() });
  }

  function update() {
    for (const box of charts.keys()) {
      if (!box.isConnected) charts.delete(box);
    }
    for (const box of document.querySelectorAll("[data-plot]")) {
      if (charts.has(box)) charts.get(box).refresh();
      else setUp(box);
    }
  }
  document.addEventListener("htmx:after:swap", update);
  addEventListener("resize", update);
  document.addEventListener("pointerdown", (e) => charts.forEach((chart) => chart.leave(e.target)));
  update();
})();

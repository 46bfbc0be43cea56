// What pages do beyond plain HTML. Every page works without this file; it only makes it quicker and kinder.
(() => {
  "use strict";
  const root = document.documentElement;
  const all = (selector, from = document) => from.querySelectorAll(selector);

  // Menus: a <details data-menu> closes on Escape, on a click elsewhere and when the focus leaves it.
  const closeMenus = (except) => {
    for (const menu of all("details[data-menu][open]")) {
      if (!except || !menu.contains(except)) menu.open = false;
    }
  };
  document.addEventListener("click", (e) => closeMenus(e.target));
  document.addEventListener("focusin", (e) => closeMenus(e.target));
  document.addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    const menu = document.querySelector("details[data-menu][open]");
    if (!menu) return;
    const held = menu.contains(document.activeElement);
    menu.open = false;
    if (held) menu.querySelector("summary").focus();
  });

  // Theme: switched at once; the server learns of it for the next page.
  const applyTheme = (theme) => {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    document.querySelector('meta[name="color-scheme"]').content = theme === "system" ? "light dark" : theme;
    for (const icon of all("[data-theme-icon]")) icon.hidden = icon.dataset.themeIcon !== theme;
    for (const b of all("[data-theme-form] button")) b.setAttribute("aria-pressed", String(b.value === theme));
  };
  document.addEventListener("submit", (e) => {
    const form = e.target.closest("[data-theme-form]");
    if (!form || !e.submitter) return;
    e.preventDefault();
    const body = new URLSearchParams(new FormData(form, e.submitter));
    applyTheme(e.submitter.value);
    closeMenus();
    form.parentElement.querySelector("summary").focus();
    fetch(form.action, { method: "POST", body, redirect: "manual", keepalive: true }).catch(() => offline());
  });

  // Toasts leave by themselves, errors stay until they are dismissed.
  const toasts = document.getElementById("toasts");
  const dismiss = (toast) => {
    toast.dataset.leaving = "";
    setTimeout(() => toast.remove(), 200);
  };
  const watch = (toast) => {
    if (toast.dataset.watched) return;
    toast.dataset.watched = "1";
    if (!("sticky" in toast.dataset) && !toast.classList.contains("notice-error")) {
      const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : dismiss(toast));
      setTimeout(leave, 6000);
    }
  };
  const showTemplate = (id) => toasts.append(document.getElementById(id).content.cloneNode(true));
  const offline = () => showTemplate("toast-offline");
  new MutationObserver(() => {
    const list = all("[data-toast]", toasts);
    list.forEach(watch);
    for (const old of Array.from(list).slice(0, -4)) old.remove();
  }).observe(toasts, { childList: true });
  toasts.append(...toasts.children); // those that came with the page are read out only if they are added to it
  document.addEventListener("click", (e) => {
    const button = e.target.closest("[data-dismiss]");
    if (button) dismiss(button.closest("[data-toast]"));
  });

  // Confirmation in a dialog of ours, for data-confirm on a button and for hx-confirm.
  const dialog = document.getElementById("confirm");
  const ask = (question, control) =>
    new Promise((resolve) => {
      const yes = dialog.querySelector("[data-confirm-yes]");
      const danger = control?.matches(".btn-error, .btn-quiet-danger");
      yes.textContent = control?.textContent.trim() || "Yes";
      yes.classList.toggle("btn-error", Boolean(danger));
      yes.classList.toggle("btn-primary", !danger);
      document.getElementById("confirm-text").textContent = question;
      dialog.returnValue = "no";
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
      dialog.showModal();
    });
  const confirmed = new WeakSet();
  document.addEventListener(
    "click",
    (e) => {
      const control = e.target.closest("[data-confirm]");
      if (!control || confirmed.has(control)) return;
      e.preventDefault();
      e.stopImmediatePropagation();
      ask(control.dataset.confirm, control).then((yes) => {
        if (!yes) return;
        confirmed.add(control);
        control.click();
        confirmed.delete(control);
      });
    },
    true,
  );
  document.addEventListener("htmx:confirm", (e) => {
    e.preventDefault();
    ask(e.detail.ctx.confirm, e.detail.ctx.sourceElement).then((yes) => (yes ? e.detail.issueRequest() : e.detail.dropRequest()));
  });

  // What is typed into a field that belongs to one of several choices (data-chooses: its id) chooses it; another choice
  // empties the field.
  document.addEventListener("input", (e) => {
    const chosen = e.target.dataset.chooses && document.getElementById(e.target.dataset.chooses);
    if (chosen && e.target.value) chosen.checked = true;
    if (!e.target.matches("[type=radio]")) return;
    for (const field of all("[data-chooses]", e.target.form ?? document)) {
      const own = document.getElementById(field.dataset.chooses);
      if (own?.name === e.target.name && own !== e.target) field.value = "";
    }
  });

  // A row of links that is wider than the screen begins at the page that is open.
  for (const link of all(".topnav [aria-current], .console-nav [aria-current]")) {
    const row = link.closest("ul");
    row.scrollLeft += link.getBoundingClientRect().left - row.getBoundingClientRect().left - (row.clientWidth - link.offsetWidth) / 2;
  }

  // A form is sent once: while it is under way its buttons are busy and a second click does nothing. The buttons keep the
  // focus, which a disabled one would lose.
  const busy = (owner, on) => {
    if (on) owner.dataset.sending = "1";
    else delete owner.dataset.sending;
    const buttons = owner.matches("form") ? all("button:not([type=button])", owner) : [owner];
    for (const b of buttons) {
      if (on) b.setAttribute("aria-busy", "true");
      else b.removeAttribute("aria-busy");
    }
  };
  document.addEventListener(
    "submit",
    (e) => {
      if (!e.target.dataset.sending) return;
      e.preventDefault();
      e.stopImmediatePropagation();
    },
    true,
  );
  document.addEventListener("submit", (e) => {
    if (e.defaultPrevented || e.target.method !== "post" || e.target.target) return;
    busy(e.target, true);
    setTimeout(() => busy(e.target, false), 15000); // an answer that never came: let the person try again
  });
  addEventListener("pageshow", () => all("[data-sending]").forEach((owner) => busy(owner, false)));
  document.addEventListener("htmx:before:request", (e) => {
    const source = e.detail.ctx.sourceElement;
    if (source.matches("form, button")) busy(source, true);
  });
  document.addEventListener("htmx:finally:request", (e) => {
    const source = e.detail.ctx.sourceElement;
    if (source.matches("form, button")) busy(source, false);
  });
  document.addEventListener(
    "click",
    (e) => {
      const button = e.target.closest("button[data-sending]");
      if (!button) return;
      e.preventDefault();
      e.stopImmediatePropagation();
    },
    true,
  );

  // What refreshes itself every few seconds (data-live) rests while nobody sees the page, and tries again without a toast.
  const isLive = (e) => Boolean(e.detail.ctx?.sourceElement?.matches?.("[data-live]"));
  document.addEventListener("htmx:before:request", (e) => {
    if (document.hidden && isLive(e)) e.preventDefault();
  });

  // data-lost marks it while the server does not answer.
  const lost = (e, is) => e.detail.ctx.sourceElement.toggleAttribute("data-lost", is);

  // A part of a page that failed says so in a toast, and what was there stays there. The server sends its own toast with
  // HX-Retarget; an answer without it is not ours, so it is not put into the page.
  document.addEventListener("htmx:before:response", (e) => {
    const { response, hx } = e.detail.ctx;
    if (response.status >= 500 && (isLive(e) || !hx.retarget)) {
      e.preventDefault();
      if (isLive(e)) lost(e, true);
      else offline();
    }
  });
  document.addEventListener("htmx:error", (e) => {
    if (!e.detail.error || e.detail.ctx?.response) return;
    if (isLive(e)) lost(e, true);
    else offline();
  });
  document.addEventListener("htmx:after:swap", (e) => isLive(e) && lost(e, false));

  // A select or a box with data-autosubmit sends its form when it changes.
  document.addEventListener("change", (e) => {
    if (e.target.matches("[data-autosubmit]")) e.target.form?.requestSubmit();
  });

  // Moments, in the reader's own zone, written as the server writes them so that nothing moves.
  const day = { day: "numeric", month: "short", year: "numeric" };
  const formats = {
    date: new Intl.DateTimeFormat("en-GB", day),
    datetime: new Intl.DateTimeFormat("en-GB", { ...day, hour: "2-digit", minute: "2-digit", hour12: false }),
    clock: new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false }),
  };
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  const ago = (date) => {
    const seconds = (date - Date.now()) / 1000;
    const size = Math.abs(seconds);
    if (size < 60) return "just now";
    if (size < 3600) return relative.format(Math.trunc(seconds / 60), "minute");
    if (size < 86400) return relative.format(Math.trunc(seconds / 3600), "hour");
    if (size < 30 * 86400) return relative.format(Math.trunc(seconds / 86400), "day");
    return formats.date.format(date);
  };
  const writeTimes = (from = document) => {
    for (const el of all("time[data-time]", from)) {
      const date = new Date(el.dateTime);
      if (Number.isNaN(date.getTime())) continue;
      const text = el.dataset.time === "relative" ? ago(date) : formats[el.dataset.time].format(date);
      if (el.textContent !== text) el.textContent = text;
      el.title = formats.datetime.format(date);
    }
  };

  // The focus goes to what has to be read first: in a form with errors the first wrong field, which its error describes.
  const settle = (from) => {
    writeTimes();
    const first = from.querySelector?.("[data-focus]");
    const wrong = first?.matches(".error-summary") && (first.closest("form") ?? from).querySelector("[aria-invalid]");
    (wrong || first)?.focus();
  };
  settle(document);
  document.addEventListener("htmx:after:swap", (e) => settle(e.detail.ctx?.target instanceof Element ? e.detail.ctx.target : document));
  setInterval(writeTimes, 60000);

  // A password can be looked at: data-reveal on a button names the field. data-fill on a button fills fields, given as an
  // object of ids and values. Both are hidden where there is no JavaScript.
  for (const b of all("[data-reveal], [data-fill]")) b.hidden = false;
  document.addEventListener("click", (e) => {
    const reveal = e.target.closest("[data-reveal]");
    if (reveal) {
      const field = document.getElementById(reveal.dataset.reveal);
      const shown = field.type === "password";
      field.type = shown ? "text" : "password";
      reveal.setAttribute("aria-pressed", String(shown));
      field.focus();
    }
    const fill = e.target.closest("[data-fill]");
    if (fill) {
      for (const [id, value] of Object.entries(JSON.parse(fill.dataset.fill))) document.getElementById(id).value = value;
      document.getElementById(fill.dataset.fillFocus)?.focus();
    }
  });
  // data-copy on a button copies the value or the text of the element with that id; where the browser does not allow it, the
  // text is selected instead. The button is hidden where there is no JavaScript.
  for (const b of all("[data-copy]")) b.hidden = false;
  const copy = async (from) => {
    const text = from.value ?? from.textContent;
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      if (from.select) from.select();
      else getSelection().selectAllChildren(from);
      return document.execCommand("copy");
    }
  };
  document.addEventListener("click", async (e) => {
    const button = e.target.closest("[data-copy]");
    if (!button) return;
    const done = await copy(document.getElementById(button.dataset.copy));
    const label = button.querySelector("[data-copy-label]");
    const status = button.parentElement.querySelector("[data-copy-status]");
    label.textContent = done ? "Copied" : "Selected";
    status.textContent = done ? "Copied" : "Selected. Copy it with the keyboard.";
    setTimeout(() => {
      label.textContent = "Copy";
      status.textContent = "";
    }, 3000);
  });

  // <details data-remember> is as open on the next page of this tab as it was left.
  for (const details of all("details[data-remember]")) {
    const key = `open:${details.dataset.remember}`;
    details.open = sessionStorage.getItem(key) === "yes";
    details.addEventListener("toggle", () => sessionStorage.setItem(key, details.open ? "yes" : "no"));
  }

  // What is sent is a password again, so that the browser offers to keep it and shows no suggestions of old ones.
  document.addEventListener("submit", (e) => {
    for (const b of all("[data-reveal]", e.target)) {
      document.getElementById(b.dataset.reveal).type = "password";
      b.setAttribute("aria-pressed", "false");
    }
  });

  // A page that is away for a moment tries again by itself, each time a little later, and stops after five tries.
  const retry = document.querySelector("[data-retry]");
  if (retry) {
    const key = "retry:" + location.pathname;
    const tries = Number(sessionStorage.getItem(key) ?? 0);
    const note = document.querySelector("[data-retry-note]");
    let left = Number(retry.dataset.retry) * 2 ** tries;
    const tick = () => {
      if (left <= 0) {
        sessionStorage.setItem(key, String(tries + 1));
        location.replace(retry.href);
        return;
      }
      note.textContent = `Trying again in ${left} ${left === 1 ? "second" : "seconds"}…`;
      left -= 1;
      setTimeout(tick, 1000);
    };
    if (tries < 5) tick();
    else note.textContent = "Still unavailable. Please try again later.";
    retry.addEventListener("click", () => sessionStorage.removeItem(key));
  } else {
    sessionStorage.removeItem("retry:" + location.pathname);
  }
})();

// What the forms for posts do beyond plain HTML: buttons and keys for Markdown, and a text that was typed and not sent is back
// when its form is opened again.
(() => {
  "use strict";

  // replace puts text in place of the field's characters from start to end, as if it were typed, so that it can be undone.
  const replace = (field, start, end, text) => {
    field.focus();
    field.setSelectionRange(start, end);
    if (!document.execCommand(text ? "insertText" : "delete", false, text)) {
      field.setRangeText(text, start, end, "end");
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  };

  // wrap puts marks around what is selected, or takes them away, and selects the text between them.
  const wrap = (field, before, after, sample) => {
    const { selectionStart: from, selectionEnd: to, value } = field;
    if (value.slice(from - before.length, from) === before && value.slice(to, to + after.length) === after) {
      const text = value.slice(from, to);
      replace(field, from - before.length, to + after.length, text);
      field.setSelectionRange(from - before.length, from - before.length + text.length);
      return;
    }
    const text = value.slice(from, to) || sample;
    replace(field, from, to, before + text + after);
    field.setSelectionRange(from + before.length, from + before.length + text.length);
  };

  // prefix puts a mark before each line that is selected, or takes it away if all of them have it.
  const prefix = (field, mark) => {
    const { selectionStart, selectionEnd, value } = field;
    const from = value.lastIndexOf("\n", selectionStart - 1) + 1;
    const end = value.indexOf("\n", selectionEnd);
    const to = end < 0 ? value.length : end;
    const lines = value.slice(from, to).split("\n");
    const marked = lines.every((line) => line.startsWith(mark));
    const text = lines.map((line) => (marked ? line.slice(mark.length) : mark + line)).join("\n");
    replace(field, from, to, text);
    field.setSelectionRange(lines.length > 1 ? from : from + text.length, from + text.length);
  };

  const actions = {
    bold: (field) => wrap(field, "**", "**", "bold text"),
    italic: (field) => wrap(field, "_", "_", "italic text"),
    code: (field) => {
      const lines = field.value.slice(field.selectionStart, field.selectionEnd).includes("\n");
      if (lines) wrap(field, "```\n", "\n```", "");
      else wrap(field, "`", "`", "code");
    },
    link: (field) => {
      const text = field.value.slice(field.selectionStart, field.selectionEnd) || "text";
      const at = field.selectionStart + text.length + 3; // "[", "](": the address is selected
      replace(field, field.selectionStart, field.selectionEnd, `[${text}](https://)`);
      field.setSelectionRange(at, at + "https://".length);
    },
    quote: (field) => prefix(field, "> "),
    list: (field) => prefix(field, "- "),
    image: () => document.querySelector("[data-upload-file]").click(),
  };

  // A toolbar is one stop of the Tab key; the arrows go from button to button.
  for (const bar of document.querySelectorAll("[data-markdown]")) {
    const field = document.getElementById(bar.dataset.markdown);
    const buttons = [...bar.querySelectorAll("button")];
    const visit = (i) => {
      buttons.forEach((b, n) => (b.tabIndex = n === i ? 0 : -1));
      buttons[i].focus();
    };
    buttons.forEach((b, n) => (b.tabIndex = n === 0 ? 0 : -1));
    bar.hidden = false;
    bar.addEventListener("click", (e) => {
      const button = e.target.closest("button");
      if (button) actions[button.dataset.mark](field);
    });
    bar.addEventListener("keydown", (e) => {
      const at = buttons.indexOf(document.activeElement);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[e.key];
      if (to === undefined || at < 0) return;
      e.preventDefault();
      visit((to + buttons.length) % buttons.length);
    });
    field.addEventListener("keydown", (e) => {
      const action = (e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && { b: "bold", i: "italic", k: "link" }[e.key.toLowerCase()];
      if (!action) return;
      e.preventDefault();
      actions[action](field);
    });
  }

  // An image is uploaded at once, and its Markdown put where the cursor is. Its description is selected.
  for (const input of document.querySelectorAll("[data-upload-file]")) {
    const link = document.querySelector("[data-upload]");
    const note = document.querySelector("[data-upload-note]");
    const field = document.getElementById("body");
    link.addEventListener("click", (e) => {
      e.preventDefault();
      input.click();
    });
    input.addEventListener("change", async () => {
      const [file] = input.files;
      input.value = "";
      if (!file) return;
      if (file.size > 2 * 1024 * 1024) {
        note.textContent = "This image has more than 2 MB. Save it smaller or as JPEG, and try again.";
        return;
      }
      note.textContent = `Uploading ${file.name} …`;
      const form = new FormData();
      form.append("image", file);
      try {
        const answer = await fetch(link.dataset.upload, { method: "POST", body: form, headers: { Accept: "application/json" } });
        const told = await answer.json();
        note.textContent = answer.ok ? "The image is in the text. Say what it shows, for people who can't see it." : told.error_description;
        if (!answer.ok) return;
        const at = field.selectionEnd;
        replace(field, at, at, told.markdown);
        field.setSelectionRange(at + 2, at + told.markdown.indexOf("]"));
      } catch {
        note.textContent = "The image wasn't uploaded. Check your connection and that you're signed in, and try again.";
      }
    });
  }

  // After "@" and letters, the people whose handles begin with them are offered: arrows choose, Enter or Tab takes, Escape closes.
  for (const list of document.querySelectorAll("[data-people]")) {
    const field = document.getElementById("body");
    let waiting;
    const before = () => /(?:^|[^\w@/.])@([a-z0-9-]{1,40})$/i.exec(field.value.slice(0, field.selectionStart))?.[1];
    const options = () => [...list.querySelectorAll("[role=option]")];
    const select = (i) => {
      const all = options();
      const chosen = all[(i + all.length) % all.length];
      all.forEach((o) => o.setAttribute("aria-selected", o === chosen));
      field.setAttribute("aria-activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    };
    const close = () => {
      clearTimeout(waiting);
      list.hidden = true;
      list.replaceChildren();
      field.removeAttribute("aria-activedescendant");
    };
    const take = (option) => {
      const typed = before();
      if (typed !== undefined) replace(field, field.selectionStart - typed.length, field.selectionStart, `${option.dataset.handle} `);
      close();
    };
    const find = async () => {
      const typed = before();
      if (typed === undefined) return;
      const answer = await fetch(`${list.dataset.people}?q=${encodeURIComponent(typed)}`, { headers: { "HX-Request": "true" } });
      if (!answer.ok || answer.redirected || answer.headers.has("HX-Redirect")) return close(); // such as after a sign-out
      list.innerHTML = await answer.text();
      if (before() !== typed || options().length === 0) close();
      else {
        list.style.top = `${field.offsetTop + field.offsetHeight + 4}px`; // over the hint, not half of it
        list.hidden = false;
        select(0);
      }
    };
    field.setAttribute("aria-controls", list.id);
    field.setAttribute("aria-autocomplete", "list");
    field.addEventListener("input", () => {
      clearTimeout(waiting);
      if (before() === undefined || !field.closest("form").dataset.person) close();
      else waiting = setTimeout(find, 150);
    });
    field.addEventListener("keydown", (e) => {
      if (list.hidden) return;
      const at = options().findIndex((o) => o.getAttribute("aria-selected") === "true");
      if (e.key === "ArrowDown") select(at + 1);
      else if (e.key === "ArrowUp") select(at - 1);
      else if (e.key === "Enter" || e.key === "Tab") take(options()[at]);
      else if (e.key === "Escape") close();
      else return;
      e.preventDefault();
    });
    field.addEventListener("blur", () => setTimeout(close, 150));
    list.addEventListener("mousedown", (e) => {
      const option = e.target.closest("[role=option]");
      if (!option) return;
      e.preventDefault();
      take(option);
    });
  }

  // The texts are in this browser only, under "draft:PERSON:FORM". Those of another person who was signed in here are deleted.
  const maxDrafts = 20;
  const maxAge = 30 * 24 * 3600 * 1000;
  const read = (key) => {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  };
  const prune = (person) => {
    const all = Object.keys(localStorage).filter((key) => key.startsWith("draft:"));
    const kept = all.filter((key) => {
      const own = key.startsWith(`draft:${person}:`) || key.startsWith("draft::") || person === "";
      if (own && Date.now() - (read(key)?.at ?? 0) < maxAge) return true;
      localStorage.removeItem(key);
      return false;
    });
    const old = kept.sort((a, b) => read(b).at - read(a).at).slice(maxDrafts);
    for (const key of old) localStorage.removeItem(key);
  };

  for (const form of document.querySelectorAll("form[data-draft]")) {
    const { draft, person } = form.dataset;
    const key = `draft:${person}:${draft}`;
    const { body, title } = form.elements;
    const note = form.querySelector("[data-draft-note]");
    const given = body.value; // a quote, or what the server sent back
    const sentBack = form.hasAttribute("data-sent-back");

    const save = () => {
      try {
        if (body.value.trim() === "" || body.value === given) localStorage.removeItem(key);
        else localStorage.setItem(key, JSON.stringify({ body: body.value, title: title?.value, at: Date.now() }));
      } catch {
        // The browser stores nothing, or has no room: the text is in the form only.
      }
    };
    let waiting;
    const saveSoon = () => {
      clearTimeout(waiting);
      waiting = setTimeout(save, 300);
    };

    try {
      prune(person);
      const stored = read(key);
      if (stored?.body && !sentBack) {
        body.value = given && !stored.body.includes(given.trim()) ? `${stored.body.trimEnd()}\n\n${given}` : stored.body;
        if (title && !title.value && stored.title) title.value = stored.title;
        note.hidden = false;
      }
    } catch {
      // The browser lets no page store anything.
    }
    if (given && !sentBack) body.setSelectionRange(body.value.length, body.value.length);

    form.addEventListener("input", saveSoon);
    addEventListener("pagehide", () => waiting && save());
    form.addEventListener("submit", (e) => {
      if (e.submitter?.hasAttribute("formaction")) return; // a preview
      clearTimeout(waiting);
      waiting = undefined;
      localStorage.removeItem(key);
    });
    addEventListener("pageshow", (e) => e.persisted && save()); // one came back to the form
    note.querySelector("button").addEventListener("click", () => {
      localStorage.removeItem(key);
      clearTimeout(waiting);
      waiting = undefined;
      body.value = given;
      if (title) title.value = title.defaultValue;
      note.hidden = true;
      body.focus();
    });
  }
})();

// How an open page learns that its person was signed out elsewhere. A browser allows six connections to a host, so one tab
// per browser listens to the server and tells the others:
//
//	server ── events ──▶ the tab that holds the lock ── BroadcastChannel ──▶ the other tabs of this app
//
// When that tab closes, another gets the lock. A tab that has slept asks once. Nothing here polls, and whatever goes wrong is
// tried again after a random pause, so that a server which comes back is not stormed. signed-out.js shows what is heard.
(() => {
  "use strict";
  const page = document.getElementById("signed-out");
  const name = "gatehouse-live";
  const silence = 40000; // the server says something every 15 seconds
  const me = { person: page.dataset.person, signIn: page.dataset.signIn, ticket: page.dataset.ticket };
  const ended = new Map(); // sign-ins that are over, and what the server said of each
  const random = (from, to) => from + Math.random() * (to - from);

  let channel = null;
  let heard = Date.now(); // when the server was last heard, by whichever tab
  const tell = (message) => channel?.postMessage(message);

  // ----- what is heard

  const announce = (type, detail) => document.dispatchEvent(new CustomEvent(`gatehouse:${type}`, { detail }));

  // over says that a sign-in has ended; it is this page's, or one that has nothing to do with it.
  const over = (out) => {
    ended.set(out.signIn, out);
    if (out.signIn === me.signIn) announce("signed-out", out);
  };

  // present says who is signed in in this browser now.
  const present = (who) => {
    if (ended.has(who.signIn)) return;
    if (who.person !== me.person) {
      announce("signed-out", { text: "Someone else has signed in in this browser", again: false, other: true });
      return;
    }
    me.signIn = who.signIn;
    if (who.ticket) me.ticket = who.ticket;
    announce("signed-in");
  };

  // showUnread puts the number of unread notifications into the header.
  const showUnread = ({ person, number }) => {
    const link = document.querySelector("[data-inbox]");
    if (!link || person !== me.person) return;
    const text = number > 99 ? "99+" : String(number);
    const count = link.querySelector("[data-unread]");
    count.textContent = text;
    count.hidden = number === 0;
    link.setAttribute("aria-label", number === 0 ? "Inbox" : `Inbox, ${text} unread`);
  };

  const receive = ({ data }) => {
    if (data.what === "out") over(data.out);
    if (data.what === "unread") showUnread(data);
    if (data.what === "beat") heard = Date.now();
    if (data.what === "in") {
      // Of a page that began to load before its sign-in ended: it has missed the news.
      if (ended.has(data.who.signIn)) tell({ what: "out", out: ended.get(data.who.signIn) });
      else {
        present(data.who);
        leader.follow(data.who.signIn);
      }
    }
    if (data.what === "leaving") leader.lookAgain();
  };

  // ----- asking once

  let asking = null;
  const ask = () => (asking ??= question().finally(() => (asking = null)));

  // question resolves to whether somebody is signed in; it rejects when there is no answer.
  const question = async () => {
    const of = me.signIn;
    const answer = await fetch(page.dataset.state, {
      headers: { Accept: "application/json", "Live-Ticket": me.ticket },
      cache: "no-store",
      signal: AbortSignal.timeout(10000),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    const told = await answer.json();
    heard = Date.now();
    const who = { person: told.person, signIn: told.sign_in, ticket: told.ticket };
    if (told.signed_in) {
      present(who);
      tell({ what: "in", who });
    } else if (told.reason) {
      const out = { signIn: of, text: told.text, again: told.again };
      over(out);
      tell({ what: "out", out });
    }
    return told.signed_in;
  };

  // ----- the one tab that listens

  const leader = {
    leading: false,
    events: null,
    timer: 0,
    tries: 0,
    pause: 500, // before the stream is opened again, in milliseconds; the server says how long
    watching: "", // the sign-in that the stream is about

    lead() {
      this.leading = true;
      this.open();
    },

    stop() {
      this.leading = false;
      this.close();
    },

    close() {
      clearTimeout(this.timer);
      this.events?.close();
      this.events = null;
      this.watching = "";
    },

    again(after) {
      this.close();
      if (this.leading) this.timer = setTimeout(() => this.open(), after);
    },

    // follow opens the stream for a sign-in that has begun since.
    follow(signIn) {
      const opening = this.events && !this.watching; // it will say for itself what it is about
      if (this.leading && this.watching !== signIn && !opening) this.again(random(0, 50));
    },

    // lookAgain is for a sign-out that the provider does not hear of at once, or never.
    lookAgain() {
      if (!this.leading) return;
      for (const after of [800, 2500]) setTimeout(() => this.leading && ask().catch(() => {}), after);
    },

    open() {
      this.close();
      let greeted = false;
      const events = new EventSource(page.dataset.stream);
      this.events = events;
      const listen = (type, handle) =>
        events.addEventListener(type, (e) => {
          heard = Date.now();
          handle(JSON.parse(e.data));
        });
      listen("hello", (hello) => {
        greeted = true;
        this.tries = 0;
        this.pause = hello.pause;
        this.watching = hello.sign_in;
        const who = { person: hello.person, signIn: hello.sign_in, ticket: hello.ticket };
        present(who);
        tell({ what: "in", who });
        this.timer = setTimeout(() => this.listenAnew(), silence);
      });
      listen("unread", (unread) => {
        showUnread(unread);
        tell({ what: "unread", ...unread });
      });
      listen("beat", () => {
        tell({ what: "beat" });
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.listenAnew(), silence);
      });
      listen("out", ({ sign_in: signIn, text, again }) => {
        const out = { signIn, text, again };
        this.close(); // until somebody signs in again
        over(out);
        tell({ what: "out", out });
      });
      listen("bye", ({ pause }) => this.again(pause));
      events.onerror = () => {
        if (greeted) this.again(this.pause);
        else this.refused();
      };
    },

    // listenAnew gives up a connection that has gone silent, as after a sleep.
    listenAnew() {
      this.again(random(0, 1000));
    },

    // refused finds out why the stream did not open: nobody is signed in, or the server is not there just now.
    refused() {
      this.close();
      if (!this.leading) return;
      const later = () => this.again(Math.min(30000, 1000 * 2 ** this.tries++) * random(0.5, 1.5));
      ask().then((signedIn) => {
        if (signedIn) later();
      }, later);
    },
  };

  // ----- who listens

  let place = null; // in the queue for the lock
  const queue = (options = {}) => {
    place?.abort();
    const mine = (place = new AbortController());
    const hold = () =>
      new Promise((release) => {
        if (mine.signal.aborted) {
          release();
          return;
        }
        mine.signal.addEventListener("abort", release);
        leader.lead();
      });
    const wait = options.steal ? { steal: true } : { signal: mine.signal };
    navigator.locks.request(name, wait, hold).then(
      () => {},
      () => {
        // Another tab took the lock from this one, which had gone silent: back to the end of the queue.
        if (mine.signal.aborted || place !== mine) return;
        leader.stop();
        queue();
      },
    );
  };

  // Web Locks want https or localhost. Without them each tab listens while it is looked at, and asks when it is looked at again.
  const join = () => {
    if (navigator.locks) queue();
    else if (!document.hidden) leader.lead();
  };
  const leave = () => {
    place?.abort();
    place = null;
    leader.stop();
  };

  const begin = () => {
    if (window.BroadcastChannel) {
      channel = new BroadcastChannel(name);
      channel.onmessage = receive;
    }
    join();
  };

  // catchUp is for a tab that may have slept: what it missed, nobody tells it again.
  const catchUp = () => {
    const quiet = Date.now() - heard;
    ask().catch(() => {});
    if (navigator.locks && place && !leader.leading && !document.hidden && quiet > silence) queue({ steal: true });
    if (leader.leading && quiet > silence) leader.listenAnew();
  };

  begin();
  tell({ what: "in", who: { ...me } }); // this page is new: whoever it is of is signed in
  addEventListener("pagehide", () => {
    leave();
    channel?.close();
    channel = null;
  });
  addEventListener("pageshow", (e) => {
    if (!e.persisted) return;
    begin();
    catchUp();
  });
  document.addEventListener("visibilitychange", () => {
    if (!navigator.locks) {
      if (document.hidden) leave();
      else join();
    }
    if (!document.hidden && (Date.now() - heard > 20000 || ended.has(me.signIn))) catchUp();
  });
  document.addEventListener("resume", catchUp);
  addEventListener("online", () => {
    if (leader.leading || !document.hidden) setTimeout(catchUp, random(0, 1000));
  });
  document.addEventListener("gatehouse:ask", () => ask().catch(() => {}));
  // The server may hear of a sign-out here before the provider does: the others look for themselves.
  document.addEventListener("submit", (e) => {
    if (e.target.getAttribute("action")?.includes("sign-out")) tell({ what: "leaving" });
  });
})();

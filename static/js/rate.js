// The rating page: keys, readiness, drafts, sending, and loading the next clip ahead.
"use strict";

(() => {
  const { outbox, store, watch } = window.dubscore;
  const MOST_AHEAD_BYTES = 50 * 1024 * 1024;
  const KEEP_EVERY_MS = 5 * 60 * 1000;
  const clipsAhead = new Map(); // media URL -> blob URL of a clip loaded ahead
  let page = null; // the clip on the screen now

  const draftName = (id) => `dubscore:draft:${id}`;

  function open(section) {
    const form = section.querySelector("#rating-form");
    const video = section.querySelector("#clip");
    const wasWhole = section.dataset.whole === "true";
    if (wasWhole) store.remove(draftName(section.dataset.assignment));
    const draft = JSON.parse(store.get(draftName(section.dataset.assignment)) || "{}");
    const here = {
      section, form, video,
      id: section.dataset.assignment,
      aspects: [...form.querySelectorAll(".aspect")],
      why: section.querySelector("#why"),
      send: section.querySelector("#send"),
      wasWhole,
      current: 0, tries: 0, isSending: false, sentKey: null, openedAt: performance.now(),
      watching: watch(video, Number(section.dataset.duration), draft.watched || []),
    };
    page = here;
    if (clipsAhead.has(video.getAttribute("src"))) video.src = clipsAhead.get(video.getAttribute("src"));
    restore(here, draft);
    bindPlayer(here);
    bindForm(here);
    focusAspect(here, firstUnscored(here), { scroll: false, take: false });
    refresh(here);
    section.tabIndex = -1;
    section.focus({ preventScroll: true });
  }

  // Scores and what was watched survive a reload; so does a change that has not arrived.
  function restore(here, draft) {
    const kept = here.wasWhole && outbox.latest(here.section.dataset.rater, here.id);
    const scores = kept ? Object.fromEntries(new URLSearchParams(kept.body)) : draft.scores || {};
    for (const { dataset: { aspect } } of here.aspects) {
      const input = here.form.querySelector(`input[name="${aspect}"][value="${scores[aspect]}"]`);
      if (input) input.checked = true;
    }
    if (draft.key) keyOf(here).value = draft.key;
    here.sentKey = draft.sentKey || null;
  }

  const keyOf = (here) => here.form.elements.idempotency_key;

  // A rating that was changed after it was sent is another one: the first may have arrived.
  function renewKey(here) {
    if (keyOf(here).value !== here.sentKey) return;
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    keyOf(here).value = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function saveDraft(here) {
    if (here.isDone) return; // it was taken: a player that is removed still says that it paused
    const scores = Object.fromEntries(
      here.aspects.map((aspect) => [aspect.dataset.aspect, scoreOf(aspect)]).filter(([, v]) => v),
    );
    const draft = {
      scores, key: keyOf(here).value, sentKey: here.sentKey, watched: here.watching.watched(),
    };
    store.set(draftName(here.id), JSON.stringify(draft));
  }

  const scoreOf = (aspect) => aspect.querySelector("input:checked")?.value;
  const firstUnscored = (here) => Math.max(0, here.aspects.findIndex((aspect) => !scoreOf(aspect)));
  const isWatched = (here) => here.wasWhole || here.watching.isWhole();
  const missing = (here) => here.aspects.filter((aspect) => !scoreOf(aspect));

  function refresh(here) {
    const whole = isWatched(here);
    const bar = here.section.querySelector("#watched");
    bar.querySelector("progress").value = whole ? 1 : here.watching.share();
    const word = bar.querySelector("span");
    word.textContent = whole ? word.dataset.whole : word.dataset.todo;
    bar.classList.toggle("is-whole", whole);
    const ready = whole && missing(here).length === 0;
    here.send.setAttribute("aria-disabled", String(!ready));
    if (!here.isSending) here.why.textContent = reason(here, whole);
    return ready;
  }

  function reason(here, whole) {
    const words = here.why.dataset;
    const left = missing(here).map((aspect) => aspect.querySelector("legend b").textContent);
    if (!whole) return words.watch;
    return left.length ? `${words.score} ${left.join(", ")}` : words.ready;
  }

  // The player
  function bindPlayer(here) {
    const { video, section } = here;
    const screen = section.querySelector("#screen");
    section.querySelector("#big-play").addEventListener("click", () => toggle(here));
    video.addEventListener("play", () => screen.classList.add("is-playing"));
    video.addEventListener("pause", () => screen.classList.remove("is-playing"));
    video.addEventListener("timeupdate", () => refresh(here));
    video.addEventListener("pause", () => { refresh(here); saveDraft(here); });
    video.addEventListener("ended", () => { refresh(here); saveDraft(here); });
    video.addEventListener("canplaythrough", () => loadAhead(here), { once: true });
    video.addEventListener("error", () => {
      const trouble = section.querySelector("#trouble");
      if (trouble) trouble.open = true;
    });
  }

  function toggle(here) {
    if (here.video.paused) here.video.play().catch(() => refresh(here));
    else here.video.pause();
  }

  // Load the next clip whole while this one is watched, so that it starts at once.
  async function loadAhead(here) {
    const url = here.section.dataset.ahead;
    if (!url || clipsAhead.has(url)) return;
    let clip;
    try {
      const response = await fetch(url, { credentials: "same-origin" });
      if (!response.ok || Number(response.headers.get("Content-Length")) > MOST_AHEAD_BYTES) return;
      clip = await response.blob();
    } catch {
      return; // no network, or cut half way: the clip is loaded when its page opens
    }
    clipsAhead.forEach((blobUrl, kept) => {
      if (blobUrl !== page.video.src) { URL.revokeObjectURL(blobUrl); clipsAhead.delete(kept); }
    });
    clipsAhead.set(url, URL.createObjectURL(clip));
  }

  // The form
  function bindForm(here) {
    here.form.addEventListener("change", () => { renewKey(here); refresh(here); saveDraft(here); });
    here.aspects.forEach((aspect, index) => {
      aspect.addEventListener("focusin", () => focusAspect(here, index, { scroll: false, take: false }));
    });
    here.form.addEventListener("submit", (event) => {
      if (!refresh(here)) {
        event.preventDefault();
        event.stopImmediatePropagation();
        here.aspects.forEach((aspect) => aspect.classList.toggle("is-missing", !scoreOf(aspect)));
        if (missing(here).length) focusAspect(here, firstUnscored(here), { scroll: true, take: true });
        return;
      }
      prepare(here);
    }, { capture: true });
  }

  function prepare(here) {
    const { form } = here;
    form.elements.evidence.value = JSON.stringify(here.watching.evidence());
    form.elements.lead_time_s.value = ((performance.now() - here.openedAt) / 1000).toFixed(2);
    here.sentKey = keyOf(here).value;
    saveDraft(here);
    outbox.keep({
      key: here.sentKey,
      rater: here.section.dataset.rater,
      assignment: here.id,
      url: form.action,
      body: new URLSearchParams(new FormData(form)).toString(),
    });
  }

  function focusAspect(here, index, { scroll, take }) {
    here.current = Math.min(Math.max(index, 0), here.aspects.length - 1);
    here.aspects.forEach((aspect, i) => aspect.classList.toggle("is-focused", i === here.current));
    const aspect = here.aspects[here.current];
    const input = aspect.querySelector("input:checked") || aspect.querySelector("input");
    if (take) input.focus({ preventScroll: true });
    if (scroll) aspect.scrollIntoView({ block: "nearest" });
  }

  // Keys
  const isTyping = (target) => target.matches("input[type=text], textarea, select");
  const isControl = (target) => target.closest("button, a, summary, input[type=text], textarea, select");

  document.addEventListener("keydown", (event) => {
    if (!page?.section.isConnected || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || event.target.closest(".trouble")) return;
    const act = actionOf(event);
    if (!act) return;
    event.preventDefault();
    act();
  });

  function actionOf(event) {
    const here = page;
    if (/^[1-5]$/.test(event.key)) return () => score(here, event.key);
    if (event.key === "ArrowDown") return () => focusAspect(here, here.current + 1, { scroll: true, take: true });
    if (event.key === "ArrowUp") return () => focusAspect(here, here.current - 1, { scroll: true, take: true });
    if (isControl(event.target)) return null;
    if (event.key === " ") return event.repeat ? () => {} : () => toggle(here);
    if (event.key === "Enter") return event.repeat ? () => {} : () => here.form.requestSubmit();
    return null;
  }

  function score(here, value) {
    const input = here.aspects[here.current].querySelector(`input[value="${value}"]`);
    input.checked = true;
    here.aspects[here.current].classList.remove("is-missing");
    input.dispatchEvent(new Event("change", { bubbles: true }));
    focusAspect(here, here.current, { scroll: true, take: true });
  }

  // Sending, and sending again
  const underWay = new WeakMap(); // request -> the page and the key that it sends

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!page || event.detail.elt !== page.form) return;
    page.isSending = true;
    underWay.set(event.detail.xhr, { here: page, key: keyOf(page).value });
  });

  // Before the answer is put on the page, which by then is another clip's.
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { xhr } = event.detail;
    if (!underWay.has(xhr)) return;
    const { here, key } = underWay.get(xhr);
    here.isSending = false;
    const isLogin = new URL(xhr.responseURL).pathname.startsWith("/login");
    if (isLogin || (xhr.status >= 400 && xhr.status !== 422)) {
      event.preventDefault(); // stay here: the rating is kept and sent again
      later(here, isLogin ? "login" : "failed");
    } else if (xhr.status === 422) {
      outbox.refuse(key); // the page that comes says why; the scores stay until one is taken
    } else if (key !== keyOf(here).value) {
      event.preventDefault(); // changed while it was sent: the change follows
      outbox.drop(key);
      setTimeout(() => again(here));
    } else {
      outbox.dropClip(here.id);
      store.remove(draftName(here.id));
      here.isDone = true;
    }
  });

  document.addEventListener("htmx:sendError", (event) => {
    const sent = underWay.get(event.detail.xhr);
    if (sent) later(sent.here, "kept");
  });

  function later(here, word) {
    here.why.textContent = here.why.dataset[word];
    here.isSending = true; // keeps the words until the next try
    clearTimeout(here.timer);
    here.timer = setTimeout(() => again(here), outbox.delay(here.tries));
    here.tries += 1;
  }

  function again(here) {
    if (here !== page || !here.section.isConnected) return;
    clearTimeout(here.timer);
    here.form.requestSubmit();
  }

  window.addEventListener("pagehide", () => {
    if (page?.section.isConnected) saveDraft(page);
  });
  window.addEventListener("online", () => { if (page?.isSending) again(page); });

  setInterval(() => {
    if (!page?.section.isConnected || document.hidden) return;
    const token = page.form.elements.csrfmiddlewaretoken.value;
    fetch(page.section.dataset.keep, { method: "POST", headers: { "X-CSRFToken": token }, credentials: "same-origin" })
      .catch(() => {}); // a missed sign of life is harmless: the next one renews the lease
  }, KEEP_EVERY_MS);

  // What could not be brought home, of this clip first: its rater is told, and decides.
  function tellRefused(here) {
    const entries = outbox.refused(here.section.dataset.rater);
    const mine = entries.find((entry) => entry.assignment === here.id);
    const entry = mine || entries[0];
    const note = here.section.querySelector("#refused");
    const isTold = mine && here.section.querySelector(".notice-bad"); // by the server, just now
    note.hidden = !entry || Boolean(isTold);
    if (note.hidden) return;
    note.querySelector("span").textContent = mine ? note.dataset.here : note.dataset.other;
    note.querySelector("a").hidden = Boolean(mine);
    note.querySelector("a").href = entry.url;
    note.querySelector("button").onclick = () => { outbox.dropClip(entry.assignment); tellRefused(here); };
  }

  // Pages come whole or by htmx
  async function start() {
    const section = document.querySelector("#rating[data-assignment]");
    if (!section || page?.section === section) return;
    open(section);
    const here = page;
    const sent = await outbox.flush(section.dataset.rater);
    if (here !== page || !section.isConnected) return;
    if (sent.includes(keyOf(here).value) && !here.wasWhole) {
      store.remove(draftName(here.id));
      here.isDone = true;
      window.location.assign(section.dataset.next);
    } else tellRefused(here);
  }

  start();
  document.addEventListener("htmx:load", start);
})();

// The rating page: keys, readiness, drafts, sending, and loading the next clip ahead.
"use strict";

(() => {
  const { outbox, watch } = window.dubscore;
  const MOST_AHEAD_BYTES = 50 * 1024 * 1024;
  const KEEP_EVERY_MS = 5 * 60 * 1000;
  const clipsAhead = new Map(); // media URL -> blob URL of a clip loaded ahead
  let page = null; // the clip on the screen now

  const draftName = (id) => `dubscore:draft:${id}`;

  function open(section) {
    const form = section.querySelector("#rating-form");
    const video = section.querySelector("#clip");
    const wasWhole = section.dataset.whole === "true";
    if (wasWhole) localStorage.removeItem(draftName(section.dataset.assignment));
    const draft = JSON.parse(localStorage.getItem(draftName(section.dataset.assignment)) || "{}");
    const here = {
      section, form, video,
      id: section.dataset.assignment,
      aspects: [...form.querySelectorAll(".aspect")],
      why: section.querySelector("#why"),
      send: section.querySelector("#send"),
      wasWhole,
      current: 0, tries: 0, isSending: false, openedAt: performance.now(),
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

  // Scores and what was watched survive a reload.
  function restore(here, draft) {
    for (const [name, value] of Object.entries(draft.scores || {})) {
      const input = here.form.querySelector(`input[name="${name}"][value="${value}"]`);
      if (input) input.checked = true;
    }
    if (draft.key) here.form.elements.idempotency_key.value = draft.key;
  }

  function saveDraft(here) {
    const scores = Object.fromEntries(
      here.aspects.map((aspect) => [aspect.dataset.aspect, scoreOf(aspect)]).filter(([, v]) => v),
    );
    const draft = { scores, key: here.form.elements.idempotency_key.value, watched: here.watching.watched() };
    localStorage.setItem(draftName(here.id), JSON.stringify(draft));
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
    let response;
    try {
      response = await fetch(url, { credentials: "same-origin" });
    } catch {
      return; // no network: the clip is loaded when its page opens
    }
    if (!response.ok || Number(response.headers.get("Content-Length")) > MOST_AHEAD_BYTES) return;
    clipsAhead.forEach((blobUrl, kept) => {
      if (blobUrl !== page.video.src) { URL.revokeObjectURL(blobUrl); clipsAhead.delete(kept); }
    });
    clipsAhead.set(url, URL.createObjectURL(await response.blob()));
  }

  // The form
  function bindForm(here) {
    here.form.addEventListener("change", () => { refresh(here); saveDraft(here); });
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
    outbox.keep({
      key: form.elements.idempotency_key.value,
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
  const isControl = (target) => target.closest("button, a, summary, input[type=text], textarea, select, .trouble");

  document.addEventListener("keydown", (event) => {
    if (!page?.section.isConnected || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target)) return;
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
  const isOurForm = (event) => page && event.detail.elt === page.form;

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isOurForm(event)) page.isSending = true;
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!isOurForm(event)) return;
    page.isSending = false;
    const { status, responseURL } = event.detail.xhr;
    const isLogin = responseURL && new URL(responseURL).pathname.startsWith("/login");
    if (status === 422 || (status >= 200 && status < 400 && !isLogin)) {
      outbox.drop(page.form.elements.idempotency_key.value);
      if (status !== 422) localStorage.removeItem(draftName(page.id));
    } else {
      later(page, isLogin ? "login" : status === 0 ? "kept" : "failed");
    }
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (isOurForm(event) && new URL(event.detail.xhr.responseURL).pathname.startsWith("/login")) {
      event.detail.shouldSwap = false; // stay here: the rating is kept and sent after signing in
    }
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

  window.addEventListener("pagehide", () => { if (page?.section.isConnected) saveDraft(page); });
  window.addEventListener("online", () => { if (page?.isSending) again(page); });

  setInterval(() => {
    if (!page?.section.isConnected || document.hidden) return;
    const token = page.form.elements.csrfmiddlewaretoken.value;
    fetch(page.section.dataset.keep, { method: "POST", headers: { "X-CSRFToken": token }, credentials: "same-origin" })
      .catch(() => {}); // a missed sign of life is harmless: the next one renews the lease
  }, KEEP_EVERY_MS);

  // Pages come whole or by htmx
  async function start() {
    const section = document.querySelector("#rating[data-assignment]");
    if (!section || page?.section === section) return;
    open(section);
    const left = outbox.entries().some((entry) => entry.assignment === section.dataset.assignment);
    const sent = await outbox.flush(section.dataset.rater);
    if (sent && left && section.dataset.whole !== "true") window.location.assign(section.dataset.next);
  }

  start();
  document.addEventListener("htmx:load", start);
})();

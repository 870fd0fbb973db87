// Ratings on their way: each is kept in the browser until the server has answered for it.
// The same rating may be sent any number of times: its idempotency key makes it one.
"use strict";

window.dubscore = window.dubscore || {};

window.dubscore.outbox = (() => {
  const PREFIX = "dubscore:outbox:";
  const FIRST_DELAY_MS = 2000;
  const LAST_DELAY_MS = 30000;

  const entries = () =>
    Object.keys(localStorage)
      .filter((name) => name.startsWith(PREFIX))
      .map((name) => JSON.parse(localStorage.getItem(name)));

  const keep = (entry) => localStorage.setItem(PREFIX + entry.key, JSON.stringify(entry));
  const drop = (key) => localStorage.removeItem(PREFIX + key);
  const delay = (tries) => Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** tries);

  // Send one kept rating without leaving the page: "sent", "refused" or "later".
  async function send(entry) {
    const body = new URLSearchParams(entry.body);
    const token = document.querySelector("input[name=csrfmiddlewaretoken]");
    if (token) body.set("csrfmiddlewaretoken", token.value);
    let response;
    try {
      response = await fetch(entry.url, { method: "POST", body, credentials: "same-origin" });
    } catch {
      return "later";
    }
    if (response.ok && !new URL(response.url).pathname.startsWith("/login")) return "sent";
    return [404, 422].includes(response.status) ? "refused" : "later";
  }

  // Send what an earlier page of the same rater left behind; say how many arrived.
  async function flush(rater) {
    let sent = 0;
    for (const entry of entries().filter((kept) => kept.rater === rater)) {
      const outcome = await send(entry);
      if (outcome !== "later") drop(entry.key);
      if (outcome === "sent") sent += 1;
    }
    return sent;
  }

  return { keep, drop, send, flush, delay, entries };
})();

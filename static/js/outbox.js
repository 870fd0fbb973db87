// Ratings on their way: each is kept in the browser until the server has answered for it.
// The same rating may be sent any number of times: its idempotency key makes it one.
"use strict";

window.dubscore = window.dubscore || {};

window.dubscore.outbox = (() => {
  const { store } = window.dubscore;
  const PREFIX = "dubscore:outbox:";
  const FIRST_DELAY_MS = 2000;
  const LAST_DELAY_MS = 30000;

  // Oldest first: of two ratings of one clip the later must arrive later.
  const entries = () =>
    store.names()
      .filter((name) => name.startsWith(PREFIX))
      .map((name) => JSON.parse(store.get(name)))
      .sort((a, b) => a.at - b.at);

  const keep = (entry) => store.set(PREFIX + entry.key, JSON.stringify({ at: Date.now(), ...entry }));
  const drop = (key) => store.remove(PREFIX + key);
  const dropClip = (assignment) =>
    entries().filter((entry) => entry.assignment === assignment).forEach((entry) => drop(entry.key));
  const refused = (rater) => entries().filter((entry) => entry.rater === rater && entry.isRefused);
  const latest = (rater, assignment) =>
    entries().filter((entry) => entry.rater === rater && entry.assignment === assignment).pop();

  function refuse(key) {
    const entry = JSON.parse(store.get(PREFIX + key) || "null");
    if (entry) keep({ ...entry, isRefused: true });
  }
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

  // Send what earlier pages of the same rater left behind; give the keys that arrived. What the
  // server will not take stays, marked, so that its rater hears of it.
  async function flush(rater) {
    const sent = [];
    for (const entry of entries().filter((kept) => kept.rater === rater && !kept.isRefused)) {
      const outcome = await send(entry);
      if (outcome === "sent") {
        drop(entry.key);
        sent.push(entry.key);
      } else if (outcome === "refused") refuse(entry.key);
    }
    return sent;
  }

  return { keep, drop, dropClip, flush, delay, latest, refuse, refused };
})();

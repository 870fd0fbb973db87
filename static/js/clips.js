"use strict";
// The clip that a mark stands for, played beside it without sound: under the mouse, at the keyboard's
// focus, and by a first tap where there is no mouse. A click follows the mark's link, and so does a
// second tap. Who asks for less motion sees it stand still until the first click. A mark is whatever
// has data-clip: the video's address, or nothing where that is the address of the link itself.

{
  const WAIT_MS = 150; // what the mouse only sweeps over is not fetched
  const reduced = matchMedia("(prefers-reduced-motion: reduce)");

  const card = document.createElement("div");
  card.className = "clip-card";
  card.setAttribute("aria-hidden", "true"); // its words are the mark's own name
  card.hidden = true;
  const screen = document.createElement("div");
  screen.className = "screen";
  const video = document.createElement("video");
  video.muted = true;
  video.loop = true;
  video.playsInline = true;
  const words = document.createElement("p");
  screen.append(video);
  card.append(screen, words);
  document.body.append(card);

  let shown = null;
  let timer = 0;
  let isPlaying = false;
  let isFocused = false; // shown by the keyboard: a page that scrolls under the mouse takes nothing away
  let pointer = "";

  const markOf = (node) => (node instanceof Element ? node.closest("[data-clip]") : null);
  const addressOf = (mark) => mark.dataset.clip || mark.getAttribute("href");

  // The words move from <title> to aria-label: else the browser, and hover.js, would show them too.
  const named = (mark) => {
    const title = mark.querySelector(":scope > title");
    const said = mark.dataset.words ?? title?.textContent;
    title?.remove();
    delete mark.dataset.words;
    if (said && !mark.hasAttribute("aria-label")) mark.setAttribute("aria-label", said);
    return mark;
  };

  const stop = () => {
    clearTimeout(timer);
    isPlaying = isFocused = false;
    video.pause();
    video.removeAttribute("src");
    video.load(); // ends the download
  };

  const hide = () => {
    if (!shown) return;
    stop();
    card.hidden = true;
    shown = null;
  };

  const place = () => {
    const at = (shown.querySelector(".dot") ?? shown).getBoundingClientRect();
    const box = card.getBoundingClientRect();
    const left = Math.min(Math.max(8, at.left + at.width / 2 - box.width / 2), document.documentElement.clientWidth - box.width - 8);
    const above = at.top - box.height - 10;
    card.style.left = `${left + scrollX}px`;
    card.style.top = `${(above > 4 ? above : at.bottom + 10) + scrollY}px`;
  };

  const load = () => {
    video.src = addressOf(shown);
    if (isPlaying) video.play().catch(() => {}); // a clip that cannot play leaves its words
  };

  const show = (mark, mayMove, wait = WAIT_MS) => {
    named(mark);
    stop();
    shown = mark;
    isPlaying = mayMove;
    screen.hidden = false;
    card.classList.toggle("is-still", !mayMove);
    words.textContent = mark instanceof SVGElement ? mark.getAttribute("aria-label") : "";
    words.hidden = !words.textContent;
    card.hidden = false;
    place();
    timer = setTimeout(load, wait);
  };

  const over = (event) => {
    const mark = markOf(event.target);
    if (mark) named(mark); // before hover.js looks
    if (mark === shown) return;
    if (!mark && isFocused && event.type === "pointerover") return;
    if (!mark) hide();
    else if (event.pointerType !== "touch") show(mark, !reduced.matches);
  };

  const follow = (event) => {
    const mark = markOf(event.target);
    if (!mark || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const isTap = event.detail > 0 && pointer === "touch";
    if (!isTap && !reduced.matches) return;
    if (mark === shown && isPlaying) return;
    event.preventDefault();
    show(mark, true, 0);
  };

  const STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
  const walk = (event) => {
    if (event.key === "Escape") return hide();
    const mark = markOf(event.target);
    const drawing = mark instanceof SVGElement && mark.closest("svg.chart");
    if (!drawing || !STEPS[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
    const all = [...drawing.querySelectorAll("[data-clip]")];
    const next = all[(all.indexOf(mark) + STEPS[event.key] + all.length) % all.length];
    event.preventDefault();
    // One stop of the tab key a chart: the mark that was left last.
    mark.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  };

  video.addEventListener("error", () => {
    screen.hidden = true;
    if (!shown) return;
    if (words.hidden) hide();
    else place();
  });
  document.addEventListener("pointerover", over, true);
  document.addEventListener("pointerdown", (event) => { pointer = event.pointerType; over(event); }, true);
  document.documentElement.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && hide());
  document.addEventListener("focusin", (event) => {
    const mark = markOf(event.target);
    if (!mark || mark === shown || !mark.matches(":focus-visible")) return;
    show(mark, !reduced.matches);
    isFocused = true;
  });
  document.addEventListener("focusout", (event) => markOf(event.target) === shown && hide());
  document.addEventListener("click", follow, true);
  document.addEventListener("keydown", walk);
  document.addEventListener("scroll", () => shown && place(), true);
  document.addEventListener("visibilitychange", () => document.hidden && hide());
  // A page that renews itself brings the same mark anew, and its clip plays on.
  document.addEventListener("htmx:afterSwap", () => {
    if (!shown || shown.isConnected) return;
    const same = [...document.querySelectorAll("[data-clip]")].find((mark) => addressOf(mark) === addressOf(shown));
    if (!same) return hide();
    shown = named(same);
    place();
  });
}

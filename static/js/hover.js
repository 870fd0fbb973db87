"use strict";
// What a mark in a chart stands for, shown at once beside it: with the mouse, and by a tap where
// there is none. The words are the mark's own <title>, which readers of screens are told, and which
// browsers show late and touch screens never.

const tip = document.createElement("div");
tip.className = "tip";
tip.setAttribute("role", "status");
tip.hidden = true;
document.body.append(tip);
let shown = null;

const markOf = (node) => {
  for (let mark = node; mark instanceof SVGElement && mark.tagName !== "svg"; mark = mark.parentNode) {
    const words = mark.dataset.words ?? mark.querySelector(":scope > title")?.textContent;
    if (words) return [mark, words];
  }
  return null;
};

const hide = () => {
  tip.hidden = true;
  shown = null;
};

const show = (event) => {
  const found = event.target instanceof SVGElement && markOf(event.target);
  if (!found) return hide();
  const [mark, words] = found;
  if (mark === shown) return;
  // Else the browser would show the same words a second time, a moment later.
  mark.dataset.words = words;
  mark.querySelector(":scope > title")?.remove();
  if (!mark.hasAttribute("aria-label")) mark.setAttribute("aria-label", words);
  shown = mark;
  tip.textContent = words;
  tip.hidden = false;
  const at = mark.querySelector(".dot")?.getBoundingClientRect() ?? mark.getBoundingClientRect();
  const box = tip.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left + at.width / 2 - box.width / 2), innerWidth - box.width - 8);
  const above = at.top - box.height - 8;
  tip.style.left = `${left + scrollX}px`;
  tip.style.top = `${(above > 4 ? above : at.bottom + 8) + scrollY}px`;
};

document.addEventListener("pointerover", show);
document.addEventListener("pointerdown", show);
document.addEventListener("htmx:afterSwap", hide);
document.addEventListener("keydown", (event) => event.key === "Escape" && hide());

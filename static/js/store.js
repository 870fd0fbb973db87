// What the browser keeps for us. Where it may keep nothing, the page remembers for itself.
"use strict";

window.dubscore = window.dubscore || {};

window.dubscore.store = (() => {
  const memory = new Map();
  let place = null;
  try {
    place = window.localStorage;
    place.getItem("dubscore");
  } catch {
    place = null; // blocked by the browser's settings: kept until the page is left
  }

  return {
    get: (name) => memory.get(name) ?? place?.getItem(name) ?? null,
    set: (name, value) => {
      try {
        if (!place) throw new Error("no storage");
        place.setItem(name, value);
        memory.delete(name);
      } catch {
        memory.set(name, value); // blocked or full
      }
    },
    remove: (name) => {
      memory.delete(name);
      place?.removeItem(name);
    },
    names: () => [...new Set([...memory.keys(), ...(place ? Object.keys(place) : [])])],
  };
})();

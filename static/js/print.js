"use strict";
// A page with a button that prints it.
document.querySelector("[data-print]").addEventListener("click", () => window.print());

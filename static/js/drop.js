"use strict";
// Files dropped on a form, and its upload shown as it goes. Without this the form works as any other.

{
  const form = document.getElementById("score-form");

  const size = (bytes) =>
    bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

  const listen = (zone) => {
    const input = zone.querySelector("input[type=file]");
    const words = zone.querySelector("[data-chosen]");
    const usual = words.textContent;

    const tell = () => {
      const file = input.files[0];
      zone.classList.toggle("is-chosen", Boolean(file));
      words.textContent = file ? size(file.size) : usual; // its name stands in the field itself
      const most = Number(form.dataset.mostBytes);
      input.setCustomValidity(file && file.size > most ? `At most ${size(most)}` : "");
    };

    input.addEventListener("change", tell);
    zone.addEventListener("dragover", (event) => {
      event.preventDefault();
      zone.classList.add("is-over");
    });
    zone.addEventListener("dragleave", (event) => {
      if (!zone.contains(event.relatedTarget)) zone.classList.remove("is-over");
    });
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      zone.classList.remove("is-over");
      if (!event.dataTransfer.files.length) return;
      const one = new DataTransfer();
      one.items.add(event.dataTransfer.files[0]);
      input.files = one.files;
      tell();
    });
  };

  const send = (event) => {
    const files = form.querySelectorAll("input[type=file]");
    if (![...files].some((input) => input.files.length)) return; // nothing large: the usual way
    event.preventDefault();
    const box = form.querySelector(".upload");
    const [bar, said, stop] = [box.querySelector("progress"), box.querySelector("span"), box.querySelector("button")];
    const submit = form.querySelector("button.button-primary");
    const request = new XMLHttpRequest();

    const over = (words) => {
      box.hidden = true;
      submit.disabled = false;
      const errors = document.getElementById("score-errors");
      errors.replaceChildren();
      if (!words) return;
      const notice = document.createElement("p");
      notice.className = "notice notice-bad";
      notice.textContent = words;
      errors.append(notice);
    };

    request.upload.addEventListener("progress", (now) => {
      bar.value = (100 * now.loaded) / now.total;
      said.textContent = `${size(now.loaded)} of ${size(now.total)}`;
    });
    request.addEventListener("load", () => {
      if (request.status < 300) return location.assign(request.responseURL);
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const errors = page.querySelectorAll("#score-errors .notice");
      over([...errors].map((one) => one.textContent).join(" ") || `The server refused it (${request.status}).`);
    });
    request.addEventListener("error", () => over("The upload broke off: check the connection, and try again."));
    request.addEventListener("abort", () => over(""));
    stop.onclick = () => request.abort();
    box.hidden = false;
    submit.disabled = true;
    bar.value = 0;
    said.textContent = "";
    request.open("POST", form.action);
    request.send(new FormData(form));
  };

  if (form) {
    form.querySelectorAll(".drop").forEach(listen);
    form.addEventListener("submit", send);
    // A file that misses the zone would else be opened in place of the page.
    for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
  }
}

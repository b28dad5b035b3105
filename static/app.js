// What makes the pages handier. Everything works without it; what needs it is hidden until it runs.
"use strict";

const KEYS_OFF = "postern-keys-off";
const live = document.createElement("p");
live.className = "sr-only";
live.setAttribute("role", "status");
document.body.append(live);

// Looks after what a page, or a list that was fetched anew, holds.
function dress(root) {
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
  for (const label of root.querySelectorAll("[data-all]")) label.hidden = false;
  for (const time of root.querySelectorAll("time[data-show]")) showTime(time);
}

// <time data-show="day|minute">: in the reader's own time and words.
function showTime(time) {
  const moment = new Date(time.dateTime);
  const short = { year: "numeric", month: "short", day: "numeric" };
  const long = { ...short, hour: "2-digit", minute: "2-digit" };
  if (!Number.isNaN(moment.getTime())) {
    time.title = time.textContent;
    time.textContent = moment.toLocaleString(document.documentElement.lang, time.dataset.show === "day" ? short : long);
  }
}

// <button data-copy="text">
async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    return; // the browser asks for a press; the text stands beside the button
  }
  live.textContent = `Copied ${button.dataset.copy}`;
  const words = [...button.childNodes];
  button.textContent = "Copied";
  setTimeout(() => button.replaceChildren(...words), 1500);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) copy(button);
});

// <label data-all><input type="checkbox">: all rows of its form.
document.addEventListener("change", (event) => {
  const box = event.target;
  if (!box.closest("[data-all]")) return;
  for (const one of box.form.elements) if (one.name === "chosen") one.checked = box.checked;
});

// What stands under that id in the page of this address now; null when it is no such page, or the network is away.
async function part(url, id) {
  const answer = await fetch(url, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer || !answer.ok || answer.redirected) return null;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.getElementById(id);
}

// <ol id data-wait="where it stands">: it goes on by itself; looked for again, ever less often, while the page is in sight.
function wait(list) {
  let pause = 4000;
  const look = async () => {
    const found = document.hidden ? null : await part(location.pathname, list.id);
    if (found && found.dataset.wait !== list.dataset.wait) {
      dress(found);
      list.replaceChildren(...found.childNodes);
      live.textContent = list.querySelector("[aria-current] h2")?.textContent ?? "";
      if (found.dataset.wait === undefined) return;
      list.dataset.wait = found.dataset.wait;
      pause = 4000;
    }
    pause = Math.min(pause * 1.2, 60000);
    setTimeout(look, pause);
  };
  setTimeout(look, pause);
}

// <form data-live="id">: what it finds is shown while it is filled in, by fetching the page that it would open.
function search(form) {
  let timer = 0;
  let newest = 0;
  const look = async () => {
    const number = ++newest;
    const query = new URLSearchParams(new FormData(form));
    const url = `${form.getAttribute("action")}?${query}`;
    const found = await part(url, form.dataset.live);
    const shown = document.getElementById(form.dataset.live);
    if (number !== newest || !found || !shown) return;
    dress(found);
    shown.replaceChildren(...found.childNodes);
    live.textContent = shown.querySelector("[role=status]")?.textContent ?? "";
    history.replaceState(null, "", url);
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, 200);
  });
}

// data-key="n": the key presses the button, or goes to the field. Not while something is typed, and not when turned off.
function useKeys() {
  const hint = document.querySelector("[data-keys]");
  const off = () => localStorage.getItem(KEYS_OFF) !== null;
  if (hint) hint.hidden = off();
  document.querySelector("[data-keys-off]")?.addEventListener("click", () => {
    localStorage.setItem(KEYS_OFF, "1");
    hint.hidden = true;
  });
  document.addEventListener("keydown", (event) => {
    if (off() || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const target = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (!target) return;
    event.preventDefault();
    if (target.matches("button")) target.click();
    else target.focus();
  });
}

dress(document);
// On a narrow screen tabs are scrolled sideways: the one that is open shall be in sight.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
for (const form of document.querySelectorAll("form[data-live]")) search(form);
for (const list of document.querySelectorAll("[data-wait]")) wait(list);
useKeys();
const made = document.querySelector("[data-copy-now]");
if (made && navigator.clipboard) copy(made);

// The page is drawn by the server. This script swaps the parts that arrive,
// sends the forms without leaving the page, and knows the keys.
"use strict";

const unplugged = document.getElementById("unplugged");
const detail = document.getElementById("detail");
const keys = document.getElementById("keys");

// morph makes an element like another one, and leaves alone what is the same:
// so focus, open details and transitions stay.
function morph(old, now) {
  if (old.nodeName !== now.nodeName || old.nodeType !== now.nodeType) {
    old.replaceWith(now);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== now.data) old.data = now.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!now.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
  }
  for (const { name, value } of now.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const wanted = [...now.childNodes];
  wanted.forEach((child, i) => {
    let at = old.childNodes[i];
    const same = child.id && old.querySelector(`:scope > [id="${CSS.escape(child.id)}"]`);
    if (same && same !== at) old.insertBefore(same, at ?? null), at = same; // it has moved
    if (!at) old.append(child);
    else if (child.id && !same || !child.id && at.id) old.insertBefore(child, at); // it is new here
    else morph(at, child);
  });
  while (old.childNodes.length > wanted.length) old.lastChild.remove();
}

function swap(event) {
  const { id, html } = JSON.parse(event.data);
  const template = document.createElement("template");
  template.innerHTML = html;
  const old = document.getElementById(id);
  if (old && template.content.firstElementChild) morph(old, template.content.firstElementChild);
}

let events, heard;

function connect() {
  events?.close();
  heard = Date.now();
  events = new EventSource(document.body.dataset.events);
  events.addEventListener("fragment", (event) => {
    heard = Date.now();
    unplugged.hidden = true;
    swap(event);
  });
  events.addEventListener("error", () => { unplugged.hidden = false; });
}

// The stream says something each second. One that is silent is dead, whatever
// the browser believes.
setInterval(() => {
  if (Date.now() - heard < 8000) return;
  unplugged.hidden = false;
  connect();
}, 1000);

function say(text) {
  const note = document.getElementById("note");
  note.className = "bad";
  note.textContent = "✕ " + text;
}

// What an action did is told to all pages by the event stream.
document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter;
  if (button?.dataset.confirm && !confirm(button.dataset.confirm)) return;
  const to = button?.hasAttribute("formaction") ? button.formAction : event.target.action;
  const body = new URLSearchParams(new FormData(event.target, button));
  try {
    const answer = await fetch(to, { method: "POST", body, redirect: "manual" });
    if (answer.type !== "opaqueredirect" && !answer.ok) say(await answer.text());
  } catch {
    say("the dashboard does not answer; nothing may have been done");
  }
});

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-open], a[data-close], a[data-keys]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.hasAttribute("data-close")) {
    link.closest("dialog").close();
    return;
  }
  if (link.hasAttribute("data-keys")) {
    keys.showModal();
    return;
  }
  try {
    const text = await (await fetch(link.href)).text();
    detail.replaceChildren(...new DOMParser().parseFromString(text, "text/html").querySelector("main").childNodes);
    if (!detail.open) detail.showModal();
  } catch {
    say("the dashboard does not answer");
  }
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || detail.open) return;
  if (event.key === "?") {
    if (keys.open) keys.close();
    else keys.showModal();
    event.preventDefault();
    return;
  }
  const button = document.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
  if (button) {
    button.click();
    event.preventDefault();
  }
});

connect();

// Keeps parts of a page fresh: <section data-part="/address" data-topics="play,announcement" data-every="30">.
import { ask, listen } from "./live.js";

const parts = [...document.querySelectorAll("[data-part]")];

async function refresh(part) {
  if (part.dataset.busy) { part.dataset.again = "1"; return; }
  part.dataset.busy = "1";
  try {
    const answer = await ask(part.dataset.part);
    if (answer.ok) put(part, await answer.text());
  } catch {
    // The network is away: the live note says so, and the next change or tick tries again.
  } finally {
    delete part.dataset.busy;
    if (part.dataset.again) { delete part.dataset.again; refresh(part); }
  }
}

function put(part, html) {
  const held = document.activeElement;
  if (held && part.contains(held) && held.matches("input, textarea, select")) return;
  const id = held && part.contains(held) ? held.id : "";
  const open = [...part.querySelectorAll("details[open][id]")].map((each) => each.id);
  part.innerHTML = html;
  for (const each of open) document.getElementById(each)?.setAttribute("open", "");
  if (id) document.getElementById(id)?.focus({ preventScroll: true });
}

const due = new Map();
function soon(part) {
  if (due.has(part)) return;
  due.set(part, setTimeout(() => { due.delete(part); refresh(part); }, 60));
}

function say(live) {
  for (const note of document.querySelectorAll("[data-live]")) {
    note.dataset.live = live ? "on" : "lost";
    note.textContent = live ? note.dataset.fresh ?? "Tự cập nhật, vừa xong" : "Mất kết nối với trung tâm, đang nối lại";
  }
}

if (parts.length) {
  const topics = new Set(parts.flatMap((part) => part.dataset.topics.split(",")));
  listen([...topics], {
    change: (topic) => parts.filter((part) => part.dataset.topics.split(",").includes(topic)).forEach(soon),
    all: () => parts.forEach(soon),
    state: say,
  });
  for (const part of parts) {
    if (part.dataset.every) setInterval(() => document.hidden || soon(part), Number(part.dataset.every) * 1000);
  }
}

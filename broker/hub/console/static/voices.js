// Listening to voices: one cell for each way, heard one after another or side by side; the sentence read is lit.
import { ask } from "./live.js";

const form = document.getElementById("nghe-giong");
const out = (name) => document.querySelector(`[data-out="${name}"]`);
let asked = 0;
let due = 0;
let turn = 0;

async function preview() {
  const mine = ++asked;
  try {
    const answer = await ask(form.dataset.preview, new FormData(form));
    if (!answer.ok || mine !== asked) return;
    for (const [name, html] of Object.entries((await answer.json()).html)) {
      const place = out(name);
      if (place.innerHTML === html) continue;
      const held = place.contains(document.activeElement) ? document.activeElement.id : "";
      place.innerHTML = html;
      if (held) document.getElementById(held)?.focus({ preventScroll: true });
    }
  } catch {
    // The hub is away: the text stays in the form, the next key tries again.
  }
}

/** What was heard is no longer what stands above. */
function forget() {
  turn += 1;
  for (const place of form.querySelectorAll("[data-heard]")) place.replaceChildren();
  for (const button of form.querySelectorAll('button[name="hear"]')) button.hidden = false;
  markSentence(null);
}

function changed() {
  forget();
  clearTimeout(due);
  due = setTimeout(preview, 250);
}

async function hear(cell) {
  const button = cell.querySelector('button[name="hear"]');
  const place = cell.querySelector("[data-heard]");
  const before = turn;
  button.setAttribute("aria-disabled", "true");
  place.innerHTML = '<p class="soft" role="status">Đang đọc…</p>';
  try {
    const data = new FormData(form);
    data.set("hear", button.value);
    const answer = await ask(form.dataset.hear, data);
    const html = await answer.text();
    if (before !== turn) return null;
    place.innerHTML = answer.ok ? html : '<p class="state bad" role="alert">Chưa đọc được, xin thử lại.</p>';
    button.hidden = Boolean(place.querySelector("audio"));
  } catch {
    if (before === turn) place.innerHTML = '<p class="state bad" role="alert">Chưa đọc được: mất kết nối với trung tâm.</p>';
  } finally {
    button.removeAttribute("aria-disabled");
  }
  return place.querySelector("audio");
}

function play(audio) {
  return audio.play().then(() => true).catch(() => false);
}

async function hearInTurn(profile) {
  const mine = ++turn;
  for (const cell of form.querySelectorAll(`[data-profile="${profile}"]`)) {
    const audio = cell.querySelector("audio") ?? (await hear(cell));
    if (mine !== turn) return;
    if (!audio) continue;
    audio.currentTime = 0;
    if (!(await play(audio))) return;
    await new Promise((done) => { for (const name of ["ended", "pause", "error"]) audio.addEventListener(name, done, { once: true }); });
    if (mine !== turn || !audio.ended) return;
  }
}

// Only one is heard at a time, and the sentence that is read is lit in the words above.
const canMark = "highlights" in CSS;
function markSentence(audio) {
  if (!canMark) return;
  const words = document.querySelector("[data-said]");
  const at = audio ? audio.currentTime * 1000 : -1;
  const now = audio && JSON.parse(audio.dataset.timings).find(([, , since, until]) => since <= at && at < until);
  if (!now || !words) { CSS.highlights.delete("reading"); return; }
  CSS.highlights.set("reading", new Highlight(rangeOf(words, now[0], now[1])));
}

function rangeOf(words, start, end) {
  const range = document.createRange();
  const walk = document.createTreeWalker(words, NodeFilter.SHOW_TEXT);
  let at = 0;
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const next = at + node.data.length;
    if (at <= start && start < next) range.setStart(node, start - at);
    if (at < end && end <= next) range.setEnd(node, end - at);
    at = next;
  }
  return range;
}

form.addEventListener("play", (event) => {
  for (const other of form.querySelectorAll("audio")) if (other !== event.target) other.pause();
}, true);
form.addEventListener("timeupdate", (event) => { if (!event.target.paused) markSentence(event.target); }, true);
for (const over of ["pause", "ended"]) form.addEventListener(over, () => markSentence(null), true);

form.addEventListener("input", changed);
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter;
  if (button?.name === "example") {
    form.elements.text.value = button.dataset.text;
    form.elements.text.dispatchEvent(new Event("input", { bubbles: true }));
  } else if (button?.name === "hear" && button.getAttribute("aria-disabled") !== "true") {
    turn += 1;
    const audio = await hear(button.closest("[data-cell]"));
    if (audio) { audio.focus(); play(audio); }
  }
});
form.addEventListener("click", (event) => {
  const button = event.target.closest("[data-turn]");
  if (button) hearInTurn(button.dataset.turn);
});
for (const button of document.querySelectorAll("[data-no-script]")) button.hidden = true;
for (const button of document.querySelectorAll("[data-turn]")) button.hidden = false;

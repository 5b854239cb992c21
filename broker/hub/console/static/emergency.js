// The red page: what happened, where, speak. Everything that is signed is compared with what the page shows.
import { ask } from "./live.js";
import { hearing, say, setUp, textOf } from "./urgent-sign.js";

const form = document.getElementById("phat");
const out = (name) => document.querySelector(`[data-out="${name}"]`);
const isDrill = form.dataset.drill === "1";
const picks = [...form.querySelectorAll('[name="template"]')];
const ticks = [...form.querySelectorAll('[name="villages"]')];
const picked = () => picks.find((each) => each.checked);
const isOwn = () => picked()?.value === "own";
const isLone = () => picked()?.dataset.lone !== undefined;
const chosen = () => ticks.filter((each) => each.checked && !each.disabled);
let check = () => undefined;
let previewDue = 0;
let asked = 0;

function places() {
  const here = chosen();
  const names = here.map((each) => `thôn ${each.dataset.name}`).join(", ");
  const sum = (name) => here.reduce((total, each) => total + Number(each.dataset[name]), 0);
  const whole = here.length === ticks.length && here.length > 1;
  out("where").textContent = whole ? "Cả xã." : names ? `${names[0].toUpperCase()}${names.slice(1)}.` : "";
  out("speakers").textContent = here.length ? `${sum("speakers")} cụm loa.` : "Chưa chọn thôn nào.";
  const deaf = here.filter((each) => each.dataset.speakers === "0").map((each) => each.dataset.name);
  const all = deaf.length === here.length;
  out("deaf").hidden = !deaf.length;
  out("deaf").textContent = `Chưa có loa: ${deaf.join(", ")}. ${all ? "Không ai nghe được tin này" : "Cử người đi báo"}.`;
  out("silent").hidden = !sum("silent");
  out("silent").textContent = `${sum("silent")} cụm đang im`;
  for (const drawn of form.querySelectorAll(".map [data-village]")) {
    const tick = ticks.find((each) => each.value === drawn.dataset.village);
    drawn.classList.toggle("red", Boolean(tick?.checked) && !tick.disabled);
    drawn.classList.toggle("off", Boolean(tick?.disabled));
  }
  check();
}

/** Whoever alone signed the template is not asked for a PIN that would be of no use. */
function showSigning() {
  const box = document.querySelector("[data-sign]");
  if (box) box.hidden = isLone();
}

/** Another template: its words, and its villages all ticked. */
function pick() {
  const one = picked();
  const allowed = isOwn() ? null : new Set(one.dataset.villages.split(" "));
  for (const tick of ticks) {
    tick.disabled = allowed !== null && !allowed.has(tick.value);
    if (allowed !== null) tick.checked = allowed.has(tick.value);
  }
  for (const each of form.querySelectorAll("[data-of]")) each.hidden = each.dataset.of !== one.value;
  form.querySelector("[data-first]").hidden = true;
  form.querySelector(".of-template").hidden = isOwn();
  if (form.querySelector(".of-own")) form.querySelector(".of-own").hidden = !isOwn();
  for (const audio of form.querySelectorAll("audio")) audio.pause();
  if (document.getElementById("noi-ky")) say("");
  showSigning();
  places();
}

async function body() {
  const data = new FormData();
  const wanted = { template: picked().value, villages: chosen().map((each) => each.value) };
  data.set("template", wanted.template);
  for (const code of wanted.villages) data.append("villages", code);
  if (isDrill) data.set("drill", "1");
  const text = await textOf(await ask(form.dataset.body, data));
  const envelope = JSON.parse(text);
  const words = form.querySelector(`[data-of="${wanted.template}"] [data-words]`)?.textContent;
  const isSame = envelope.kind === "emergency"
    && Boolean(envelope.drill) === isDrill
    && (isDrill || envelope.spoken === words)
    && [...envelope.villages].sort().join() === [...wanted.villages].sort().join();
  if (!isSame) throw new Error("Nội dung trung tâm đưa ký khác với trang này nên máy không ký. Xin mở lại trang.");
  return text;
}

async function preview() {
  const mine = ++asked;
  try {
    const answer = await ask(form.dataset.preview, new FormData(form));
    const html = await answer.text();
    const place = out("spoken");
    if (!answer.ok || mine !== asked || place.innerHTML === html) return;
    const held = document.activeElement;
    const id = held && place.contains(held) ? held.id : "";
    place.innerHTML = html;
    if (id) document.getElementById(id)?.focus({ preventScroll: true });
  } catch {
    // The hub is away: the words stay in the form, the next key tries again.
  }
}

async function hand(event) {
  event.preventDefault();
  if (!isOwn()) return;
  const [button, note] = [document.getElementById("gui-ky"), document.getElementById("noi-viet")];
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  note.hidden = true;
  try {
    const answer = await ask(form.getAttribute("action"), new FormData(form));
    if (answer.ok) { location.assign((await answer.json()).to); return; }
    note.textContent = (await answer.text()).trim();
  } catch {
    note.textContent = "Chưa tới được trung tâm, lời vẫn còn đây. Xin bấm lại, và gọi điện cho các thôn.";
  }
  note.hidden = false;
  note.scrollIntoView({ block: "nearest" });
  button.removeAttribute("aria-disabled");
}

hearing(form);
if (document.querySelector("[data-sign]")) {
  check = setUp({
    body,
    speak: form.dataset.speak,
    lacks: () => [...(picked() ? [] : ["chọn chuyện gì"]), ...(chosen().some((each) => each.dataset.speakers !== "0") ? [] : [chosen().length ? "chọn thôn có loa" : "chọn thôn"]), ...(isLone() ? ["người khác phát mẫu này"] : [])],
  });
  showSigning();
}
for (const each of picks) each.addEventListener("change", pick);
for (const each of ticks) each.addEventListener("change", places);
document.getElementById("ca-xa").addEventListener("click", () => {
  for (const tick of ticks) tick.checked = !tick.disabled;
  places();
});
document.getElementById("bo-chon").addEventListener("click", () => {
  for (const tick of ticks) tick.checked = false;
  places();
});
form.querySelector(".map").addEventListener("click", (event) => {
  const drawn = event.target.closest("[data-village]");
  const tick = drawn && ticks.find((each) => each.value === drawn.dataset.village);
  if (!tick || tick.disabled) return;
  tick.checked = !tick.checked;
  places();
});
out("spoken")?.closest(".of-own").addEventListener("input", () => {
  clearTimeout(previewDue);
  previewDue = setTimeout(preview, 250);
});
form.addEventListener("submit", hand);
places();

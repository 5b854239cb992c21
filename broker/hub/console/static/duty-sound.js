// The sound of the duty room: of chosen kinds, as long as one of them is unseen. The choice stays in this browser.
import { keep, kept } from "./sound-kept.js";

const AGAIN_MS = 20000;
const holder = document.getElementById("tieng");
const boxes = [...holder.querySelectorAll("input[name=sound]")];
const heard = new Set();
let unseen = [];
let context = null;

/** Notes of a chime: seconds from its start, pitch, seconds it lasts. The SOS is three times as long and rises. */
const CHIME = [[0, 740, 0.5], [0.18, 988, 0.5]];
const SOS = [0, 0.5, 1].flatMap((start) => [[start, 660, 0.22], [start + 0.22, 990, 0.26]]);

function chosen() {
  return new Set(boxes.filter((box) => box.checked).map((box) => box.value));
}

function wanted() {
  const kinds = chosen();
  return unseen.filter(({ kind }) => kinds.has(kind) || (kind === "person" && kinds.has("motion")));
}

function sing(notes) {
  context ??= new AudioContext();
  const at = context.currentTime;
  for (const [start, pitch, length] of notes) {
    const tone = context.createOscillator();
    const level = context.createGain();
    tone.frequency.value = pitch;
    level.gain.setValueAtTime(0.12, at + start);
    level.gain.exponentialRampToValueAtTime(0.001, at + start + length);
    tone.connect(level).connect(context.destination);
    tone.start(at + start);
    tone.stop(at + start + length);
  }
}

function say() {
  const loud = wanted();
  if (loud.length) sing(loud.some(({ kind }) => kind === "sos") ? SOS : CHIME);
  show();
}

/** What nobody has seen now, as the hub tells it: "12:person 15:sos". New ones are heard at once. */
export function hear(told) {
  unseen = told.split(" ").filter(Boolean).map((each) => {
    const [id, kind] = each.split(":");
    return { id, kind };
  });
  const fresh = wanted().filter(({ id, kind }) => !heard.has(`${id}:${kind}`));
  const there = new Set(unseen.map(({ id, kind }) => `${id}:${kind}`));
  for (const each of heard) if (!there.has(each)) heard.delete(each);
  for (const { id, kind } of fresh) heard.add(`${id}:${kind}`);
  if (fresh.length) say();
}

function show() {
  const names = boxes.filter((box) => box.checked).map((box) => box.parentElement.textContent.trim().toLowerCase());
  const isMute = names.length > 0 && context !== null && context.state === "suspended";
  const all = names.length === boxes.length ? "mọi cảnh báo" : names.length > 1 ? `${names.length} loại` : `chỉ ${names[0]}`;
  const said = isMute ? "Tiếng: bấm để bật" : names.length ? `Tiếng: ${all.replace("sos", "SOS")}` : "Tiếng: tắt";
  holder.querySelector("summary span").textContent = said;
}

function restore() {
  const chosen = kept(boxes.map((box) => box.value)) ?? [];
  for (const box of boxes) box.checked = chosen.includes(box.value);
}

/** Begin: `told` as in hear; what is already unseen sounds with the first turn, not at every page. */
export function begin(told) {
  restore();
  holder.hidden = false;
  if (chosen().size) context = new AudioContext();
  for (const each of told.split(" ")) heard.add(each);
  hear(told);
  show();
  holder.addEventListener("change", () => {
    keep([...chosen()]);
    for (const { id, kind } of wanted()) heard.add(`${id}:${kind}`);
    show();
  });
  document.getElementById("nghe-thu").addEventListener("click", () => sing(chosen().has("sos") ? SOS : CHIME));
  for (const event of ["pointerdown", "keydown"]) {
    document.addEventListener(event, () => { if (context?.state === "suspended") context.resume().then(show); });
  }
  setInterval(say, AGAIN_MS);
}

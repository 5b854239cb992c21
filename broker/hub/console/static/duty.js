// The duty room: new alerts wait above what is being read, every key has its action, the clip has its own bar.
import { ask, listen } from "./live.js";

const queue = document.getElementById("hang");
const fresh = document.getElementById("moi");
const waiting = new Map();
const sound = { on: localStorage.getItem("duty-sound") === "on", context: null };
let lostAt = null;
const ahead = Number(document.getElementById("gio").dataset.now) - Date.now();
const hubTime = () => new Date(Date.now() + ahead)
  .toLocaleTimeString("vi-VN", { timeZone: "Asia/Ho_Chi_Minh", hour12: false });

async function refresh() {
  const answer = await ask(queue.dataset.part);
  if (!answer.ok) return;
  const holder = document.createElement("div");
  holder.innerHTML = await answer.text();
  document.getElementById("chua-xem").textContent = holder.querySelector("[data-unseen]").dataset.unseen;
  const list = queue.querySelector("ol");
  let heard = false;
  for (const row of [...holder.querySelectorAll("li[data-alert]")]) {
    const id = row.dataset.alert;
    const old = list.querySelector(`li[data-alert="${id}"]`);
    if (old) {
      row.classList.toggle("here", old.classList.contains("here"));
      if (old.innerHTML !== row.innerHTML) old.replaceWith(row);
    } else {
      heard ||= !waiting.has(id) && row.dataset.unseen === "1";
      waiting.set(id, row);
    }
  }
  if (!list.children.length) place();
  if (heard) chime();
  count();
}

function count() {
  fresh.hidden = waiting.size === 0;
  fresh.querySelector("span").textContent = `${waiting.size} cảnh báo mới ở trên`;
  document.title = waiting.size ? `(${waiting.size}) ${document.title.replace(/^\(\d+\) /, "")}` : document.title.replace(/^\(\d+\) /, "");
}

/** Put what waited into the list, in the hub's order: open ones first, of these the last heard of. */
function place() {
  const list = queue.querySelector("ol");
  const rows = [...list.children, ...waiting.values()];
  rows.sort((one, other) => other.dataset.at.localeCompare(one.dataset.at));
  list.append(...rows);
  waiting.clear();
  document.getElementById("khong-co")?.remove();
  count();
}

async function refreshCameras() {
  const strip = document.getElementById("mu");
  const answer = await ask(strip.dataset.part);
  if (answer.ok) strip.innerHTML = await answer.text();
}

async function refreshInfo(key) {
  const scene = document.getElementById("canh");
  if (!scene || scene.dataset.alert !== key) return;
  const player = scene.querySelector("video");
  if (player && !player.paused) return;
  const answer = await ask(scene.dataset.part);
  if (!answer.ok) return;
  scene.innerHTML = await answer.text();
  reel();
}

function chime() {
  if (!sound.on) return;
  sound.context ??= new AudioContext();
  const at = sound.context.currentTime;
  for (const [start, pitch] of [[0, 740], [0.18, 988]]) {
    const tone = sound.context.createOscillator();
    const level = sound.context.createGain();
    tone.frequency.value = pitch;
    level.gain.setValueAtTime(0.12, at + start);
    level.gain.exponentialRampToValueAtTime(0.001, at + start + 0.5);
    tone.connect(level).connect(sound.context.destination);
    tone.start(at + start);
    tone.stop(at + start + 0.5);
  }
}

function showSound() {
  const button = document.getElementById("tieng");
  button.hidden = false;
  button.setAttribute("aria-pressed", String(sound.on));
  button.querySelector("span").textContent = sound.on ? "Tiếng: bật" : "Tiếng: tắt";
}

/** The clip's own bar in place of the browser's controls. */
function reel() {
  const video = document.querySelector("#canh video");
  const bar = document.querySelector("#canh .reel");
  if (!video || !bar) return;
  video.controls = false;
  bar.hidden = false;
  const [button, seek, time] = [bar.querySelector("button"), bar.querySelector("input"), bar.querySelector(".at")];
  const show = () => {
    if (video.duration) seek.value = String((video.currentTime / video.duration) * 100);
    const passed_s = Math.floor(video.currentTime);  // the clip begins before the episode; the camera's own time is in the picture
    time.textContent = `${Math.floor(passed_s / 60)}:${String(passed_s % 60).padStart(2, "0")}`;
    button.setAttribute("aria-pressed", String(!video.paused));
  };
  button.addEventListener("click", () => toggle(video));
  seek.addEventListener("input", () => { if (video.duration) video.currentTime = (seek.value / 100) * video.duration; });
  for (const event of ["play", "pause", "timeupdate", "ended"]) video.addEventListener(event, show);
  video.addEventListener("error", () => {
    document.getElementById("khong-phat").hidden = false;
    bar.hidden = true;
  });
  video.addEventListener("play", () => document.getElementById("khung")?.setAttribute("hidden", ""));
}

function toggle(video) {
  if (video.paused) video.play().catch(() => undefined); else video.pause();
}

function move(step) {
  const rows = [...queue.querySelectorAll("li[data-alert]")];
  const here = rows.findIndex((row) => row.classList.contains("here"));
  rows[Math.max(0, Math.min(rows.length - 1, here + step))]?.querySelector("a").click();
}

const KEYS = {
  n: () => document.querySelector('[data-key="n"]')?.click(),
  b: () => open("bao-nham"),
  c: () => open("chuyen"),
  d: () => open("dong"),
  đ: () => open("dong"),
  t: () => move(-1),
  x: () => move(1),
  m: () => fresh.hidden || place(),
  "?": () => document.getElementById("moi-phim")?.toggleAttribute("open"),
  " ": () => { const video = document.querySelector("#canh video"); if (video) toggle(video); },
  Escape: () => document.querySelectorAll(".moves details[open]").forEach((each) => each.removeAttribute("open")),
};

function open(id) {
  const part = document.getElementById(id);
  if (!part) return;
  for (const each of document.querySelectorAll(".moves details[open]")) if (each !== part) each.removeAttribute("open");
  part.setAttribute("open", "");
  part.querySelector("textarea, input:not([type=hidden]), button")?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input:not([type=range]), textarea, select");
  if (typing && event.key !== "Escape") return;
  const reason = document.querySelector(`#bao-nham[open] [data-reason="${CSS.escape(event.key)}"]`);
  if (reason) { event.preventDefault(); reason.click(); return; }
  if (event.key === " " && event.target.matches("button, a, summary, input")) return;
  const action = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
  if (action) { event.preventDefault(); action(); }
});

fresh.addEventListener("click", () => { place(); queue.querySelector("ol").scrollTop = 0; });
document.getElementById("tieng").addEventListener("click", () => {
  sound.on = !sound.on;
  localStorage.setItem("duty-sound", sound.on ? "on" : "off");
  showSound();
  chime();
});

function tick() {
  document.getElementById("gio").textContent = hubTime().slice(0, 5);
  const note = document.getElementById("cu");
  note.hidden = lostAt === null;
  if (lostAt !== null) note.textContent = `Mất kết nối từ ${lostAt}, đang nối lại`;
}

listen(["alert", "camera"], {
  change: (topic, key) => {
    refreshCameras();
    if (topic === "camera") return;
    refresh();
    refreshInfo(key);
  },
  all: () => { refresh(); refreshCameras(); },
  state: (live) => {
    lostAt = live ? null : lostAt ?? hubTime();
    tick();
  },
});
setInterval(tick, 1000);
setInterval(refreshCameras, 30000);
showSound();
reel();

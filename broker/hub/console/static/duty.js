// The duty room: new alerts wait above what is being read, every key has its action, the clip has its own bar.
import { ask, listen } from "./live.js";
import { begin, hear } from "./duty-sound.js";
import { send } from "./duty-send.js";

const queue = document.getElementById("hang");
const fresh = document.getElementById("moi");
const waiting = new Map();
const MOST_ROWS = 60;
const ALL = "*";
let lostAt = null;
const ahead = Number(document.getElementById("gio").dataset.now) - Date.now();
const hubTime = () => new Date(Date.now() + ahead)
  .toLocaleTimeString("vi-VN", { timeZone: "Asia/Ho_Chi_Minh", hour12: false });

async function refresh() {
  const answer = await ask(queue.dataset.part);
  if (answer.status >= 500) throw new Error("the hub starts again");
  if (!answer.ok) return;
  const holder = document.createElement("div");
  holder.innerHTML = await answer.text();
  const news = holder.querySelector("ol");
  document.getElementById("chua-xem").textContent = news.dataset.unseen;
  const still = document.getElementById("con-gi");
  if (still && still.textContent !== news.dataset.open) still.textContent = news.dataset.open;
  const more = document.getElementById("con-nua");
  more.textContent = news.dataset.more;
  more.hidden = !news.dataset.more;
  const list = queue.querySelector("ol");
  const keys = new Set();
  for (const row of [...news.children]) {
    const key = row.dataset.row;
    keys.add(key);
    const old = [...list.children].find((each) => each.dataset.row === key);
    if (!old) {
      waiting.set(key, row);
      continue;
    }
    row.classList.toggle("here", old.classList.contains("here"));
    if (old.outerHTML !== row.outerHTML) swap(old, row);
  }
  for (const row of [...list.children]) if (!keys.has(row.dataset.row) && !row.classList.contains("here")) row.remove();
  for (const key of [...waiting.keys()]) if (!keys.has(key)) waiting.delete(key);
  if (!list.children.length) place();
  hear(news.dataset.loud);
  count();
}

/** Put a row in the place of another; who stood on it with the keyboard stays there. */
function swap(old, row) {
  const isHeld = old.contains(document.activeElement);
  old.replaceWith(row);
  if (isHeld) row.querySelector("a").focus();
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
  const here = rows.findIndex((row) => row.classList.contains("here"));
  list.replaceChildren(...rows.filter((row, index) => index < MOST_ROWS || index === here));
  waiting.clear();
  document.getElementById("khong-co")?.remove();
  count();
}

async function refreshCameras() {
  const strip = document.getElementById("mu");
  const answer = await ask(strip.dataset.part);
  if (answer.ok) strip.innerHTML = await answer.text();
}

const shown = new Map();

/** Put a part of the page in place of what it was, when it says something else and nobody works in it. */
async function renew(part) {
  const works = "details[open] form, [data-busy], input:focus, textarea:focus, select:focus";
  if (part.querySelector(works)) return false;
  const answer = await ask(part.dataset.part);
  if (!answer.ok) return false;
  const told = await answer.text();
  if (part.querySelector(works)) return false; // opened meanwhile: what is typed there must find it
  const said = told.replace(/name="csrf_token" value="[^"]*"/g, "");
  if (shown.get(part.id) === said) return false;
  shown.set(part.id, said);
  const held = part.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const unfolded = [...part.querySelectorAll("details")].map((each) => each.open);
  part.innerHTML = told;
  part.querySelectorAll("details").forEach((each, at) => { each.open = unfolded[at] && !each.querySelector("form"); });
  if (held) part.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus();
  return true;
}

/** What was done is shown where it was done: nothing jumps, and it is said. */
async function showDone() {
  for (const part of [document.getElementById("canh"), document.getElementById("viec")]) {
    part.querySelectorAll("details[open]").forEach((each) => { if (each.querySelector("form")) each.open = false; });
    if (part.contains(document.activeElement)) document.activeElement.blur();
  }
  await refreshInfo();
  told.add(ALL);
  follow();
}

async function refreshInfo() {
  const scene = document.getElementById("canh");
  if (!scene) return;
  const player = scene.querySelector("video");
  if (!player || player.paused || player.ended) {
    if (await renew(scene)) {
      reel();
      scene.dispatchEvent(new CustomEvent("duty-shown", { bubbles: true }));
    }
  }
  await renew(document.getElementById("viec"));
}

const REST_MS = 500;
const AGAIN_MS = 5000;

/** One run at a time and then a rest; what comes meanwhile, or fails, leads to one more. */
function single(run) {
  let isRunning = false;
  let isDue = false;
  return async () => {
    isDue = true;
    if (isRunning) return;
    isRunning = true;
    try {
      while (isDue) {
        isDue = false;
        const rest = await run().then(() => REST_MS, () => { isDue = true; return AGAIN_MS; });
        await new Promise((resolve) => setTimeout(resolve, rest));
      }
    } finally {
      isRunning = false;
    }
  };
}

const told = new Set();

/** The queue, and what is shown of the open alert when it, or another of its incident, is what changed. */
const follow = single(async () => {
  const keys = [...told];
  told.clear();
  try {
    await refresh();
    const row = queue.querySelector("li.here");
    const own = new Set([document.getElementById("canh")?.dataset.alert, ...(row?.dataset.alerts.split(" ") ?? [])]);
    if (keys.some((key) => key === ALL || own.has(key))) await refreshInfo();
  } catch (why) {
    for (const key of keys) told.add(key);
    throw why;
  }
});
const followCameras = single(refreshCameras);

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
  t: () => move(-1),
  x: () => move(1),
  m: () => fresh.hidden || place(),
  "?": () => document.getElementById("moi-phim")?.toggleAttribute("open"),
  " ": () => { const video = document.querySelector("#canh video"); if (video) toggle(video); },
  Escape: () => {
    if (document.activeElement?.matches("input, textarea")) document.activeElement.blur();
    document.querySelectorAll(".moves details[open], #tieng[open], #moi-phim[open]").forEach((each) => each.removeAttribute("open"));
  },
};

/** What stands on the page under a key: a button is pressed, a folded part is opened with the cursor in its first field. */
function press(key) {
  const found = document.querySelector(`[data-key="${CSS.escape(key === "đ" ? "d" : key)}"]`);
  if (!found) return false;
  if (found.matches("summary")) open(found.parentElement); else found.click();
  return true;
}

function open(part) {
  for (const each of document.querySelectorAll(".moves details[open]")) if (each !== part) each.removeAttribute("open");
  part.setAttribute("open", "");
  part.querySelector("textarea, input:not([type=hidden]), button")?.focus();
}

/** A form opened with the mouse has its cursor where one opened with its key has it: what is typed next is words. */
document.addEventListener("click", (event) => {
  const part = event.target.closest(".moves details > summary")?.parentElement;
  if (!part || part.open) return;
  event.preventDefault();
  open(part);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("textarea")) {
    event.preventDefault();
    event.target.form?.requestSubmit(event.target.form.querySelector("button"));
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const typing = event.target.matches("input:not([type=range], [type=checkbox]), textarea, select");
  if (typing && event.key !== "Escape") return;
  const reason = document.querySelector(`#bao-nham[open] [data-reason="${CSS.escape(event.key)}"]`);
  if (reason) { event.preventDefault(); reason.click(); return; }
  if (event.key === " " && event.target.matches("button, a, summary, input")) return;
  const isWriting = event.key !== "Escape" && document.querySelector(".moves details[open] form");
  if (isWriting) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action = KEYS[key];
  if (action) { event.preventDefault(); action(); } else if (press(key)) event.preventDefault();
});

fresh.addEventListener("click", () => { place(); queue.querySelector("ol").scrollTop = 0; });

function tick() {
  document.getElementById("gio").textContent = hubTime().slice(0, 5);
  const note = document.getElementById("cu");
  note.hidden = lostAt === null;
  if (lostAt !== null) note.textContent = `Mất kết nối từ ${lostAt}, đang nối lại`;
}

listen(["alert", "camera", "service"], {
  change: (topic, key) => {
    followCameras();
    if (topic === "camera" && !document.querySelector("[data-waits]")) return; // whether a point has heard is told so
    if (topic === "service" && key !== "broker") return;
    told.add(topic === "alert" ? key : ALL);
    follow();
  },
  all: () => { told.add(ALL); follow(); followCameras(); },
  state: (live) => {
    lostAt = live ? null : lostAt ?? hubTime();
    tick();
  },
});
setInterval(tick, 1000);
setInterval(followCameras, 30000);
setInterval(() => { told.add(ALL); follow(); }, 60000); // what is said by the clock grows old too
send(document.getElementById("viec"), showDone);
begin(queue.querySelector("ol").dataset.loud);
const chosen = queue.querySelector("li.here");
if (chosen) queue.querySelector("ol").scrollTop = chosen.offsetTop - queue.querySelector("ol").offsetTop;
reel();

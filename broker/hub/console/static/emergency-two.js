// The page of two signatures: what is shown comes out of the very text that will be signed; who has signed waits here.
import { hearing, say, setUp, textOf } from "./urgent-sign.js";

const page = document.getElementById("noi-dung");
const two = document.querySelector("[data-two]");
const LOOK_MS = 2000;
let envelope = null;
let check = () => undefined;

async function fetchBody() {
  return textOf(await fetch(two.dataset.body, { headers: { "X-Part": "1" }, credentials: "same-origin" }));
}

function show(found) {
  const names = JSON.parse(two.dataset.villages);
  document.getElementById("loi").textContent = found.spoken;
  const places = found.villages.map((code) => `thôn ${names[code] ?? code}`).join(", ");
  const isWhole = found.villages.length === Object.keys(names).length;
  document.getElementById("o-dau").textContent = isWhole ? "Cả xã." : `${places[0].toUpperCase()}${places.slice(1)}.`;
  const sound = document.getElementById("tieng");
  const address = two.dataset.audio.replace("0".repeat(64), found.audio.sha256);
  if (sound.getAttribute("src") !== address) sound.src = address;
  document.getElementById("nghe").removeAttribute("aria-disabled");
}

const fixed = (found) => JSON.stringify([found.spoken, found.villages, found.audio, found.kind, found.repeat]);

async function body() {
  const text = await fetchBody();
  const fresh = JSON.parse(text);
  if (fresh.kind !== "emergency" || fixed(fresh) !== fixed(envelope)) {
    envelope = fresh;
    show(fresh);
    throw new Error("Lời vừa được đổi. Xin đọc lại rồi bấm lần nữa.");
  }
  return text;
}

async function load() {
  try {
    envelope = JSON.parse(await fetchBody());
    show(envelope);
    say("");
  } catch (why) {
    say(why.code === "no-audio" || why instanceof TypeError ? "Đang tạo tiếng đọc, chờ vài giây…" : why.message, "wait");
    setTimeout(load, 1000);
  }
  check();
}

/** Somebody else signed, or took it back: the page follows. */
async function look() {
  try {
    const answer = await fetch(page.dataset.look, { headers: { "X-Part": "1" }, credentials: "same-origin" });
    const html = await answer.text();
    if (answer.redirected || html.includes('data-state="')) { location.reload(); return; }
    const place = document.getElementById("buoc");
    const before = place.querySelectorAll(".done").length;
    if (answer.ok) place.innerHTML = html;
    if (answer.ok && place.querySelectorAll(".done").length !== before) { location.reload(); return; }
  } catch {
    // The hub is away: the next look asks again.
  }
  setTimeout(look, LOOK_MS);
}

hearing(page);
if (two) {
  check = setUp({ body, speak: two.dataset.speak, lacks: () => (envelope ? [] : ["tiếng đọc (máy đang tạo)"]) });
  load();
}
setTimeout(look, LOOK_MS);

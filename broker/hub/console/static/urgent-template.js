// Signing a template: it is heard to its end here, and what is signed is compared with what the page shows.
import { toHex } from "./keys.js";
import { ask } from "./live.js";
import { say, setUp, textOf } from "./urgent-sign.js";

const box = document.getElementById("ky-mau");
const find = (id) => document.getElementById(id);
const state = { template: null, heard: false, context: null, source: null };
let check = () => undefined;

async function fetchBody() {
  return textOf(await ask(`${box.dataset.body}?months=${find("thang")?.value ?? box.dataset.months}`));
}

/** The text to sign now; it must still say what was read and heard. */
async function body() {
  const text = await fetchBody();
  const fresh = JSON.parse(text);
  const same = ["template", "revision", "spoken", "voice"].every((name) => fresh[name] === state.template[name])
    && fresh.audio.sha256 === state.template.audio.sha256
    && fresh.villages.join() === state.template.villages.join();
  if (!same || fresh.spoken !== find("loi").textContent) {
    throw new Error("Mẫu vừa được sửa. Xin mở lại trang, đọc và nghe lại rồi ký.");
  }
  return text;
}

async function load() {
  try {
    state.template = JSON.parse(await fetchBody());
  } catch (why) {
    const isWaiting = why.code === "no-audio";
    say(why.message, isWaiting ? "wait" : "bad");
    if (isWaiting) setTimeout(load, 1500);
    return;
  }
  say("");
  find("nghe").setAttribute("aria-disabled", "false");
  check();
}

/** Plays exactly the bytes whose hash will be signed. */
async function hear() {
  if (find("nghe").getAttribute("aria-disabled") === "true") return;
  if (state.source) { state.source.stop(); return; }
  const answer = await fetch(box.dataset.sound, { headers: { "X-Part": "1" } });
  if (!answer.ok) { say("Chưa tải được âm thanh, xin thử lại."); return; }
  const bytes = await answer.arrayBuffer();
  if (toHex(await crypto.subtle.digest("SHA-256", bytes)) !== state.template.audio.sha256) {
    say("Âm thanh tải về không đúng bản sẽ ký. Xin đừng ký, báo người quản trị.");
    return;
  }
  state.context ??= new AudioContext();
  await state.context.resume();
  const sound = await state.context.decodeAudioData(bytes);
  const source = state.context.createBufferSource();
  source.buffer = sound;
  source.connect(state.context.destination);
  const began = state.context.currentTime;
  const bar = find("da-nghe");
  bar.max = sound.duration;
  const tick = setInterval(() => { bar.value = state.context.currentTime - began; }, 200);
  state.source = source;
  find("nghe-chu").textContent = "Dừng";
  source.addEventListener("ended", () => {
    clearInterval(tick);
    state.source = null;
    state.heard ||= state.context.currentTime - began >= sound.duration - 0.5;
    if (state.heard) bar.value = bar.max;
    find("nghe-chu").textContent = state.heard ? "Nghe lại" : "Nghe từ đầu";
    check();
  });
  source.start();
}

check = setUp({
  body,
  speak: box.dataset.speak,
  domain: "template",
  also: () => ({ heard: state.heard ? "yes" : "" }),
  away: "Chưa ký được vì chưa tới được trung tâm. Xin chờ, hoặc bấm lại.",
  lacks: () => (state.heard ? [] : ["nghe hết mẫu"]),
});
find("nghe").addEventListener("click", hear);
load();

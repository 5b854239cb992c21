// Looking at a camera now. A picture is called live only while it is young: an old one is greyed and says its age.
import { ask } from "./live.js";

const OLD_S = 3;
const AGAIN_MS = 1000;
const WAIT_SAID_S = 8;
const AWAY = "gaze-away";

for (const section of document.querySelectorAll("[data-gaze]")) gaze(section);

function gaze(section) {
  let shown = null;
  let waits = 0;

  /** A fresh panel. What is being shown goes on in it: its canvas is taken over. */
  function put(html, note = "") {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const fresh = holder.content;
    const next = fresh.querySelector("[data-pictures]");
    const held = section.querySelector("[data-pictures]");
    if (shown && next && held && next.dataset.pictures === held.dataset.pictures) next.replaceWith(held);
    else { shown?.end(); shown = null; }
    for (const name of ["why", "words"]) {
      const was = section.querySelector(`[name="${name}"]`)?.value;
      const field = fresh.querySelector(`[name="${name}"]`);
      if (was && field) field.value = was;
    }
    const heldName = section.contains(document.activeElement) ? document.activeElement.name ?? "" : null;
    section.replaceChildren(fresh);
    if (heldName !== null) {
      const again = heldName && section.querySelector(`[name="${heldName}"]`);
      (again || section.querySelector("button"))?.focus({ preventScroll: true });
    }
    say(note);
    begin();
  }

  const isTyping = () => section.contains(document.activeElement) && document.activeElement.matches("input, select");

  function say(text) {
    const note = section.querySelector("[data-gaze-note]");
    note.hidden = !text;
    note.textContent = text;
  }

  async function fetchPanel(note = "") {
    const answer = await ask(section.dataset.gaze).catch(() => null);
    if (answer?.ok) put(await answer.text(), note);
    else say(note || "Mất kết nối với trung tâm, đang nối lại.");
  }

  /** A picture that was put away stays away, whatever is asked of this panel later. */
  function putAway() {
    const still = section.querySelector(".gaze-still");
    const close = still?.querySelector("[data-gaze-close]");
    const key = still?.querySelector("img")?.getAttribute("src");
    if (!close || !key) return;
    if (sessionStorage.getItem(AWAY) === key) { still.remove(); return; }
    close.hidden = false;
    close.addEventListener("click", () => {
      sessionStorage.setItem(AWAY, key);
      still.remove();
      section.querySelector("[data-gaze-shoot]")?.focus({ preventScroll: true });
    });
  }

  function begin() {
    putAway();
    section.classList.toggle("on", Boolean(section.querySelector("[data-pictures]")));
    for (const each of section.querySelectorAll("[data-gaze-start]")) each.hidden = false;
    const on = section.querySelector("[data-pictures]");
    if (on && !shown) {
      shown = show(on, section, (why) => { shown = null; clear(on); fetchPanel(why); });
      section.scrollIntoView({ block: "nearest" });
    }
    clearTimeout(waits);
    if (section.querySelector("[data-gaze-waits]")) waits = setTimeout(() => (isTyping() ? begin() : fetchPanel()), AGAIN_MS);
  }

  section.addEventListener("submit", async (event) => {
    event.preventDefault();
    const address = event.submitter?.getAttribute("formaction") || event.target.action;
    const answer = await ask(address, new FormData(event.target)).catch(() => null);
    if (!answer) say("Mất kết nối với trung tâm; chưa làm được, xin bấm lại.");
    else if (answer.ok || answer.status === 409) put(await answer.text());
    else fetchPanel((await answer.text()).trim());
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    if (document.querySelector(".moves details[open] form")) return; // letters there are words
    const key = event.key.toLowerCase();
    const button = section.querySelector({ v: "[data-gaze-start], [data-gaze-stop]", p: "[data-gaze-shoot]" }[key] ?? "nothing");
    if (!button) return;
    event.preventDefault();
    section.scrollIntoView({ block: "nearest" });
    const why = section.querySelector('[name="why"]');
    if (why.value || button.matches("[data-gaze-stop]")) button.click();
    else why.focus();
  });
  window.addEventListener("pagehide", () => shown?.end());
  begin();
}

function clear(on) {
  const canvas = on.querySelector("canvas");
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
}

/** Show the pictures of one view until it is over; `over` hears why. */
function show(on, section, over) {
  const stop = new AbortController();
  const canvas = on.querySelector("canvas");
  const began = performance.now();
  let newest = null;
  let ends = began + Number(on.dataset.left) * 1000;
  let told = "";

  function tick() {
    const now = performance.now();
    const age_s = newest ? (now - newest.at + newest.age) / 1000 : (now - began) / 1000;
    const is = !newest ? "waits" : age_s > OLD_S ? "old" : "live";
    on.dataset.state = is;
    const late = age_s > WAIT_SAID_S; // a camera service that starts again is asked anew by the hub, nobody has to press
    const words = {
      waits: late ? "Chưa có hình nào, điểm hoặc đường truyền đang chậm" : "Đang chờ hình",
      old: late ? "Hình cũ, đang nối lại với điểm" : "Hình cũ",
      live: "Trực tiếp",
    }[is];
    on.querySelector("[data-is]").textContent = words;
    on.querySelector("[data-age]").textContent = is === "live" ? newest.taken : is === "old" ? `${newest.taken}, cách đây ${Math.round(age_s)} giây` : "";
    if (told !== words) on.querySelector("[data-told]").textContent = told = words;
    const left = section.querySelector("[data-left-said]");
    if (left) left.textContent = String(Math.max(0, Math.round((ends - now) / 1000)));
  }

  async function draw(body, age, taken) {
    const at = performance.now();
    const picture = await createImageBitmap(new Blob([body], { type: "image/jpeg" })).catch(() => null);
    if (!picture || stop.signal.aborted) return;
    if (canvas.width !== picture.width || canvas.height !== picture.height) [canvas.width, canvas.height] = [picture.width, picture.height];
    canvas.getContext("2d").drawImage(picture, 0, 0);
    picture.close();
    const isFirst = !newest;
    newest = { at, age, taken };
    tick();
    if (isFirst) section.scrollIntoView({ block: "nearest" }); // what was above it may have grown meanwhile
  }

  async function read() {
    const answer = await fetch(on.dataset.pictures, { headers: { "X-Part": "1" }, credentials: "same-origin", signal: stop.signal });
    if (answer.status === 401) location.reload();
    if (answer.status >= 500) throw new Error("the hub starts again");
    if (!answer.ok) return (await answer.text()).trim() || "Lượt xem này đã dừng.";
    for await (const { head, body } of parts(answer.body)) {
      if (head["content-type"] === "image/jpeg") { await draw(body, Number(head["x-age-ms"]), head["x-taken"]); continue; }
      const said = JSON.parse(new TextDecoder().decode(body));
      if (said.over) return said.over;
      ends = performance.now() + said.left_ms;
    }
    return "";
  }

  async function run() {
    while (!stop.signal.aborted) {
      const why = await read().catch(() => "");
      if (stop.signal.aborted) return;
      if (why) { end(); over(why); return; }
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  }

  const timer = setInterval(tick, 250);
  function end() { clearInterval(timer); stop.abort(); }
  tick();
  run();
  return { end };
}

/** The parts of a multipart answer as they come. Each says how long it is. */
async function* parts(stream) {
  const reader = stream.getReader();
  let held = new Uint8Array(0);
  const more = async () => {
    const { value, done } = await reader.read();
    if (done) return false;
    const both = new Uint8Array(held.length + value.length);
    both.set(held);
    both.set(value, held.length);
    held = both;
    return true;
  };
  try {
    for (;;) {
      let at;
      while ((at = headEnd(held)) < 0) if (!await more()) return;
      const lines = new TextDecoder().decode(held.subarray(0, at)).split("\r\n").slice(1);
      const head = Object.fromEntries(lines.map((line) => { const n = line.indexOf(":"); return [line.slice(0, n).toLowerCase(), line.slice(n + 1).trim()]; }));
      const end = at + 4 + Number(head["content-length"]);
      while (held.length < end + 2) if (!await more()) return;
      yield { head, body: held.slice(at + 4, end) };
      held = held.slice(end + 2);
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

function headEnd(bytes) {
  for (let n = 0; n + 3 < bytes.length; n += 1) if (bytes[n] === 13 && bytes[n + 1] === 10 && bytes[n + 2] === 13 && bytes[n + 3] === 10) return n;
  return -1;
}

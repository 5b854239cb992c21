// Signing on the red pages: the key is opened beforehand, so that the press itself only signs and sends. What was
// sent is sent again until the hub has answered: the same text twice is one announcement.
import { ask } from "./live.js";
import { canPasskey, canSign, passkeyTrouble, signText, signWithPasskey, toBase64, unlock, WrongSecret } from "./keys.js";

const find = (id) => document.getElementById(id);
const AGAIN_MS = 1500;
const LEAST_PIN = 6; // files from before PINs had eight digits

/** The sentence beside the button, where eyes and thumb are. */
export function say(sentence, kind = "bad") {
  const note = find("noi-ky");
  note.className = `notice ${kind}`;
  note.textContent = sentence;
  note.hidden = !sentence;
}

/**
 * @param {{body: () => Promise<string>, speak: string, lacks: () => string[], domain?: string, also?: () => object, away?: string}} how
 *   body: fetches the text and throws a sentence unless it says what the page shows; lacks: what is left to do;
 *   domain: what the signature is for, an announcement unless told; also: more fields to send; away: without the hub
 * @returns {() => void} to call when something on the page changed
 */
export function setUp(how) {
  const box = document.querySelector("[data-sign]");
  const button = find("phat-ngay");
  const passkeys = JSON.parse(box.dataset.passkeys);
  const state = { busy: false, opened: null, due: 0 };
  const domain = how.domain ?? "announcement";
  if (!canSign) {
    box.hidden = false;
    for (const child of box.children) child.hidden = child.id !== "noi-ky";
    say("Trình duyệt này không ký được ở địa chỉ không có https. Xin mở bằng địa chỉ https của trung tâm.");
    return () => undefined;
  }
  box.hidden = false;
  const hasDevice = passkeys.length > 0 && canPasskey && location.origin === box.dataset.origin;
  if (!hasDevice) {
    find("bang-tep").open = true;
    find("hoi-van-tay")?.setAttribute("hidden", "");
  }

  const hasFile = () => find("khoa").files.length === 1;
  const hasPin = () => find("pin").value.length >= LEAST_PIN;
  const byFile = () => hasFile() || !hasDevice;

  function lacking() {
    const found = how.lacks();
    if (byFile() && !hasFile()) found.push("chọn tệp khoá");
    if (byFile() && !hasPin()) found.push("nhập mã PIN");
    return found;
  }

  function check() {
    const missing = lacking();
    button.setAttribute("aria-disabled", String(missing.length > 0 || state.busy));
    find("thieu").hidden = !missing.length || state.busy;
    find("thieu").textContent = missing.length ? `Còn thiếu: ${missing.join("; ")}.` : "";
  }

  /** Opening takes a moment by design: it is done while the person still reads. */
  async function open() {
    const [file, pin] = [find("khoa").files[0], find("pin").value];
    const made = { pin, file, ready: file.text().then((text) => unlock(text, pin)) };
    state.opened = made;
    try {
      await made.ready;
      if (state.opened === made) { find("khoa-mo").hidden = false; say(""); }
    } catch {
      // A PIN half typed is no mistake yet: what is wrong is said when the button is pressed.
    }
  }

  function typed() {
    clearTimeout(state.due);
    state.opened = null;
    find("khoa-mo").hidden = true;
    find("pin").removeAttribute("aria-invalid");
    if (hasFile() && hasPin()) state.due = setTimeout(open, 300);
    check();
  }

  async function signed(body) {
    if (!byFile()) {
      say("Xin xác nhận trên máy: vân tay, khuôn mặt hoặc mã mở khoá.", "wait");
      try {
        return await signWithPasskey(passkeys, box.dataset.rp, domain, body);
      } catch (why) {
        throw new Error(passkeyTrouble(why), { cause: why });
      }
    }
    if (!state.opened) open();
    const { id, key } = await state.opened.ready;
    return { key: id, signature: toBase64(await signText(key, domain, body)) };
  }

  async function send(fields, pressed) {
    for (;;) {
      const data = new FormData();
      for (const [name, value] of Object.entries(fields)) data.set(name, value);
      data.set("clicked_ms", String(Math.round(performance.now() - pressed)));
      try {
        const answer = await ask(how.speak, data);
        if (answer.ok) { location.assign((await answer.json()).to); return; }
        if (answer.status < 500) throw new Error((await answer.text()).trim());
      } catch (why) {
        if (!(why instanceof TypeError)) throw why;
      }
      say(how.away ?? "CHƯA PHÁT: chưa tới được trung tâm. Máy đang thử lại, đừng đóng trang. Xin gọi điện cho các thôn.");
      await new Promise((done) => { setTimeout(done, AGAIN_MS); });
    }
  }

  async function press() {
    if (button.getAttribute("aria-disabled") === "true") { check(); return; }
    let pressed = performance.now();
    state.busy = true;
    check();
    say("Đang ký và gửi…", "wait");
    try {
      const body = await how.body();
      const fields = { body, ...how.also?.(), ...(await signed(body)) };
      if (fields.client) pressed = performance.now(); // the finger on the sensor was the last press
      say("Đang gửi…", "wait");
      await send(fields, pressed);
    } catch (why) {
      const isAway = why instanceof TypeError;
      say(isAway ? how.away ?? "CHƯA PHÁT: chưa tới được trung tâm. Xin bấm lại, và gọi điện cho các thôn." : why.message || "Chưa ký được, xin bấm lại.");
      if (why instanceof WrongSecret) {
        find("pin").setAttribute("aria-invalid", "true");
        find("pin").value = "";
        state.opened = null;
        find("pin").focus();
      }
      state.busy = false;
      check();
      find("noi-ky").scrollIntoView({ block: "nearest" });
    }
  }

  for (const id of ["khoa", "pin"]) find(id).addEventListener("input", typed);
  find("pin").addEventListener("keydown", (event) => {
    if (event.key === "Enter") { event.preventDefault(); press(); }
  });
  button.addEventListener("click", press);
  check();
  return check;
}

/** The text to be signed, in NFC or not at all. Throws the hub's sentence, with its code. */
export async function textOf(answer) {
  const body = await answer.text();
  if (!answer.ok) throw Object.assign(new Error(body.trim()), { code: answer.headers.get("X-Code") });
  if (body !== body.normalize("NFC")) throw new Error("Nội dung gửi đến không đúng cách viết, không ký được.");
  return body;
}

/** Buttons that play a sound on this computer only. */
export function hearing(root) {
  for (const button of root.querySelectorAll("[data-hear]")) {
    const audio = button.closest(".stack, .card").querySelector("audio");
    const word = button.querySelector("span");
    button.addEventListener("click", () => {
      if (button.getAttribute("aria-disabled") === "true") return;
      if (!audio.paused) { audio.pause(); audio.currentTime = 0; return; }
      audio.play().catch(() => { word.textContent = "Chưa nghe được, xin thử lại"; });
    });
    audio.addEventListener("play", () => { word.textContent = "Dừng"; });
    audio.addEventListener("pause", () => { word.textContent = "Nghe lại ở máy này"; });
  }
  for (const each of root.querySelectorAll("[data-script]")) each.hidden = false;
}

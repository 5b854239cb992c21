// Approving: the announcement is heard, read and signed here. Neither the key nor the PIN leaves this page.

const page = document.getElementById("ky");
const names = JSON.parse(page.dataset.villages);
const kinds = { routine: "Thông thường", priority: "Ưu tiên", emergency: "Khẩn cấp" };
const find = (id) => document.getElementById(id);
const text = new TextEncoder();
const state = { body: "", envelope: null, heard: false, source: null, context: null };

const fromBase64 = (value) => Uint8Array.from(atob(value), (c) => c.charCodeAt(0));
const toBase64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
const toHex = (bytes) => [...new Uint8Array(bytes)].map((b) => b.toString(16).padStart(2, "0")).join("");
const clock = new Intl.DateTimeFormat("vi-VN", {
  timeZone: "Asia/Ho_Chi_Minh", weekday: "long", day: "numeric", month: "numeric", hour: "2-digit", minute: "2-digit",
});

function say(sentence, kind = "bad") {
  const note = find("noi");
  note.className = `notice ${kind}`;
  note.textContent = sentence;
  note.hidden = !sentence;
}

function check() {
  const ready = state.envelope && (state.heard || find("khong-nghe").checked)
    && find("khoa").files.length === 1 && find("pin").value.length >= 6;
  find("ky-duyet").setAttribute("aria-disabled", String(!ready));
}

/** Everything shown comes out of the very text that will be signed. */
function show(envelope) {
  find("loi").textContent = envelope.spoken;
  find("loai").textContent = kinds[envelope.kind] ?? envelope.kind;
  const isWhole = envelope.villages.length === Object.keys(names).length;
  const places = envelope.villages.map((code) => names[code] ?? code).join(", ");
  find("o-dau").textContent = isWhole ? `Cả xã: ${places}` : `Thôn ${places}`;
  find("luc-nao").replaceChildren(...envelope.starts.map((start) => {
    const item = document.createElement("li");
    item.textContent = clock.format(new Date(start.at)).replace("Chủ Nhật", "Chủ nhật");
    return item;
  }));
  find("may-lan").textContent = `${envelope.repeat} lần`;
  find("het-han").textContent = clock.format(new Date(envelope.expires)).replace("Chủ Nhật", "Chủ nhật");
}

async function fetchBody() {
  const answer = await fetch(page.dataset.envelope, { headers: { "X-Part": "1" } });
  const body = await answer.text();
  if (!answer.ok) throw Object.assign(new Error(body), { code: answer.headers.get("X-Code") });
  if (body !== body.normalize("NFC")) throw new Error("Nội dung gửi đến không đúng cách viết, không ký được.");
  return body;
}

async function load() {
  try {
    state.body = await fetchBody();
  } catch (why) {
    const isWaiting = why.code === "no-audio";
    say(why.message, isWaiting ? "wait" : "bad");
    if (isWaiting) setTimeout(load, 1500);
    return;
  }
  say("");
  state.envelope = JSON.parse(state.body);
  show(state.envelope);
  find("nghe").setAttribute("aria-disabled", "false");
  check();
}

/** An envelope is offered for some minutes only: take a new one, and go on if it says what was shown. */
async function renew() {
  const body = await fetchBody();
  const changing = page.dataset.playNow ? ["issued_at", "expires", "starts"] : ["issued_at"];
  const fixed = (envelope) => JSON.stringify(Object.entries(envelope).filter(([name]) => !changing.includes(name)));
  const fresh = JSON.parse(body);
  const isSame = fixed(fresh) === fixed(state.envelope);
  state.body = body;
  state.envelope = fresh;
  show(fresh);
  if (!isSame) {
    state.heard = false;
    find("buoc-nghe").classList.remove("done");
    throw new Error("Bản tin vừa được sửa. Xin đọc và nghe lại rồi ký.");
  }
}

/** Plays exactly the bytes whose hash stands in the envelope. */
async function hear() {
  if (state.source) { state.source.stop(); return; }
  const address = page.dataset.audioBase.replace("0".repeat(64), state.envelope.audio.sha256);
  const answer = await fetch(address, { headers: { "X-Part": "1" } });
  if (!answer.ok) { say("Chưa tải được âm thanh, xin thử lại."); return; }
  const bytes = await answer.arrayBuffer();
  if (toHex(await crypto.subtle.digest("SHA-256", bytes)) !== state.envelope.audio.sha256) {
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
  state.source = source;
  find("nghe").dataset.playing = "1";
  find("nghe-chu").textContent = "Dừng";
  const bar = find("da-nghe");
  bar.max = sound.duration;
  const tick = setInterval(() => { bar.value = state.context.currentTime - began; }, 200);
  source.addEventListener("ended", () => {
    clearInterval(tick);
    const whole = state.context.currentTime - began >= sound.duration - 0.5;
    state.source = null;
    delete find("nghe").dataset.playing;
    find("nghe-chu").textContent = whole || state.heard ? "Nghe lại" : "Nghe từ đầu";
    if (whole) {
      state.heard = true;
      bar.value = bar.max;
      find("buoc-nghe").classList.add("done");
    }
    check();
  });
  source.start();
}

class WrongPin extends Error {}

async function unlock(file, pin) {
  let kept;
  try {
    kept = JSON.parse(file);
  } catch {
    throw new Error("Tệp này không phải tệp khoá duyệt.");
  }
  if (kept.format !== "langso-key/1") throw new Error("Tệp này không phải tệp khoá duyệt của Làng Số.");
  const base = await crypto.subtle.importKey("raw", text.encode(pin.normalize("NFC")), "PBKDF2", false, ["deriveKey"]);
  const lock = await crypto.subtle.deriveKey(
    { name: "PBKDF2", hash: kept.kdf.hash, salt: fromBase64(kept.kdf.salt), iterations: kept.kdf.iterations },
    base, { name: "AES-GCM", length: 256 }, false, ["unwrapKey"],
  );
  try {
    const key = await crypto.subtle.unwrapKey(
      "pkcs8", fromBase64(kept.wrapped), lock, { name: "AES-GCM", iv: fromBase64(kept.cipher.iv) },
      { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"],
    );
    return { id: kept.key, key };
  } catch {
    throw new WrongPin("Mã PIN chưa đúng với tệp khoá này.");
  }
}

async function sign(event) {
  event.preventDefault();
  const button = find("ky-duyet");
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  say("Đang mở khoá và ký…", "wait");
  try {
    await renew();
    const { id, key } = await unlock(await find("khoa").files[0].text(), find("pin").value);
    const words = new Uint8Array([...text.encode("langso/announcement/1\0"), ...text.encode(state.body)]);
    const value = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, words);
    const form = find("gui-chu-ky");
    form.elements.body.value = state.body;
    form.elements.key.value = id;
    form.elements.signature.value = toBase64(value);
    form.elements.heard.value = state.heard ? "yes" : "skipped";
    find("pin").value = "";
    form.submit();
  } catch (why) {
    say(why.message || "Chưa ký được, xin thử lại.");
    if (why instanceof WrongPin) { find("pin").value = ""; find("pin").focus(); }
    check();
  }
}

if (!globalThis.crypto?.subtle) {
  say("Trình duyệt này không ký được ở địa chỉ không có https. Xin mở bằng địa chỉ https của trung tâm.");
} else {
  page.hidden = false;
  find("nghe").addEventListener("click", () => find("nghe").getAttribute("aria-disabled") === "true" || hear());
  for (const id of ["khong-nghe", "khoa", "pin"]) find(id).addEventListener("input", check);
  find("ky-bang-khoa").addEventListener("submit", sign);
  load();
}

// Approving: the announcement is heard, read and signed here. Neither the key nor the PIN leaves this page.
import {
  canPasskey, canSign, passkeyTrouble, signText, signWithPasskey, toBase64, toHex, unlock, WrongSecret,
} from "./keys.js";

const page = document.getElementById("ky");
const names = JSON.parse(page.dataset.villages);
const kinds = { routine: "Thông thường", priority: "Ưu tiên", emergency: "Khẩn cấp" };
const find = (id) => document.getElementById(id);
const passkeys = JSON.parse(page.dataset.passkeys);
const state = { body: "", envelope: null, heard: false, busy: false, source: null, context: null };

const clock = new Intl.DateTimeFormat("vi-VN", {
  timeZone: "Asia/Ho_Chi_Minh", weekday: "long", day: "numeric", month: "numeric", hour: "2-digit", minute: "2-digit",
});

/** Beside what was pressed, where eyes and thumb are; above the page what concerns all of it. */
function say(sentence, kind = "bad", beside = null) {
  for (const each of ["noi", "noi-ky"]) find(each).hidden = true;
  const note = find(beside ? "noi-ky" : "noi");
  beside?.before(note);
  note.className = `notice ${kind}`;
  note.textContent = sentence;
  note.hidden = !sentence;
}

const isAnswered = () => !state.envelope?.relay || find("hieu-dai")?.checked === true;
const isHeard = () => state.envelope && isAnswered() && (state.heard || find("khong-nghe")?.checked);
const hasPin = () => find("pin").value.length >= 6; // files from before PINs had eight digits
const hasFile = () => find("khoa").files.length === 1;

/** What still has to be done before `own` (the key's part) can be signed with, in the order of the page. */
function lacking(own) {
  if (!state.envelope) return [];
  const found = [];
  if (!state.heard && !find("khong-nghe")?.checked) {
    found.push(find("khong-nghe") ? "nghe hết, hoặc đánh dấu “Tôi duyệt mà không nghe hết”" : "nghe hết bản tin");
  }
  if (!isAnswered()) found.push("đánh dấu “Tôi biết không ai nghe trước được”");
  return [...found, ...own];
}

function tell(id, missing) {
  const note = find(id);
  if (!note) return;
  note.hidden = !missing.length || state.busy;
  note.textContent = missing.length ? `Còn thiếu: ${missing.join("; ")}.` : "";
}

function allow(id, ready) {
  find(id)?.setAttribute("aria-disabled", String(!ready || state.busy));
}

function check() {
  allow("ky-bang-may", isHeard());
  allow("ky-duyet", isHeard() && hasFile() && hasPin());
  tell("thieu-may", lacking([]));
  tell("thieu", lacking([...(hasFile() ? [] : ["chọn tệp khoá"]), ...(hasPin() ? [] : ["nhập mã PIN"])]));
}

/** Everything shown comes out of the very text that will be signed. */
function show(envelope) {
  if (Boolean(envelope.relay) !== Boolean(find("dai"))) throw new Error("Bản tin vừa được sửa. Xin mở lại trang rồi ký.");
  find("loi").textContent = envelope.spoken;
  find("loai").textContent = kinds[envelope.kind] ?? envelope.kind;
  const isWhole = envelope.villages.length === Object.keys(names).length;
  const places = envelope.villages.map((code) => names[code] ?? code).join(", ");
  find("o-dau").textContent = isWhole ? `Cả xã: ${places}` : `Thôn ${places}`;
  const starts = page.dataset.playNow ? atOnce(envelope) : envelope.starts.map((start) => moment(start.at));
  find("luc-nao").replaceChildren(...starts.map((said) => {
    const item = document.createElement("li");
    item.textContent = said;
    return item;
  }));
  if (find("may-lan")) find("may-lan").textContent = `${envelope.repeat} lần`;
  if (envelope.relay) showRelay(envelope.relay);
  const holds = Math.ceil((new Date(envelope.expires) - new Date(envelope.issued_at)) / 60_000);
  find("het-han").textContent = page.dataset.playNow ? `${holds}\u00a0phút sau khi ký` : moment(envelope.expires);
}

function moment(at) {
  const day = new Date(at);
  const said = clock.format(day).replace("Chủ Nhật", "Chủ nhật");
  return day.getFullYear() === new Date().getFullYear() ? said : `${said}/${day.getFullYear()}`; // lists may last a year
}

/** Its start is the moment of signing, so that a clock time shown before would be a past one. */
function atOnce(envelope) {
  const minutes = Math.floor(envelope.starts[0].tolerance_s / 60);
  return ["Ngay khi ký", `Loa nhận chậm vẫn phát nếu chưa quá ${minutes}\u00a0phút`];
}

function showRelay(relay) {
  const [minutes, seconds] = [Math.floor(relay.length_s / 60), relay.length_s % 60];
  find("dai").textContent = relay.station;
  find("dai-lau").textContent = `${minutes}\u00a0phút${seconds ? ` ${seconds}\u00a0giây` : ""}`;
  find("dai-o").textContent = relay.address;
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
  const envelope = JSON.parse(state.body);
  try {
    show(envelope);
  } catch (why) {
    say(why.message);
    return;
  }
  state.envelope = envelope;
  find("nghe").setAttribute("aria-disabled", "false");
  find("nghe-truoc").hidden = false;
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

/** On a phone the button stands above the words too, so that one reads while one hears. */
function nameHearing(said) {
  find("nghe-chu").textContent = said;
  find("nghe-truoc").querySelector("span").textContent = said;
}

const hearing = () => find("nghe").parentElement;

/** Plays exactly the bytes whose hash stands in the envelope. */
async function hear() {
  if (state.source) { state.source.stop(); return; }
  const address = page.dataset.audioBase.replace("0".repeat(64), state.envelope.audio.sha256);
  const answer = await fetch(address, { headers: { "X-Part": "1" } });
  if (!answer.ok) { say("Chưa tải được âm thanh, xin thử lại.", "bad", hearing()); return; }
  const bytes = await answer.arrayBuffer();
  if (toHex(await crypto.subtle.digest("SHA-256", bytes)) !== state.envelope.audio.sha256) {
    say("Âm thanh tải về không đúng bản sẽ ký. Xin đừng ký, báo người quản trị.", "bad", hearing());
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
  nameHearing("Dừng");
  const bar = find("da-nghe");
  bar.max = sound.duration;
  const tick = setInterval(() => { bar.value = state.context.currentTime - began; }, 200);
  source.addEventListener("ended", () => {
    clearInterval(tick);
    const whole = state.context.currentTime - began >= sound.duration - 0.5;
    state.source = null;
    delete find("nghe").dataset.playing;
    nameHearing(whole || state.heard ? "Nghe lại" : "Nghe từ đầu");
    if (whole) {
      state.heard = true;
      bar.value = bar.max;
      find("buoc-nghe").classList.add("done");
    }
    check();
  });
  source.start();
}

/** Sign with `how`, which returns the fields to send, and send them. */
async function sign(button, how) {
  if (button.getAttribute("aria-disabled") === "true") return;
  state.busy = true;
  check();
  try {
    await renew();
    const fields = { body: state.body, heard: state.heard ? "yes" : "skipped", answers: isAnswered() ? "yes" : "", ...(await how()) };
    const form = find("gui-chu-ky");
    for (const [name, value] of Object.entries(fields)) form.elements[name].value = value;
    find("pin").value = "";
    form.submit();
  } catch (why) {
    say(why.message || "Chưa ký được, xin thử lại.", "bad", button);
    const isWrong = why instanceof WrongSecret;
    find("pin").setAttribute("aria-invalid", String(isWrong));
    if (isWrong) { find("pin").value = ""; find("pin").focus(); }
    state.busy = false;
    check();
    find("noi-ky").scrollIntoView({ block: "nearest" });
  }
}

async function byFile() {
  say("Đang mở khoá và ký…", "wait", find("ky-duyet"));
  const { id, key } = await unlock(await find("khoa").files[0].text(), find("pin").value);
  return { key: id, signature: toBase64(await signText(key, "announcement", state.body)) };
}

async function byPasskey() {
  say("Xin xác nhận trên máy: vân tay, khuôn mặt hoặc mã mở khoá.", "wait", find("ky-bang-may"));
  try {
    return await signWithPasskey(passkeys, page.dataset.rp, "announcement", state.body);
  } catch (why) {
    throw new Error(passkeyTrouble(why), { cause: why });
  }
}

if (!canSign) {
  say("Trình duyệt này không ký được ở địa chỉ không có https. Xin mở bằng địa chỉ https của trung tâm.");
} else {
  page.hidden = false;
  const device = find("ky-bang-may");
  if (device && (!canPasskey || location.origin !== page.dataset.origin)) {
    device.hidden = true;
    find("may-khac").hidden = false;
    find("bang-tep").open = true;
  }
  find("nghe").addEventListener("click", () => find("nghe").getAttribute("aria-disabled") === "true" || hear());
  find("nghe-truoc").addEventListener("click", () => find("nghe").click());
  for (const id of ["khong-nghe", "hieu-dai", "khoa", "pin"]) find(id)?.addEventListener("input", check);
  device?.addEventListener("click", () => sign(device, byPasskey));
  find("ky-bang-khoa").addEventListener("submit", (event) => {
    event.preventDefault();
    sign(find("ky-duyet"), byFile);
  });
  load();
}

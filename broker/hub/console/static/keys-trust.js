// Danh sách tin cậy: shows exactly the list that will be signed, opens the root key here and signs it.
import { canSign, comparisonCode, signText, toBase64, unlock, WrongFile, WrongSecret } from "./keys.js";

const find = (id) => document.getElementById(id);
const panel = find("ky");
const before = JSON.parse(panel.dataset.inForce);
const day = new Intl.DateTimeFormat("vi-VN", { timeZone: "Asia/Ho_Chi_Minh", day: "numeric", month: "numeric", year: "numeric" });
const state = { body: "", turn: 0, busy: false };

function say(sentence, kind = "bad") {
  const note = find("noi");
  note.className = `notice ${kind}`;
  note.textContent = sentence;
  note.hidden = !sentence;
  if (sentence && kind === "bad") note.scrollIntoView({ block: "nearest" });
}

function check() {
  const ready = state.body && find("goc").files.length === 1 && find("cau").value.length >= 8 && !state.busy;
  find("ky-danh-sach").setAttribute("aria-disabled", String(!ready));
}

const rolesSaid = (key) => {
  if (key.roles.includes("hub")) return "chỉ ký lịch phát";
  return key.roles.includes("emergency") ? "ký bản tin và tin khẩn cấp" : "ký bản tin";
};

async function line(key) {
  const item = document.createElement("li");
  if (!before.some((each) => each.key === key.key)) item.className = "new";
  const name = document.createElement("b");
  name.textContent = key.holder;
  const about = document.createElement("small");
  about.textContent = `${rolesSaid(key)}, đến ${day.format(new Date(key.until))}`;
  const code = document.createElement("span");
  code.className = "code";
  for (const group of await comparisonCode(key.public)) {
    const part = document.createElement("i");
    part.textContent = group;
    code.append(part);
  }
  item.append(name, about, code);
  return item;
}

/** Everything shown comes out of the very text that will be signed. */
async function show(body) {
  const list = JSON.parse(body);
  const rank = (key) => (key.roles.includes("hub") ? 2 : before.some((each) => each.key === key.key) ? 1 : 0);
  const lines = await Promise.all([...list.keys].sort((one, other) => rank(one) - rank(other)).map(line));
  const isSame = JSON.stringify(list.keys) === JSON.stringify(before);
  find("so").textContent = list.generation;
  find("danh-sach").replaceChildren(...lines);
  find("khong-doi").hidden = !isSame;
  find("se-ky").hidden = isSame;
  state.body = isSame ? "" : body;
  check();
}

async function propose() {
  const turn = ++state.turn;
  const asked = new URLSearchParams(new FormData(find("chon")));
  try {
    const answer = await fetch(`${panel.dataset.proposal}?${asked}`, { headers: { "X-Part": "1" } });
    const body = await answer.text();
    if (turn !== state.turn) return;
    if (!answer.ok) throw new Error(body);
    if (body !== body.normalize("NFC")) throw new Error("Danh sách không đúng cách viết, không ký được.");
    await show(body);
    say("");
  } catch (why) {
    state.body = "";
    say(why.message || "Chưa lấy được danh sách, xin mở lại trang.");
    check();
  }
}

async function sign(event) {
  event.preventDefault();
  if (find("ky-danh-sach").getAttribute("aria-disabled") === "true") return;
  state.busy = true;
  check();
  say("Đang mở khoá gốc và ký…", "wait");
  try {
    const file = await find("goc").files[0].text();
    if (!file.includes(`"${panel.dataset.root}"`)) throw new WrongFile("Tệp này không phải khoá gốc của xã.");
    const { id, key } = await unlock(file, find("cau").value, "Câu mật khẩu chưa đúng với tệp khoá gốc này.");
    if (id !== panel.dataset.root) throw new WrongFile("Tệp này không phải khoá gốc của xã.");
    const form = find("gui");
    form.elements.body.value = state.body;
    form.elements.signature.value = toBase64(await signText(key, "trust", state.body));
    find("cau").value = "";
    form.submit();
  } catch (why) {
    say(why.message || "Chưa ký được, xin thử lại.");
    if (why instanceof WrongSecret) { find("cau").value = ""; find("cau").focus(); }
    state.busy = false;
    check();
  }
}

if (!canSign) {
  say("Trình duyệt này không ký được ở địa chỉ không có https. Xin mở bằng địa chỉ https của trung tâm.");
} else {
  find("chon").addEventListener("change", propose);
  find("chon").addEventListener("submit", (event) => event.preventDefault());
  for (const id of ["goc", "cau"]) find(id).addEventListener("input", check);
  find("ky-goc").addEventListener("submit", sign);
  propose();
}

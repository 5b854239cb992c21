// Khoá ký của tôi: makes a passkey or a key file in this browser; only public halves are sent.
import { canPasskey, canSign, makeKeyFile, makePasskey, passkeyTrouble } from "./keys.js";

const find = (id) => document.getElementById(id);
const panel = find("tao");
let file = null;

function say(sentence, kind = "bad") {
  const note = find("noi");
  note.className = `notice ${kind}`;
  note.textContent = sentence;
  note.hidden = !sentence;
  if (sentence && kind === "bad") note.scrollIntoView({ block: "nearest" });
}

function still(button, busy) {
  button.setAttribute("aria-disabled", String(busy));
}

async function inDevice(event) {
  event.preventDefault();
  const button = find("tao-may");
  const form = find("khoa-may");
  if (button.getAttribute("aria-disabled") === "true") return;
  still(button, true);
  say("Xin xác nhận trên máy: vân tay, khuôn mặt hoặc mã mở khoá.", "wait");
  try {
    const answer = await fetch(panel.dataset.ask, { headers: { "X-Part": "1" } });
    if (!answer.ok) throw new Error(await answer.text());
    form.elements.answer.value = JSON.stringify(await makePasskey(await answer.json()));
    form.submit();
  } catch (why) {
    say(passkeyTrouble(why).replace("Chưa ký", "Chưa tạo khoá"));
    still(button, false);
  }
}

/** The key is nobody's until the form is sent: whoever leaves now has a file that the hub does not know. */
function stay(event) {
  event.preventDefault();
}

function download() {
  const link = find("tai-lai");
  link.click();
}

async function inFile(event) {
  event.preventDefault();
  const form = find("khoa-tep");
  if (file) { removeEventListener("beforeunload", stay); form.submit(); return; }
  const button = find("tao-tep");
  if (button.getAttribute("aria-disabled") === "true") return;
  if (find("pin").value !== find("pin-lai").value) {
    say("Hai lần nhập mã PIN khác nhau, xin nhập lại.");
    find("pin-lai").value = "";
    find("pin-lai").focus();
    return;
  }
  still(button, true);
  say("Đang tạo khoá…", "wait");
  try {
    file = await makeKeyFile(panel.dataset.holder, find("pin").value, form.elements.challenge.value);
  } catch {
    say("Trình duyệt này chưa tạo được khoá, xin dùng trình duyệt khác.");
    still(button, false);
    return;
  }
  form.elements.public.value = file.public;
  form.elements.proof.value = file.proof;
  find("pin").value = find("pin-lai").value = "";
  for (const each of ["pin", "pin-lai"]) { find(each).required = false; find(each).closest("label").hidden = true; }
  form.elements.label.readOnly = true;
  button.hidden = true;
  const link = find("tai-lai");
  link.href = URL.createObjectURL(new Blob([file.file], { type: "application/json" }));
  link.download = `khoa-ky-${file.key.slice(0, 6)}.json`;
  find("cat-tep").hidden = false;
  addEventListener("beforeunload", stay);
  say("");
  download();
  find("xong-tep").focus();
}

if (panel && find("khoa-may")) {
  if (!canSign || !canPasskey || location.origin !== panel.dataset.origin) {
    find("khong-may").hidden = false;
    find("tao-may").setAttribute("aria-disabled", "true");
    for (const each of find("khoa-may").querySelectorAll("label, #tao-may")) each.hidden = true;
  }
  if (!canSign) {
    find("khoa-tep").hidden = true;
    say("Trình duyệt này không tạo được khoá ở địa chỉ không có https. Xin mở bằng địa chỉ https của trung tâm.");
  }
  find("khoa-may").addEventListener("submit", inDevice);
  find("khoa-tep").addEventListener("submit", inFile);
}

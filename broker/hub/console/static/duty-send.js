// What an officer does is sent without leaving the page: a hub that is away takes no words along.
import { ask } from "./live.js";

const UNSENT = "Chưa gửi được, chữ vẫn giữ nguyên.";

/**
 * @param {HTMLElement | null} part whose forms are sent
 * @param {() => Promise<void>} show put on the page what became of it
 */
export function send(part, show) {
  part?.addEventListener("submit", async (event) => {
    const form = event.target;
    event.preventDefault();
    if (form.dataset.busy) return;
    form.dataset.busy = "1";
    form.querySelector(".unsent")?.remove();
    const name = doneBy(event.submitter);
    const isQuiet = Boolean(form.closest(".quiet"));
    const answer = await ask(form.action, new FormData(form, event.submitter), true).catch(() => null);
    const file = answer?.ok && form.closest(".take-out") ? await answer.blob().catch(() => null) : undefined;
    delete form.dataset.busy;
    if (file === null) refuse(form, "Chưa lấy được hết tệp.", event.submitter);
    else if (answer?.ok) {
      if (file) save(file, answer);
      const at = part.scrollTop;
      await show().catch(() => undefined);
      part.scrollTop = at;
      done((isQuiet && part.querySelector(".quiet")) || (file && part.querySelector(".take-out")) || part, file ? `Đã lấy hình ra tệp lúc ${clock()}.` : name ? `Đã xong: ${name}.` : "Đã xong.");
    } else if (answer?.status === 409) refuse(form, await refusal(answer), event.submitter);
    else if (answer?.status === 401) refuse(form, `${UNSENT} Phiên làm việc đã hết: xin đăng nhập ở một thẻ khác rồi gửi lại.`, event.submitter);
    else refuse(form, UNSENT, event.submitter);
  });
}

/** The words of a button without its key. */
function doneBy(button) {
  const copy = button?.cloneNode(true);
  copy?.querySelectorAll("kbd, svg").forEach((each) => each.remove());
  return copy?.textContent.trim() ?? "";
}

async function refusal(answer) {
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.querySelector("[role=alert]")?.textContent.trim() || UNSENT;
}

function refuse(form, words, button) {
  const note = document.createElement("div");
  note.className = "notice bad unsent";
  note.setAttribute("role", "alert");
  const again = document.createElement("button");
  again.type = "button";
  again.className = "press";
  again.textContent = "Gửi lại";
  again.addEventListener("click", () => form.requestSubmit(button));
  const said = document.createElement("span");
  said.textContent = words;
  note.append(said, again);
  form.append(note);
  again.focus();
}

const clock = () => new Date().toLocaleTimeString("vi-VN", { timeZone: "Asia/Ho_Chi_Minh", hour12: false, hour: "2-digit", minute: "2-digit" });

/** The browser keeps the file as if its address had been followed. */
function save(file, answer) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = /filename="?([^";]+)/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "canh-bao.zip";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function done(place, words) {
  document.querySelector(".sent")?.remove();
  const note = document.createElement("p");
  note.className = "state ok sent";
  note.textContent = words;
  place.prepend(note);
  const live = document.getElementById("da-xong");
  live.textContent = words;
  place.querySelector(".press")?.focus({ preventScroll: true });
}

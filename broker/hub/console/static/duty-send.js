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
    if (form.closest(".take-out")) return; // its answer is a file
    event.preventDefault();
    if (form.dataset.busy) return;
    form.dataset.busy = "1";
    form.querySelector(".unsent")?.remove();
    const name = doneBy(event.submitter);
    const isQuiet = Boolean(form.closest(".quiet"));
    const answer = await ask(form.action, new FormData(form, event.submitter), true).catch(() => null);
    delete form.dataset.busy;
    if (answer?.ok) {
      const at = part.scrollTop;
      await show().catch(() => undefined);
      part.scrollTop = at;
      done((isQuiet && part.querySelector(".quiet")) || part, name);
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

function done(place, name) {
  const words = name ? `Đã xong: ${name}.` : "Đã xong.";
  document.querySelector(".sent")?.remove();
  const note = document.createElement("p");
  note.className = "state ok sent";
  note.textContent = words;
  place.prepend(note);
  const live = document.getElementById("da-xong");
  live.textContent = words;
  place.querySelector(".press")?.focus({ preventScroll: true });
}

// Writing a template: how it will be said and what is in doubt, while somebody types.
import { ask } from "./live.js";

const form = document.getElementById("mau");
const place = form.querySelector('[data-out="spoken"]');
let due = 0;
let asked = 0;

async function show() {
  const mine = ++asked;
  try {
    const answer = await ask(form.dataset.preview, new FormData(form));
    const html = await answer.text();
    if (!answer.ok || mine !== asked || place.innerHTML === html) return;
    const held = document.activeElement;
    const id = held && place.contains(held) ? held.id : "";
    place.innerHTML = html;
    if (id) document.getElementById(id)?.focus({ preventScroll: true });
  } catch {
    // The hub is away: the words stay in the form, the next key tries again.
  }
}

form.addEventListener("input", (event) => {
  if (event.target.name !== "text" && !place.contains(event.target)) return;
  clearTimeout(due);
  due = setTimeout(show, 350);
});
for (const each of form.querySelectorAll("[data-no-script]")) each.hidden = true;

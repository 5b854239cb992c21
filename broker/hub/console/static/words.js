// The commune's own words: a sentence before and after while somebody types, and words read aloud where they stand.
import { ask } from "./live.js";

const form = document.getElementById("ghi-tu");
let asked = 0;
let due = 0;

async function hear(address, data, place, button) {
  button.setAttribute("aria-disabled", "true");
  place.innerHTML = '<p class="soft" role="status">Đang đọc…</p>';
  try {
    const answer = await ask(address, data);
    place.innerHTML = answer.ok ? await answer.text() : '<p class="state bad" role="alert">Chưa đọc được, xin thử lại.</p>';
    for (const other of document.querySelectorAll("audio")) if (!place.contains(other)) other.pause();
    place.querySelector("audio")?.play().catch(() => undefined);
  } catch {
    place.innerHTML = '<p class="state bad" role="alert">Chưa đọc được: mất kết nối với trung tâm.</p>';
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

for (const row of document.querySelectorAll("form[data-hear]:not(#ghi-tu)")) {
  row.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter.getAttribute("aria-disabled") === "true") return;
    const place = row.closest("[data-word]").querySelector("[data-heard]");
    hear(row.getAttribute("action"), new FormData(row), place, event.submitter);
  });
}

if (form) {
  const place = form.querySelector('[data-out="trial"]');
  const heard = form.querySelector('[data-out="heard"]');
  const listen = form.querySelector("[data-listen]");
  const trial = async () => {
    const mine = ++asked;
    try {
      const answer = await ask(form.dataset.trial, new FormData(form));
      if (answer.ok && mine === asked) place.innerHTML = await answer.text();
    } catch {
      // The hub is away: what was typed stays, the next key tries again.
    }
  };
  form.addEventListener("input", () => {
    heard.replaceChildren();
    clearTimeout(due);
    due = setTimeout(trial, 250);
  });
  listen.hidden = false;
  listen.addEventListener("click", () => {
    if (listen.getAttribute("aria-disabled") !== "true") hear(form.dataset.hear, new FormData(form), heard, listen);
  });
}
for (const button of document.querySelectorAll("[data-no-script]")) button.hidden = true;

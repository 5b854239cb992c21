// Silence: first a question over the whole screen, said aloud; then everything typed is gone.
import { forget } from "./memory.js";

const ROUND = 2 * Math.PI * 46;
const isPlaying = () => [...document.querySelectorAll("audio")].some((sound) => !sound.paused && !sound.ended);

/** Forget what the page kept for this visitor. The notice board then clears the cookies. */
export function wipe() {
  forget();
  for (const field of document.querySelectorAll("input:not([type=hidden]), textarea")) field.value = "";
}

/** Ask after `data-warn-s` without a touch, leave after `data-wipe-s` more. Reading aloud holds the clock. */
export function watchSilence(document, reader) {
  const question = document.querySelector(".still");
  if (!question) return;
  const warnMs = Number(document.body.dataset.warnS) * 1000;
  const wipeMs = Number(document.body.dataset.wipeS) * 1000;
  const behind = [...document.body.children].filter((part) => part !== question);
  let touched = performance.now(), asked = null, before = null;

  const stay = () => {
    touched = performance.now();
    if (asked === null) return;
    asked = null;
    question.hidden = true;
    for (const part of behind) part.inert = false;
    reader.stop();
    before?.focus({ preventScroll: true });
  };
  const ask = () => {
    asked = performance.now();
    before = document.activeElement;
    question.hidden = false;
    for (const part of behind) part.inert = true;
    question.querySelector("[data-stay]").focus();
    reader.sayOne(question.querySelector("#hoi").textContent);
  };
  const leave = () => {
    clearInterval(looking); // asked a second time, a slow page would be begun anew for ever
    wipe();
    location.replace("/");
  };
  const look = () => {
    const now = performance.now();
    if (asked === null) {
      if (reader.isReading() || isPlaying()) touched = now;
      if (now - touched >= warnMs) ask();
      return;
    }
    const left = wipeMs - (now - asked);
    if (left <= 0) { leave(); return; }
    question.querySelector(".count b").textContent = String(Math.ceil(left / 1000));
    question.querySelector(".left").setAttribute("stroke-dasharray", `${(ROUND * left) / wipeMs} ${ROUND}`);
  };
  for (const kind of ["pointerdown", "pointerup", "keydown", "input", "wheel"]) {
    addEventListener(kind, () => { if (asked === null) touched = performance.now(); }, { passive: true, capture: true });
  }
  question.querySelector("[data-stay]").addEventListener("click", stay);
  addEventListener("keydown", (event) => { if (asked !== null && event.key === "Escape") stay(); });
  const looking = setInterval(look, 250);
}

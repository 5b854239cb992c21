// While an emergency is spoken: the clock that counts, and the sentence that is heard now, by the hub's clock.
const two = (number) => String(number).padStart(2, "0");
let offset = 0;

function count() {
  const clock = document.querySelector(".elapsed");
  if (!clock) return;
  if (clock.dataset.now) {
    offset = Number(clock.dataset.now) - Date.now();
    delete clock.dataset.now;
  }
  const until = Number(clock.dataset.until) || Date.now() + offset;
  const seconds = Math.max(0, Math.floor((until - Number(clock.dataset.since)) / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  clock.querySelector("[data-out]").textContent = `${hours ? `${hours}:` : ""}${two(minutes)}:${two(seconds % 60)}`;
}

/** Which reading it is and how far in it; null before the first word, between readings and after the last. */
function place(words) {
  const [began, head, once, gap, repeat] = ["began", "head", "once", "gap", "repeat"].map((name) => Number(words.dataset[name]));
  const passed = Date.now() + offset - began - head;
  if (!began || !once || passed < 0) return null;
  const turn = Math.floor(passed / (once + gap));
  return turn < repeat ? { turn: turn + 1, repeat, at: passed - turn * (once + gap), once } : null;
}

function read() {
  const words = document.querySelector("[data-reading]");
  if (!words) return;
  const here = place(words);
  document.querySelector('[data-out="turn"]').textContent = here ? `lần ${here.turn} trên ${here.repeat}` : "";
  for (const each of words.children) {
    const is = here !== null && here.at >= Number(each.dataset.from) && here.at < Number(each.dataset.to);
    each.classList.toggle("reading", is);
  }
}

setInterval(() => { count(); read(); }, 250);
count();
read();

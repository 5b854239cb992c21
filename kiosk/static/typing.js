// The on-screen keyboard writes into the field marked data-typing; a USB keyboard writes there as well.
import { compose, TONES } from "./compose.js";
import { kept, keep } from "./memory.js";

const ORDER = "order";
const NUMBERS = 2;

/** Wire the keyboard of this page; returns the field, or null. What is typed survives until the wipe. */
export function setUpTyping(document) {
  if (document.querySelector(".page.home")) keep("typed:search", ""); // what was looked for is done with
  if (document.querySelector(".page.kept")) keep("typed:loi", ""); // what was sent; not before it is known to be kept
  const field = document.querySelector("[data-typing]");
  const keys = document.querySelector("[data-keys]");
  if (!field || !keys) return null;
  keys.hidden = false;
  document.body.classList.add("typing");
  recall(field);

  const put = (text, cursor) => {
    if (field.maxLength > 0 && text.length > field.maxLength) return;
    field.value = text;
    field.setSelectionRange(cursor, cursor);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const press = (key, way) => {
    const { value, selectionStart: from, selectionEnd: to } = field;
    const before = compose(value.slice(0, from), key, way);
    put(before + value.slice(to), before.length);
  };
  const erase = () => {
    const { value, selectionStart: from, selectionEnd: to } = field;
    const start = from === to ? from - ([...value.slice(0, from)].pop()?.length ?? 0) : from;
    put(value.slice(0, start) + value.slice(to), start);
  };
  const turn = turner(keys);
  keys.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps its cursor
  keys.addEventListener("click", (event) => {
    const key = event.target.closest(".key");
    if (!key) return;
    if (document.activeElement !== field) field.focus({ preventScroll: true });
    const { key: letter, tone, do: wish } = key.dataset;
    if (letter) press(letter, document.body.dataset.way === "telex" ? "telex" : "plain"); // figures here are figures
    else if (tone) press(TONES[tone]);
    else if (wish === "erase") erase();
    else if (wish === "go") field.form.requestSubmit();
    else turn(wish);
  });
  field.addEventListener("beforeinput", (event) => {
    const way = document.body.dataset.way;
    if (way === "plain" || event.inputType !== "insertText" || [...event.data ?? ""].length !== 1) return;
    event.preventDefault();
    press(event.data, way);
  });
  return field;
}

/** The letters of the page before (larger letters, another language) come back, and each change is kept. */
function recall(field) {
  const name = "typed:" + field.dataset.typing;
  field.addEventListener("input", () => keep(name, field.value));
  const show = (text) => {
    field.value ||= text;
    field.setSelectionRange(field.value.length, field.value.length);
    if (field.value) field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  kept(name).then(show);
}

/** Turns the keys between letters and numbers, and between the order of a keyboard and of the alphabet. */
function turner(keys) {
  let order = Number(sessionStorage.getItem(ORDER) ?? 0), numbers = false;
  const show = () => {
    for (const key of keys.querySelectorAll("[data-faces]")) {
      key.textContent = key.dataset.key = [...key.dataset.faces][numbers ? NUMBERS : order];
    }
  };
  const swapWords = (wish) => {
    const key = keys.querySelector(`[data-do=${wish}]`);
    [key.textContent, key.dataset.words] = [key.dataset.words, key.textContent];
  };
  if (order) { show(); swapWords("order"); }
  return (wish) => {
    if (wish === "numbers") numbers = !numbers;
    else {
      order = 1 - order;
      sessionStorage.setItem(ORDER, String(order));
      if (numbers) { numbers = false; swapWords("numbers"); }
    }
    swapWords(wish);
    show();
  };
}

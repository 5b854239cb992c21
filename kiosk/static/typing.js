// The on-screen keyboard writes into the field marked data-typing; a USB keyboard writes there as well.
import { changeSyllable, reseat, withTone } from "./compose.js";

/** Wire the keyboard of this page; returns the field, or null. What is typed survives until the wipe. */
export function setUpTyping(document) {
  const field = document.querySelector("[data-typing]");
  const keys = document.querySelector("[data-keys]");
  if (!field || !keys) return null;
  keys.hidden = false;
  document.body.classList.add("typing");
  const kept = "typed:" + field.dataset.typing;
  if (!field.value) field.value = sessionStorage.getItem(kept) ?? "";
  field.addEventListener("input", () => sessionStorage.setItem(kept, field.value));
  field.form.addEventListener("submit", () => { if (field.dataset.typing !== "search") sessionStorage.removeItem(kept); });
  field.setSelectionRange(field.value.length, field.value.length);
  if (field.value) queueMicrotask(() => field.dispatchEvent(new Event("input", { bubbles: true })));

  const put = (text, cursor) => {
    if (field.maxLength > 0 && text.length > field.maxLength) return;
    field.value = text;
    field.setSelectionRange(cursor, cursor);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const type = (letter) => {
    const { value, selectionStart: from, selectionEnd: to } = field;
    const text = value.slice(0, from) + letter + value.slice(to), cursor = from + letter.length;
    put(...(/\p{L}/u.test(letter) ? changeSyllable(text, cursor, reseat) : [text, cursor]));
  };
  const erase = () => {
    const { value, selectionStart: from, selectionEnd: to } = field;
    const start = from === to ? from - ([...value.slice(0, from)].pop()?.length ?? 0) : from;
    put(value.slice(0, start) + value.slice(to), start);
  };
  const swap = (key) => {
    for (const each of keys.querySelectorAll("[data-other]")) {
      [each.dataset.key, each.dataset.other] = [each.dataset.other, each.dataset.key];
      each.textContent = each.dataset.key;
    }
    [key.textContent, key.dataset.words] = [key.dataset.words, key.textContent];
  };
  keys.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps its cursor
  keys.addEventListener("click", (event) => {
    const key = event.target.closest(".key");
    if (!key) return;
    if (document.activeElement !== field) field.focus({ preventScroll: true });
    const { key: letter, tone, do: wish } = key.dataset;
    if (letter) type(letter);
    else if (tone) put(...changeSyllable(field.value, field.selectionStart, (s) => withTone(s, Number(tone))));
    else if (wish === "erase") erase();
    else if (wish === "other") swap(key);
    else if (wish === "go") field.form.requestSubmit();
  });
  return field;
}

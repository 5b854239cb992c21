// Written and spoken pieces that belong together light up together, by pointer, by caret and by press.
//
// <… data-linked> holds both sides. A piece is [data-piece]; on the spoken side it says where it stands in the
// written text (data-from, data-to), and which question it asks (data-asks → the fieldset #hoi-N).

const lit = new WeakMap();

function light(home, number) {
  if (lit.get(home) === number) return;
  lit.set(home, number);
  for (const each of home.querySelectorAll("[data-piece].lit")) each.classList.remove("lit");
  if (number) for (const each of home.querySelectorAll(`[data-piece="${number}"]`)) each.classList.add("lit");
}

const pieceOf = (target) => (target instanceof Element ? target.closest("[data-piece]") : null);
const homeOf = (piece) => piece?.closest("[data-linked]");

document.addEventListener("pointerover", (event) => {
  const piece = pieceOf(event.target);
  const home = homeOf(piece);
  if (home) light(home, piece.dataset.piece);
});
document.addEventListener("pointerout", (event) => {
  const piece = pieceOf(event.target);
  const home = homeOf(piece);
  if (home && event.pointerType === "mouse") light(home, pieceAtCaret(home));
});

/** The number of the piece in which the caret of the written text stands, or undefined. */
function pieceAtCaret(home) {
  const field = home.querySelector("textarea[data-written]");
  if (!field || document.activeElement !== field) return undefined;
  const [start, end] = [field.selectionStart, field.selectionEnd];
  for (const each of home.querySelectorAll("[data-piece][data-from]")) {
    if (Number(each.dataset.from) <= start && end <= Number(each.dataset.to)) return each.dataset.piece;
  }
  return undefined;
}

document.addEventListener("selectionchange", () => {
  const field = document.activeElement;
  if (!field?.matches?.("textarea[data-written]")) return;
  const home = field.closest("[data-linked]");
  if (home) light(home, pieceAtCaret(home));
});

document.addEventListener("click", (event) => {
  const piece = pieceOf(event.target);
  const home = homeOf(piece);
  if (!home || String(getSelection()) !== "") return; // somebody marks words to copy them
  light(home, piece.dataset.piece);
  const question = piece.dataset.asks && document.getElementById(`hoi-${piece.dataset.asks}`);
  const field = home.querySelector("textarea[data-written]");
  if (question) {
    (question.querySelector("input:checked") ?? question.querySelector("input"))?.focus();
    question.scrollIntoView({ block: "nearest" });
  } else if (field && piece.dataset.from && event.pointerType !== "touch" && isSame(home, field)) { // no keyboard pops up
    field.focus({ preventScroll: true });
    field.setSelectionRange(Number(piece.dataset.from), Number(piece.dataset.to));
  }
});

// Under a field to write in lies the same text with its marks; it is seen only while it is the same text.
function isSame(home, field) {
  const under = home.querySelector("[data-under]");
  return !under || under.textContent === field.value;
}

function lay(home) {
  const field = home.querySelector("textarea[data-written]");
  const under = home.querySelector("[data-under]");
  if (!field || !under) return;
  under.hidden = !isSame(home, field);
  under.scrollTop = field.scrollTop;
}

for (const home of document.querySelectorAll("[data-linked]")) {
  const field = home.querySelector("textarea[data-written]");
  const under = home.querySelector("[data-under]");
  if (!field || !under) continue;
  field.addEventListener("input", () => { lit.delete(home); lay(home); });
  field.addEventListener("scroll", () => { under.scrollTop = field.scrollTop; });
  new MutationObserver(() => { lit.delete(home); lay(home); light(home, pieceAtCaret(home)); }).observe(under, { childList: true });
  lay(home);
}

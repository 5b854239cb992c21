// Nobody needs an identity number here, and nobody shall leave one: it is refused while it is being typed.
const RUN = /(?<!\d)\d(?:[ .\-\u2013]*\d)*/g;
const NO_NUMBER_OF_A_PERSON = /(?<![\d.])\d{1,2}([.\-])\d{1,2}\1(?:19|20)\d\d(?!\d)|(?<![\d.])\d{1,3}(?:\.\d{3})*\.000(?![.\d])/g;
const REST = /^[ .\-\u2013]*\d+/;
const TELEPHONE = /^(?:0[235789]|84|1[89]00)/;

/** The numbers in `text` that have as many digits as an identity card: [from, to] each. */
function found(text, growing) {
  const plain = text.replace(NO_NUMBER_OF_A_PERSON, (part) => "/".repeat(part.length));
  return [...plain.matchAll(RUN)].filter((match) => {
    const digits = match[0].replace(/\D/g, "");
    const last = /^[ .\-\u2013]*$/.test(text.slice(match.index + match[0].length));
    if (digits.length === 9) return !(growing && last && TELEPHONE.test(digits)); // a telephone number has one more
    return digits.length === 12;
  }).map((match) => [match.index, match.index + match[0].length]);
}

/** Whether `text` holds an identity number: 9 or 12 digits, also with spaces, dots or dashes between. */
const holdsIdentity = (text) => found(text, false).length > 0;

/** Take identity numbers out of the field as they appear and say why. Nobody else hears of them. */
export function refuseIdentity(document) {
  const field = document.querySelector("[data-typing]"), advice = document.querySelector("[data-no-identity]");
  if (!field || !advice) return;
  let gap = -1; // where a number was taken out: its last digits may still be on their way
  const clean = (growing) => {
    const wrong = found(field.value, growing);
    const rest = gap >= 0 ? REST.exec(field.value.slice(gap)) : null;
    if (rest) wrong.push([gap, gap + rest[0].length]);
    for (const [from, to] of wrong.toReversed()) {
      field.value = field.value.slice(0, from) + field.value.slice(to);
      field.setSelectionRange(from, from);
    }
    if (!wrong.length) return false;
    const where = wrong[0][0];
    gap = -1;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    gap = where;
    advice.hidden = false;
    return true;
  };
  field.addEventListener("input", (event) => {
    advice.hidden = true;
    if (clean(true) || holdsIdentity(field.value)) event.stopImmediatePropagation();
    else if (gap >= 0 && field.value.length > gap && !/^[ .\-\u2013]/.test(field.value.slice(gap))) gap = -1;
    else advice.hidden = gap < 0;
  });
  field.form.addEventListener("submit", (event) => {
    if (!clean(false)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);
}

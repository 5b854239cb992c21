// Nobody needs an identity number here, and nobody shall leave one: it is refused while it is being typed.
const PIECE = /\d(?:[ .-]*\d)*/g;
const CHAIN = /\d(?:[ .,-]*\d)*/g;
const NO_NUMBER_OF_A_PERSON = /(?<![\d.])\d{1,2}([.,-])\d{1,2}\1(?:19|20)\d\d(?!\d)|(?<![\d.])[1-9]\d{0,2}(?:\.\d{3})*\.000(?![.\d])/g;
const REST = /^[ .,-]*\d+/;
const TELEPHONE = /^(?:0[235789]\d{8}|84[235789]\d{8}|1[89]00\d{4}(?:\d\d)?)$/;
const MAY_BECOME_ONE = /^(?:0[235789]|84|1[89]00)/;
const isLong = (digits) => digits.length === 9 || digits.length === 12;
const digitsOf = (text) => text.replace(/\D/g, "");

/** The text with one of a digit, blank, dot, hyphen, comma (all other signs) and x (letters) in each place. */
function plainOf(text) {
  const as = (sign) => (found) => sign.padEnd(found.length);
  return text.replace(/[^\d\P{Nd}]|[\u00b2\u00b3\u00b9\u2070-\u2079\u2080-\u2089]/gu, as("4")).replace(/\p{Pd}/gu, as("-"))
    .replace(/[\s\p{Z}\p{C}]/gu, as(" ")).replace(/[\p{L}\p{M}\p{Nl}\p{No}]/gu, as("x")).replace(/[^\dx .-]/gu, as(","));
}

/** Numbers of a chain that have as many digits as an identity card: [from, to] each. */
function inChain(chain, growing) {
  const wrong = [];
  let group = [];
  const close = () => {
    const whole = group.map((piece) => digitsOf(piece[0])).join("");
    if (group.length > 1 && isLong(whole)) wrong.push([group[0].index, group.at(-1).index + group.at(-1)[0].length]);
    else for (const piece of group) {
      const end = piece.index + piece[0].length, digits = digitsOf(piece[0]);
      const last = growing && end === chain.length && digits.length === 9 && MAY_BECOME_ONE.test(digits);
      if (isLong(digits) && !last) wrong.push([piece.index, end]);
      else if (!last) for (const part of piece[0].matchAll(/\d+/g)) {
        if (isLong(part[0])) wrong.push([piece.index + part.index, piece.index + part.index + part[0].length]);
      }
    }
    group = [];
  };
  for (const piece of chain.matchAll(PIECE)) {
    if (TELEPHONE.test(digitsOf(piece[0]))) close(); else group.push(piece);
  }
  close();
  return wrong;
}

/** The same of a whole text. growing: its end is still being typed, a telephone number has one digit more. */
function found(text, growing) {
  const plain = plainOf(text).replace(NO_NUMBER_OF_A_PERSON, (part) => "x".repeat(part.length));
  return [...plain.matchAll(CHAIN)].flatMap((chain) => {
    const isLast = /^[ .,-]*$/.test(plain.slice(chain.index + chain[0].length));
    return inChain(chain[0], growing && isLast).map(([from, to]) => [chain.index + from, chain.index + to]);
  });
}

/** Whether `text` holds an identity number: 9 or 12 digits, whatever but letters stands between. */
const holdsIdentity = (text) => found(text, false).length > 0;

/** Take identity numbers out of the field as they appear and say why. Nobody else hears of them. */
export function refuseIdentity(document) {
  const field = document.querySelector("[data-typing]"), advice = document.querySelector("[data-no-identity]");
  if (!field || !advice) return;
  let gap = -1; // where a number was taken out: its last digits may still be on their way
  const clean = (growing) => {
    const wrong = found(field.value, growing);
    const rest = gap >= 0 ? REST.exec(plainOf(field.value.slice(gap))) : null;
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
    else if (gap >= 0 && field.value.length > gap && !/^[ .,-]/.test(plainOf(field.value.slice(gap)))) gap = -1;
    else advice.hidden = gap < 0;
  });
  field.form.addEventListener("submit", (event) => {
    if (!clean(false)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);
}

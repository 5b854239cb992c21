// Vietnamese letters, as a hand writes them: letters first, then the mark. One pure function, `compose`: what stands
// before the cursor and a key give what stands there afterwards. No page, no state.
// Marks stand where the schoolbooks put them: hoà, khoẻ, thuý.

/** The five tone keys, by their number; 0 is no tone. */
export const TONES = ["", "sắc", "huyền", "hỏi", "ngã", "nặng"];

const MARKS = ["", "\u0301", "\u0300", "\u0309", "\u0303", "\u0323"];
const VOWEL = /[aăâeêioôơuưy]/i;
const WORD = /[\p{L}\p{M}]*$/u;
const SHAPE = /^(?:b|c|ch|d|đ|g|gh|gi|h|k|kh|l|m|n|ng|ngh|nh|p|ph|qu|r|s|t|th|tr|v|x)?[aăâeêioôơuưy]{1,3}(?:c|ch|m|n|ng|nh|p|t)?$/i;
const NEVER = /ô[aăâeêoôơuưy]|ê[aăâeêioôơưy]|â[aăâeêioôơư]|ă[aăâeêioôơuưy]/iu;
const START = /^(?:b|c|ch|d|đ|g|gh|gi|h|k|kh|l|m|n|ng|nh|p|ph|r|s|t|th|tr|v|x)$/i;
const ROOF = { from: "aeoăơ", to: "âêôâô" }, HORN = { from: "uoô", to: "ươơ" }, BOWL = { from: "aâ", to: "ăă" };
const STROKE = { from: "d", to: "đ" };
const PLAIN = { â: "a", ă: "a", ê: "e", ô: "o", ơ: "o", ư: "u", đ: "d" };

/** What a key means beyond its letter: a tone by number, or changes of letters, tried one after another. */
const WAYS = {
  plain: {},
  telex: {
    s: 1, f: 2, r: 3, x: 4, j: 5, z: 0, d: [STROKE],
    a: [{ from: "aă", to: "ââ" }], e: [{ from: "e", to: "ê" }], o: [{ from: "oơ", to: "ôô" }], w: [HORN, BOWL],
  },
  vni: { 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 0: 0, 6: [ROOF], 7: [HORN], 8: [BOWL], 9: [STROKE] },
};

/** The tone of a word and the word without it. */
function toneOf(word) {
  let tone = 0;
  const bare = [...word.normalize("NFC")].map((letter) => {
    const parts = [...letter.normalize("NFD")];
    const found = VOWEL.test(parts[0]) ? parts.findIndex((part) => MARKS.indexOf(part) > 0) : -1;
    if (found < 0) return letter;
    tone = MARKS.indexOf(parts[found]);
    return parts.toSpliced(found, 1).join("").normalize("NFC");
  }).join("");
  return { tone, bare };
}

/** Where the vowels of a word stand; "qu" and "gi" before another vowel are consonants. */
function vowelsOf(letters) {
  const found = letters.map((c, i) => (VOWEL.test(c) ? i : -1)).filter((i) => i >= 0);
  const start = letters.slice(0, 2).join("").toLowerCase();
  if (found.length > 1 && found[0] === 1 && (start === "qu" || start === "gi")) found.shift();
  return found;
}

/** Index of the letter that carries the tone in a word without tone, -1 when there is no vowel. */
function seatOf(bare) {
  const letters = [...bare.toLowerCase()], vowels = vowelsOf(letters);
  if (!vowels.length) return -1;
  const marked = vowels.filter((i) => "ăâêôơư".includes(letters[i]));
  if (marked.length) return marked.at(-1);
  if (vowels.length === 1) return vowels[0];
  const closed = vowels.at(-1) < letters.length - 1;
  const second = vowels.length > 2 || closed || ["oa", "oe", "uy"].includes(letters[vowels[0]] + letters[vowels[1]]);
  return vowels[second ? 1 : 0];
}

/** A word without tone gets one; unchanged when nothing can carry it. */
function toned(bare, tone) {
  const seat = seatOf(bare);
  return seat < 0 ? bare : [...bare].map((c, i) => (i === seat ? (c + MARKS[tone]).normalize("NFC") : c)).join("");
}

const canBe = (bare) => SHAPE.test(bare) && !NEVER.test(bare);
const sameCase = (letter, like) => (like === like.toLowerCase() ? letter : letter.toUpperCase());

/** `bare` with one change of letters: [changed, whether an earlier change was taken back], or null. */
function changed(bare, { from, to }) {
  const letters = [...bare], vowels = vowelsOf(letters);
  // The horn never stands on the o of "oa" (hoặc): that pair takes the bowl.
  const places = from === "d" ? [0] : vowels.filter((i) => from !== HORN.from || !/^oa/i.test(bare.slice(i)));
  const swap = (i, letter) => { letters[i] = sameCase(letter, letters[i]); };
  const pair = from.includes("u") ? letters.join("").toLowerCase().search(/[uư][oôơ]/) : -1;
  if (pair >= 0 && vowels.includes(pair)) {
    const both = letters[pair].toLowerCase() === "ư" && letters[pair + 1].toLowerCase() === "ơ";
    // "uơ" at the end is a rhyme of its own (thuở); it becomes "ươ" with the next letter.
    const open = pair + 2 === letters.length && letters[pair].toLowerCase() === "u" && letters[pair + 1].toLowerCase() !== "ơ";
    if (!open) swap(pair, both ? "u" : "ư");
    swap(pair + 1, both ? "o" : "ơ");
    return [letters.join(""), both];
  }
  for (const fresh of [true, false]) {
    const order = from.includes("u") && fresh ? places : places.toReversed();
    for (const i of order) {
      const now = letters[i]?.toLowerCase();
      if (fresh ? from.includes(now) : to.includes(now)) {
        swap(i, fresh ? to[from.indexOf(now)] : PLAIN[now]);
        return [letters.join(""), !fresh];
      }
    }
  }
  return null;
}

/** The word after a key that means a change, or null when here it is only a letter. */
function struck(word, key, meaning, way) {
  const { tone, bare } = toneOf(word);
  if (typeof meaning === "number") {
    if (!canBe(bare) || (meaning === 0 && tone === 0)) return null;
    if (meaning === 0) return bare;
    return meaning === tone ? bare + key : toned(bare, meaning);
  }
  if (way === "telex" && key.toLowerCase() === "w" && START.test(bare)) return bare + sameCase("ư", key);
  const tries = meaning.map((change) => changed(bare, change)).filter(Boolean);
  const fresh = tries.find(([, back]) => !back);
  if (fresh) return canBe(fresh[0]) || fresh[0].toLowerCase() === "đ" ? toned(fresh[0], tone) : null;
  return tries.length ? toned(tries[0][0], tone) + key : null;
}

/** Add a letter; the mark moves when the word grows: "hoà" + "n" is "hoàn". */
function grown(word, key, way) {
  const { tone, bare } = toneOf(word);
  const horned = way === "plain" ? bare : bare.replace(/(?<!q)(?:uơ|ưo)$/i, ([u, o]) => sameCase("ư", u) + sameCase("ơ", o));
  return toned(horned + key, tone);
}

/**
 * What stands before the cursor after `key`. `key`: one character, or a name of TONES (the same tone again takes it
 * off). `way`: "plain" for the keyboard on the screen, "telex" or "vni" for one that has no Vietnamese letters.
 */
export function compose(text, key, way = "plain") {
  const word = WORD.exec(text)[0], before = text.slice(0, text.length - word.length);
  const asked = TONES.indexOf(key);
  if (asked > 0) {
    const { tone, bare } = toneOf(word);
    return before + (tone === asked ? bare : toned(bare, asked));
  }
  const meaning = WAYS[way][key.toLowerCase()];
  const done = meaning === undefined || !word ? null : struck(word, key, meaning, way);
  if (done !== null) return before + done;
  return /\p{L}/u.test(key) ? before + grown(word, key, way) : text + key;
}

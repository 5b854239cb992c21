// Vietnamese letters: a tone key acts on the syllable before the cursor, as a hand writes it: letters first,
// then the mark. Pure functions, no page.
const TONES = ["", "\u0301", "\u0300", "\u0309", "\u0303", "\u0323"];
const VOWEL = /[aăâeêioôơuưy]/;

/** The tone (0 none, 1 sắc, 2 huyền, 3 hỏi, 4 ngã, 5 nặng) and the syllable without it. */
export function toneOf(syllable) {
  let tone = 0;
  const bare = [...syllable.normalize("NFD")].filter((c) => {
    const found = TONES.indexOf(c);
    if (found > 0) tone = found;
    return found <= 0;
  }).join("").normalize("NFC");
  return { tone, bare };
}

/** Index of the letter that carries the tone in a syllable without tone, -1 when there is no vowel. */
export function seatOf(bare) {
  const letters = [...bare.toLowerCase()];
  const vowels = letters.map((c, i) => (VOWEL.test(c) ? i : -1)).filter((i) => i >= 0);
  // "qu" and "gi" before another vowel are consonants.
  if (vowels.length > 1 && vowels[0] === 1 && ((letters[0] === "q" && letters[1] === "u") || (letters[0] === "g" && letters[1] === "i"))) vowels.shift();
  if (!vowels.length) return -1;
  const marked = vowels.filter((i) => "ăâêôơư".includes(letters[i]));
  if (marked.length) return marked[marked.length - 1];
  if (vowels.length === 1) return vowels[0];
  const closed = vowels[vowels.length - 1] < letters.length - 1;
  if (vowels.length === 3) return vowels[1];
  // oa, oe, uy carry the tone on the second vowel (hoà, khoẻ, thuý), as the textbooks write it.
  const pair = letters[vowels[0]] + letters[vowels[1]];
  return closed || ["oa", "oe", "uy"].includes(pair) ? vowels[1] : vowels[0];
}

/** Put `tone` on a syllable; the same tone again takes it away. Unchanged when there is no vowel. */
export function withTone(syllable, tone) {
  const { tone: had, bare } = toneOf(syllable);
  const seat = seatOf(bare);
  if (seat < 0) return syllable;
  const letters = [...bare];
  if (tone !== had) letters[seat] = (letters[seat] + TONES[tone]).normalize("NFC");
  return letters.join("");
}

/** The mark moves when the syllable grows: "hoà" + "n" becomes "hoàn", "qúa" never appears. */
export function reseat(syllable) {
  const { tone, bare } = toneOf(syllable);
  return tone ? withTone(bare, tone) : syllable;
}

/** Apply `change` to the syllable that ends at `end` in `text`; returns [text, new cursor]. */
export function changeSyllable(text, end, change) {
  const start = end - (/[\p{L}\p{M}]*$/u.exec(text.slice(0, end))?.[0].length ?? 0);
  const changed = change(text.slice(start, end));
  return [text.slice(0, start) + changed + text.slice(end), start + changed.length];
}

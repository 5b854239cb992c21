// What a visitor typed survives larger letters and another language, and nothing else. A browser writes its session
// storage to disk and rubs nothing out, so only a sealed text goes there; the key is in the server's memory and in
// this page, and is another one as soon as the visitor has left.
const FRESH_BYTES = 12;
let key = null, writing = 0;

/** The key, made when first needed: most pages keep nothing. */
function unlocked() {
  key ??= crypto.subtle.importKey("raw", bytesOf(document.body.dataset.lock), "AES-GCM", false, ["encrypt", "decrypt"]);
  return key;
}

function bytesOf(hex) {
  return Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
}

/** Keep `text` under `name` until the visitor leaves; an empty text is forgotten at once. */
export async function keep(name, text) {
  const mine = ++writing;
  if (!text) { sessionStorage.removeItem(name); return; }
  const iv = crypto.getRandomValues(new Uint8Array(FRESH_BYTES));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await unlocked(), new TextEncoder().encode(text));
  // What was typed since, or a wipe, has the last word.
  if (mine === writing) sessionStorage.setItem(name, btoa(String.fromCharCode(...iv, ...new Uint8Array(sealed))));
}

/** What was kept under `name`, empty when there is nothing of this visitor. */
export async function kept(name) {
  const stored = sessionStorage.getItem(name);
  if (!stored) return "";
  const bytes = Uint8Array.from(atob(stored), (c) => c.charCodeAt(0));
  try {
    const iv = bytes.slice(0, FRESH_BYTES);
    const opened = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, await unlocked(), bytes.slice(FRESH_BYTES));
    return new TextDecoder().decode(opened);
  } catch {
    return ""; // of the visitor before
  }
}

/** Forget everything, also what is just being written. */
export function forget() {
  writing += 1;
  sessionStorage.clear();
}

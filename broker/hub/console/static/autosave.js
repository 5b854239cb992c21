// Drafts keep themselves. What could not be kept is said, stays on the page, and is tried again.
import { ask } from "./live.js";

const PAUSE_MS = 3000;
const AGAIN_MS = 5000;

/**
 * @param {HTMLFormElement} form
 * @param {(act: string) => FormData} fields what is sent
 * @param {(name: string) => HTMLElement} out places of the page by name
 * @returns {{changed: () => void, leave: () => void}} changed: something was typed; leave: the form itself is sent
 */
export function autosave(form, fields, out) {
  const isOn = form.dataset.autosave === "1";
  const place = `ban-tin:${form.dataset.person}:`;
  let due = 0;
  let isSaving = false;
  let isDirty = false;
  let isStopped = false;
  let edits = 0;

  const key = () => place + form.getAttribute("action");
  const wait = (after) => { clearTimeout(due); due = setTimeout(save, after); };

  function keepHere() {
    const kept = [...fields("save")].filter(([name, value]) => typeof value === "string" && name !== "csrf_token");
    try {
      sessionStorage.setItem(key(), JSON.stringify({ at: Date.now(), kept }));
    } catch {
      // No room in the browser: the words are on the page all the same.
    }
  }

  function say(name, sentence) {
    for (const each of ["unkept", "over", "conflict"]) {
      const note = out(each);
      note.hidden = each !== name;
      if (each === name && sentence) note.querySelector("[data-said]").textContent = sentence;
    }
    if (name) out("saved").textContent = "Chưa cất được";
  }

  async function renewToken() {
    const page = await fetch(form.getAttribute("action"), { credentials: "same-origin" });
    const again = new DOMParser().parseFromString(await page.text(), "text/html");
    const token = again.querySelector('meta[name="csrf-token"]');
    const person = again.querySelector("[data-person]")?.dataset.person; // somebody else signed in: not their words
    if (!page.ok || page.redirected || !token || person !== form.dataset.person) return false;
    document.querySelector('meta[name="csrf-token"]').content = token.content;
    for (const each of document.querySelectorAll('input[name="csrf_token"]')) each.value = token.content;
    return true;
  }

  async function save() {
    if (isSaving || isStopped || !isDirty || !form.elements.text.value.trim()) return;
    isSaving = true;
    const then = edits;
    try {
      let answer = await ask(form.getAttribute("action"), fields("save"), true);
      if (answer.status === 403 && (await renewToken())) answer = await ask(form.getAttribute("action"), fields("save"), true);
      await hear(answer, then);
    } catch {
      say("unkept", "Mất kết nối với trung tâm. Chữ vẫn còn ở đây, máy sẽ tự cất lại.");
      wait(AGAIN_MS);
    } finally {
      isSaving = false;
    }
  }

  async function hear(answer, then) {
    if (answer.ok) {
      const kept = await answer.json();
      sessionStorage.removeItem(key());
      if (kept.address && form.getAttribute("action") !== kept.address) {
        form.setAttribute("action", kept.address);
        form.dataset.preview = `${form.dataset.preview.split("?")[0]}?key=${encodeURIComponent(kept.address.split("/").at(-2))}`;
        history.replaceState(null, "", kept.address);
      }
      form.elements.seen.value = kept.seen;
      say("");
      out("saved").textContent = kept.said;
      isDirty = edits !== then;
      if (isDirty) { keepHere(); wait(PAUSE_MS); }
    } else if (answer.status === 401 || answer.status === 403) {
      say("over");
    } else if (answer.headers.get("X-Code") === "changed") {
      isStopped = true;
      out("conflict").querySelector("[data-other]").href = form.getAttribute("action");
      say("conflict", (await answer.text()).trim());
    } else {
      say("unkept", (await answer.text()).trim().slice(0, 300));
      if (answer.status >= 500) wait(AGAIN_MS);
    }
  }

  function offer() {
    const found = sessionStorage.getItem(key());
    if (!found) return;
    const { at, kept } = JSON.parse(found);
    const words = new Map(kept);
    if (words.get("text") === form.elements.text.value && words.get("title") === form.elements.title.value) {
      sessionStorage.removeItem(key());
      return;
    }
    const note = out("left-here");
    const clock = new Date(at).toLocaleTimeString("vi-VN", { timeZone: "Asia/Ho_Chi_Minh", hour: "2-digit", minute: "2-digit" });
    note.querySelector("[data-said]").textContent = `Ở cửa sổ này còn chữ viết lúc ${clock} chưa cất được.`;
    note.hidden = false;
    note.querySelector("[data-take]").addEventListener("click", () => {
      put(kept);
      note.hidden = true;
      form.dispatchEvent(new Event("change", { bubbles: true }));
    });
    note.querySelector("[data-drop]").addEventListener("click", () => {
      sessionStorage.removeItem(key());
      note.hidden = true;
    });
  }

  function put(kept) {
    const said = new Set(kept.map(([name, value]) => `${name}=${value}`));
    const first = new Map([...kept].reverse());
    for (const each of form.elements) {
      if (!each.name || ["hidden", "file", "submit", "button"].includes(each.type)) continue;
      if (["checkbox", "radio"].includes(each.type)) each.checked = said.has(`${each.name}=${each.value}`);
      else if (first.has(each.name)) each.value = first.get(each.name);
    }
  }

  addEventListener("focus", () => isDirty && isOn && wait(0));
  addEventListener("online", () => isDirty && isOn && wait(0));
  addEventListener("beforeunload", (event) => { if (isDirty && form.elements.text.value.trim()) event.preventDefault(); });
  offer();
  return {
    changed() {
      edits += 1;
      isDirty = true;
      keepHere();
      if (isOn) wait(PAUSE_MS);
    },
    leave() {
      clearTimeout(due);
      isDirty = false;
    },
  };
}

// Writing an announcement: what will be spoken appears beside what is typed, drafts keep themselves.
import { autosave } from "./autosave.js";
import { ask } from "./live.js";

const form = document.getElementById("ban-tin");
const out = (name) => document.querySelector(`[data-out="${name}"]`);
let asked = 0;
let previewDue = 0;

function fields(act) {
  const data = new FormData(form);
  data.set("act", act);
  if (act !== "track-record") data.delete("track-file");
  return data;
}

async function preview(act = "preview") {
  const mine = ++asked;
  try {
    const answer = await ask(form.dataset.preview, fields(act), true);
    if (!answer.ok || mine !== asked) return;
    const parts = await answer.json();
    if (act === "skip") form.elements.skip.value = parts.skip;
    show(parts);
  } catch {
    // The hub is away: the text stays in the form, the next key tries again.
  }
}

/** What was chosen and typed meanwhile is newer than what the hub was asked with: it stays, with the caret. */
function redraw(place, html) {
  const held = document.activeElement;
  const key = place.contains(held) ? held.id : "";
  const caret = key && held.type === "text" ? [held.selectionStart, held.selectionEnd] : null;
  const before = [...place.querySelectorAll("input[name]")];
  const chosen = new Map(before.filter((each) => each.type === "radio" && each.checked).map((each) => [each.name, each.value]));
  const typed = new Map(before.filter((each) => each.type === "text").map((each) => [each.name, each.value]));
  place.innerHTML = html;
  for (const each of place.querySelectorAll("input[name]")) {
    if (each.type === "radio" && chosen.has(each.name)) each.checked = each.value === chosen.get(each.name);
    else if (each.type === "text" && typed.has(each.name)) each.value = typed.get(each.name);
  }
  const again = key && document.getElementById(key);
  if (!again) return;
  again.focus({ preventScroll: true });
  if (caret) again.setSelectionRange(...caret);
}

function show(parts) {
  for (const [name, html] of Object.entries(parts.html)) {
    const place = out(name);
    if (place && place.innerHTML !== html) redraw(place, html);
  }
  form.querySelector('[name="act"][value="submit"]').setAttribute("aria-disabled", String(!parts.ready));
}

const keeping = autosave(form, fields, out);

/** What was heard on trial is no longer what would be said. */
function unhear() {
  const place = out("hear");
  if (!place.querySelector("audio")) return;
  place.innerHTML = '<p class="soft" role="status">Bản tin đã đổi sau khi nghe thử, xin bấm Nghe thử để nghe lại.</p>';
}

function changed(event) {
  const name = event?.target.name ?? "";
  if (["text", "voice"].includes(name) || /^(answer|own):/.test(name)) unhear();
  clearTimeout(previewDue);
  previewDue = setTimeout(preview, 250, "preview");
  keeping.changed();
}

async function hear(button) {
  const place = out("hear");
  button.setAttribute("aria-disabled", "true");
  place.innerHTML = '<p class="soft" role="status">Đang đọc thử…</p>';
  try {
    const answer = await ask(form.dataset.listen, fields("listen"), true);
    place.innerHTML = await answer.text();
    place.querySelector("audio")?.play().catch(() => undefined);
  } catch {
    place.innerHTML = '<p class="notice bad">Chưa đọc thử được: mất kết nối với trung tâm.</p>';
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

const instead = form.querySelector("[data-instead]").dataset.instead;

function write(words) {
  form.elements.text.value = words;
  form.elements.text.dispatchEvent(new Event("input", { bubbles: true }));
}

/** The sentence for want of the station: offered where nothing is written, and gone with the relay. */
function changeSource(event) {
  const text = form.elements.text.value;
  if (event.target.value === "relay" && !text.trim()) write(instead);
  if (event.target.value === "words" && text === instead) write("");
}

function complain(sentence) {
  const note = out("tracks-trouble");
  note.textContent = sentence;
  note.hidden = !sentence;
}

/** A recording is added, a track moved or taken out: the hub answers with the list as it then is. */
async function retrack(act) {
  if (act === "track-record" && !form.elements["track-language"].value) {
    complain("Anh/chị chọn tiếng của bản ghi trước.");
    return;
  }
  if (act === "track-phrase" && !form.elements["track-phrase"].value) {
    complain("Anh/chị chọn một câu ghi sẵn trước.");
    return;
  }
  complain("");
  const said = form.querySelector("[data-auto] [data-said]");
  if (act === "track-record") said.textContent = "Đang gửi và nghe kiểm tra…";
  try {
    const answer = await ask(form.dataset.tracks, fields(act), true);
    if (answer.ok) {
      show(await answer.json());
      unhear();
      changed();
    } else {
      complain((await answer.text()).trim());
    }
    said.textContent = answer.ok && act === "track-record" ? "Đã thêm bản ghi vào danh sách." : "";
    if (act === "track-record") form.elements["track-file"].value = "";
  } catch {
    said.textContent = "";
    complain("Chưa gửi được: mất kết nối với trung tâm. Bản ghi còn đây, xin thử lại.");
  }
}

form.addEventListener("input", changed);
form.addEventListener("change", changed);
form.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (button?.getAttribute("aria-disabled") === "true") { event.preventDefault(); return; }
  if (button?.value.startsWith("track-")) { event.preventDefault(); retrack(button.value); return; }
  if (button?.value === "instead") { event.preventDefault(); write(instead); return; }
  if (button?.value === "listen") { event.preventDefault(); hear(button); return; }
  if (button?.value === "skip") { event.preventDefault(); preview("skip"); keeping.changed(); return; }
  keeping.leave();
});
document.addEventListener("click", (event) => {
  const free = event.target.closest("[data-start]");
  if (free) {
    event.preventDefault();
    const [day, time] = free.dataset.start.split("T");
    form.elements.day.value = day;
    form.elements.time.value = time;
    form.querySelector('[name="when"][value="at"]').checked = true;
    changed();
    return;
  }
  const village = event.target.closest(".places [data-village]");
  if (village) {
    const tick = form.querySelector(`[name="villages"][value="${CSS.escape(village.dataset.village)}"]`);
    tick.checked = !tick.checked;
    changed();
  }
});
for (const name of ["track-file", "track-language"]) {
  form.elements[name].addEventListener("change", () => form.elements["track-file"].files.length && retrack("track-record"));
}
/** The hour chosen for one time is the hour to begin with for many, and the other way round. */
for (const choice of form.querySelectorAll('[name="when"]')) {
  choice.addEventListener("change", () => {
    const { time, times } = form.elements;
    if (choice.value === "again" && !times.value.trim()) times.value = time.value;
    if (choice.value === "at" && !time.value.trim()) time.value = times.value.split(/[,;\s]/)[0];
  });
}
for (const choice of form.querySelectorAll('[name="source"]')) choice.addEventListener("change", changeSource);
for (const button of document.querySelectorAll("[data-no-script]")) button.hidden = true;

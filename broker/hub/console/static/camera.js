// Areas on a camera's picture: the fields of the form are the truth; this draws them, and dragging a corner writes them.
import { ask } from "./live.js";

const stage = document.querySelector("[data-stage]");
const list = document.querySelector("[data-areas]");
const form = document.getElementById("dat");
const svg = stage.querySelector(":scope > svg");
const blank = form.querySelector("template");
const told = document.querySelector("[data-moved]");
const past = [];
let row = null;
let at = 0;
let typing = "";

const rows = () => [...list.children];
const field = (of, name) => of.querySelector(`[name="${name}"]`);
const kindOf = (of) => field(of, "kind").value;
const limit = (value) => Math.min(100, Math.max(0, Math.round(value * 10) / 10));
const spell = (points) => points.map(([x, y]) => `${x},${y}`).join("; ");
const said = (of) => `${field(of, "kind").selectedOptions[0].text} ${kindOf(of) === "zone" ? field(of, "area").value : ""}`.trim();
const all = () => JSON.stringify(rows().map((of) => ["kind", "area", "corners"].map((name) => field(of, name).value)));

function read(of) {
  return field(of, "corners").value.split(";").map((pair) => pair.split(",").map(Number))
    .filter((pair) => pair.length === 2 && pair.every((n) => Number.isFinite(n) && n >= 0 && n <= 100));
}

function keep(before = all()) {
  if (past.at(-1) !== before) past.push(before);
  if (past.length > 100) past.shift();
}

function write(of, points) {
  field(of, "corners").value = spell(points);
  draw();
}

function make(values) {
  const of = blank.content.firstElementChild.cloneNode(true);
  ["kind", "area", "corners"].forEach((name, n) => { field(of, name).value = values[n]; });
  list.append(of);
  dress(of);
  return of;
}

function dress(of) {
  const drop = of.querySelector("[data-drop]");
  drop.hidden = false;
  drop.addEventListener("click", () => { keep(); of.remove(); row = null; draw(); document.querySelector("[data-kind]").focus(); });
  of.addEventListener("focusin", () => { typing = all(); pick(of); });
  of.addEventListener("change", () => { if (typing !== all()) keep(typing); typing = all(); });
  of.addEventListener("input", draw);
}

function pick(of, corner = 0) {
  if (row === of && corner === at) return;
  [row, at] = [of, row === of || corner ? corner : 0];
  draw();
}

function draw() {
  if (row && !row.isConnected) row = null;
  const points = row ? read(row) : [];
  at = Math.min(at, Math.max(0, points.length - 1));
  svg.querySelectorAll("polygon").forEach((each) => each.remove());
  stage.querySelectorAll(".tag-at, .grip").forEach((each) => each.remove());
  for (const of of rows()) {
    of.classList.toggle("on", of === row);
    const corners = read(of);
    if (!corners.length) continue;
    const shape = document.createElementNS("http://www.w3.org/2000/svg", "polygon");
    shape.setAttribute("points", corners.map((pair) => pair.join(",")).join(" "));
    shape.setAttribute("class", `${kindOf(of)}${of === row ? " on" : ""}`);
    shape.addEventListener("pointerdown", (press) => slide(press, of));
    svg.append(shape);
    const tag = document.createElement("span");
    tag.className = "tag-at";
    tag.textContent = kindOf(of) === "zone" && field(of, "area").value || field(of, "kind").selectedOptions[0].text;
    stage.append(tag);
    name(tag, corners);
    of.querySelector("[data-crossed]").hidden = !crosses(corners);
    if (of !== row) corners.forEach((point, n) => grip(of, n, point));
  }
  corners(points);
  document.querySelector("[data-empty]").hidden = rows().length > 0;
  unsaved();
  for (const [name, isNot] of [["add", !row || points.length >= 40], ["cut", !row || points.length <= 3], ["undo", !past.length]]) {
    document.querySelector(`[data-do="${name}"]`).setAttribute("aria-disabled", String(isNot));
  }
}

function unsaved() {
  for (const each of document.querySelectorAll("[data-unsaved]")) each.hidden = first === now();
}

// A name stands above its area where there is room, else at its upper edge inside, else below: it hides no small area.
function name(tag, points) {
  const [left, right] = [Math.min(...points.map(([x]) => x)), Math.max(...points.map(([x]) => x))];
  const [top, below] = [Math.min(...points.map(([, y]) => y)), Math.max(...points.map(([, y]) => y))];
  const box = stage.getBoundingClientRect();
  const [half, tall] = [(tag.offsetWidth / box.width) * 50, ((tag.offsetHeight + 6) / box.height) * 100];
  const at = top >= tall ? top - tall : below - top > 3 * tall ? top + tall / 4 : Math.min(below + tall / 8, 100 - tall);
  put(tag, [Math.min(Math.max((left + right) / 2, half), 100 - half), at]);
}

// A corner of an area that is not chosen: the first touch chooses the area and drags the corner at once.
function grip(of, n, point) {
  const dot = document.createElement("i");
  dot.className = "grip";
  put(dot, point);
  dot.addEventListener("pointerdown", (press) => {
    press.preventDefault();
    pick(of, n);
    stage.querySelectorAll(".corner")[n]?.focus({ preventScroll: true });
    drag({ target: stage, pointerId: press.pointerId }, (x, y) => { const points = read(of); points[n] = [limit(x), limit(y)]; write(of, points); });
  });
  stage.append(dot);
}

function crosses(points) {
  const turn = ([ax, ay], [bx, by], [cx, cy]) => Math.sign((bx - ax) * (cy - ay) - (by - ay) * (cx - ax));
  const sides = points.map((point, n) => [point, points[(n + 1) % points.length]]);
  return sides.some(([a, b], one) => sides.some(([c, d], other) => other > one + 1 && (one || other < sides.length - 1)
    && turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0));
}

function put(what, [x, y]) { what.style.left = `${x}%`; what.style.top = `${y}%`; }

function corners(points) {
  const held = [...stage.querySelectorAll(".corner")];
  held.slice(points.length).forEach((each) => each.remove());
  points.forEach((point, n) => {
    const knob = held[n] ?? corner(n);
    put(knob, point);
    knob.classList.toggle("on", n === at);
    knob.setAttribute("aria-label", `Góc ${n + 1} của ${said(row)}: ngang ${point[0]} %, dọc ${point[1]} %`);
  });
}

function corner(n) {
  const knob = document.createElement("button");
  knob.type = "button";
  knob.className = "corner";
  knob.addEventListener("focus", () => pick(row, n));
  knob.addEventListener("pointerdown", (press) => {
    press.preventDefault();
    knob.focus({ preventScroll: true });
    drag(press, (x, y) => { const points = read(row); points[n] = [limit(x), limit(y)]; write(row, points); });
  });
  knob.addEventListener("keydown", (press) => {
    const step = press.shiftKey ? 5 : 0.5;
    const way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[press.key];
    if (way) {
      keep();
      const points = read(row);
      points[n] = [limit(points[n][0] + way[0]), limit(points[n][1] + way[1])];
      write(row, points);
      told.textContent = `Góc ${n + 1}: ngang ${points[n][0]} %, dọc ${points[n][1]} %`;
    } else if (press.key === "Delete" || press.key === "Backspace") cut();
    else if (press.key === "Insert" || press.key === "+") add();
    else return;
    press.preventDefault();
  });
  stage.append(knob);
  return knob;
}

function drag(press, move) {
  const box = stage.getBoundingClientRect();
  const before = all();
  const held = press.target;
  const follow = (now) => move(((now.clientX - box.left) / box.width) * 100, ((now.clientY - box.top) / box.height) * 100);
  const stop = () => {
    window.removeEventListener("pointermove", follow);
    for (const end of ["pointerup", "pointercancel"]) window.removeEventListener(end, stop);
    if (before !== all()) { keep(before); draw(); }
  };
  if (held.isConnected && held.setPointerCapture) held.setPointerCapture(press.pointerId);
  window.addEventListener("pointermove", follow);
  for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, stop);
}

function slide(press, of) {
  press.preventDefault();
  pick(of);
  const points = read(of);
  let from = null;
  drag({ target: stage, pointerId: press.pointerId }, (x, y) => {
    from ??= [x, y];
    const room = (n, by) => Math.max(-Math.min(...points.map((p) => p[n])), Math.min(100 - Math.max(...points.map((p) => p[n])), by));
    const [right, below] = [room(0, x - from[0]), room(1, y - from[1])];
    write(of, points.map((p) => [limit(p[0] + right), limit(p[1] + below)]));
  });
}

function add() {
  if (!row) return;
  const points = read(row);
  if (points.length >= 40 || points.length < 2) return;
  const [one, other] = [points[at], points[(at + 1) % points.length]];
  keep();
  points.splice(at + 1, 0, [limit((one[0] + other[0]) / 2), limit((one[1] + other[1]) / 2)]);
  at += 1;
  write(row, points);
  stage.querySelectorAll(".corner")[at]?.focus({ preventScroll: true });
}

function cut() {
  const points = row ? read(row) : [];
  if (points.length <= 3) return;
  keep();
  points.splice(at, 1);
  at = at % points.length;
  write(row, points);
  stage.querySelectorAll(".corner")[at]?.focus({ preventScroll: true });
}

function undo() {
  if (!past.length) return;
  const n = rows().indexOf(row);
  list.replaceChildren();
  for (const values of JSON.parse(past.pop())) make(values);
  row = rows()[n] ?? null;
  draw();
}

const now = () => new URLSearchParams(new FormData(form)).toString();
for (const of of rows()) field(of, "corners").value.trim() ? dress(of) : of.remove();
const first = now();
for (const shown of ["[data-tools]", "[data-new]"]) document.querySelector(shown).hidden = false;
stage.classList.add("live");
for (const [name, act] of Object.entries({ add, cut, undo })) document.querySelector(`[data-do="${name}"]`).addEventListener("click", act);
document.addEventListener("keydown", (press) => {
  if ((press.ctrlKey || press.metaKey) && press.key === "z" && !press.target.matches("input, select")) { press.preventDefault(); undo(); }
});
for (const button of document.querySelectorAll("[data-kind]")) {
  button.addEventListener("click", () => {
    keep();
    const by = (rows().length % 5) * 4;
    const box = [[30 + by, 30 + by], [62 + by, 30 + by], [62 + by, 62 + by], [30 + by, 62 + by]];
    pick(make([button.dataset.kind, "", spell(box)]));
    (button.dataset.kind === "zone" ? field(row, "area") : stage.querySelector(".corner")).focus({ preventScroll: true });
  });
}
form.addEventListener("input", unsaved);
// What was just done is said once: loading the page again does not say it again.
if (location.search) history.replaceState(null, "", location.pathname);

// The newest picture takes the place of the last one as soon as it is here; what is drawn stays.
const note = document.getElementById("hinh-moi").parentElement;
let shown = document.getElementById("hinh-moi").dataset.still;
new MutationObserver(() => {
  const still = document.getElementById("hinh-moi")?.dataset.still;
  if (!still || still === shown) return;
  shown = still;
  const picture = stage.querySelector("img") ?? stage.insertBefore(document.createElement("img"), svg);
  picture.alt = "Hình mới chụp của camera";
  picture.src = `${stage.dataset.src}?of=${encodeURIComponent(still)}`;
  stage.querySelector(".no-shot")?.remove();
}).observe(note, { childList: true });
document.getElementById("chup").addEventListener("submit", async (press) => {
  press.preventDefault();
  const answer = await ask(press.target.action, new FormData(press.target), true);
  if (answer.status === 200 || answer.status === 409) note.innerHTML = await answer.text();
});
draw();

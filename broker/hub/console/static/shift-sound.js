// Who takes the shift is asked what shall be heard: in a new browser everything is silent otherwise, even an SOS.
import { keep, kept } from "./sound-kept.js";

const asked = document.getElementById("nghe-gi");

if (asked) {
  const boxes = [...asked.querySelectorAll("input[name=sound]")];
  const all = boxes.map((box) => box.value);
  const chosen = kept(all) ?? all;
  for (const box of boxes) box.checked = chosen.includes(box.value);
  asked.hidden = false;
  // With this press the browser lets the pages that follow make a sound.
  asked.form.addEventListener("submit", () => keep(boxes.filter((box) => box.checked).map((box) => box.value)));
}

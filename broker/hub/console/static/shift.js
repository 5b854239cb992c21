// Who is on duty, in the head of the duty room: somebody may have handed over on another computer.
import { ask } from "./live.js";

const head = document.getElementById("ca");

setInterval(async () => {
  if (document.hidden || document.activeElement === head) return;
  try {
    const answer = await ask(head.getAttribute("href"), undefined, true);
    if (answer.ok && !answer.redirected) head.innerHTML = await answer.text();
  } catch {
    // The hub is away: the head of the page says so already.
  }
}, 60_000);

// Counts down evenly between two words of the hub: <span data-until="1795257000000" data-now="…">còn 48 phút</span>.
// data-now is the hub's clock when it wrote the page; data-by="minute" shows whole minutes above one minute.
let ahead = -Infinity; // hub's clock minus this page's own; the word that travelled fastest knows it best

function lasting(seconds) {
  const said = [];
  let left = seconds;
  for (const [size, name] of [[86400, "ngày"], [3600, "giờ"], [60, "phút"], [1, "giây"]]) {
    const count = Math.floor(left / size);
    left %= size;
    if (count) said.push(`${count}\u00a0${name}`);
  }
  return said.slice(0, 2).join(" ");
}

/** Write what is left; returns how long until the next word changes, in milliseconds. */
function write() {
  let wait = 1000;
  for (const each of document.querySelectorAll("[data-until]")) {
    if (each.dataset.now) {
      const told = Number(each.dataset.now) - performance.now();
      ahead = told > ahead || ahead - told > 5000 ? told : ahead; // the hub's clock was set back
      delete each.dataset.now;
    }
    const left = Number(each.dataset.until) - performance.now() - ahead;
    const seconds = Math.max(0, Math.ceil(left / 1000));
    const whole = each.dataset.by === "minute" && seconds > 60 ? seconds - (seconds % 60) : seconds;
    const said = whole ? `còn ${lasting(whole)}` : each.dataset.over;
    if (each.textContent !== said) each.textContent = said;
    if (left > 0) wait = Math.min(wait, left % 1000 || 1000);
  }
  return wait;
}

function tick() {
  setTimeout(tick, Math.max(write(), 20));
}

const parts = document.querySelectorAll("[data-part]");
for (const part of parts) new MutationObserver(write).observe(part, { childList: true });
if (parts.length) tick();

// The page of an enrolment code: how long it still lasts, and the command into the clipboard.

function left(seconds) {
  const minutes = Math.floor(seconds / 60);
  const rest = Math.floor(seconds % 60);
  return minutes ? `${minutes} phút ${String(rest).padStart(2, "0")} giây` : `${rest} giây`;
}

// The hub's clock counts, not this computer's: its time of the page is the difference.
const served = document.querySelector("[data-until]");
const start = served ? { until: Date.parse(served.dataset.until), left: spoken(served.textContent), at: performance.now() } : null;

function spoken(text) {
  const minutes = /(\d+)\s*phút/.exec(text);
  const seconds = /(\d+)\s*giây/.exec(text);
  return (minutes ? Number(minutes[1]) * 60 : 0) + (seconds ? Number(seconds[1]) : 0);
}

function tick() {
  const clock = document.querySelector("[data-until]");
  if (!clock || !start) return;
  const later = (Date.parse(clock.dataset.until) - start.until) / 1000; // a newer code lasts longer
  const seconds = start.left + later - (performance.now() - start.at) / 1000;
  clock.textContent = seconds > 0 ? left(seconds) : "hết hạn";
  clock.classList.toggle("short", seconds < 120);
}
setInterval(tick, 1000);
tick();

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const words = button.querySelector("span");
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    words.textContent = "Đã chép";
  } catch {
    getSelection().selectAllChildren(source);
    words.textContent = "Đã chọn, bấm Ctrl+C";
  }
  setTimeout(() => { words.textContent = "Chép lệnh"; }, 4000);
});

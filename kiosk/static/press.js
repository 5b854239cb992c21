// A trembling hand presses twice: a second press of the same thing within 250 ms is no press.
// Acting on release and sliding off to cancel is what the browser's own click already does.
const TREMBLE_MS = 250;

/** Swallow repeated clicks on the same target, and clicks on what lies flat. */
export function debouncePresses(root) {
  let last = null, at = -Infinity;
  root.addEventListener("click", (event) => {
    const target = event.target.closest("a, button");
    if (!target) return;
    const again = target === last && event.timeStamp - at < TREMBLE_MS && event.detail !== 0;
    if (again || target.getAttribute("aria-disabled") === "true") {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    last = target;
    at = event.timeStamp;
  }, true);
}

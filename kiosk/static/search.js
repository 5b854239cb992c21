// Results while typing, without a reload. The newest question wins; a slow answer never overwrites it.
const REST_MS = 120;

/** Wire the search page. `field` is what the keyboard writes into. */
export function setUpSearch(document, field) {
  const form = document.querySelector("[data-search]");
  if (!form || !field) return;
  const found = document.querySelector("[data-found]"), clear = document.querySelector("[data-clear]");
  let waiting = 0, running = null;

  const ask = async (whole = false) => {
    running?.abort();
    running = new AbortController();
    try {
      const body = new URLSearchParams({ q: field.value });
      if (whole) body.set("tim", "1"); // half a word that finds nothing is no question in vain
      const answer = await fetch("/tim/goi-y", { method: "POST", body, signal: running.signal });
      if (answer.ok) found.innerHTML = await answer.text();
    } catch (why) {
      if (why.name !== "AbortError") throw why;
    }
  };
  field.addEventListener("input", () => {
    clear.setAttribute("aria-disabled", String(!field.value));
    clearTimeout(waiting);
    waiting = setTimeout(() => ask(), REST_MS);
  });
  // On a small panel with large letters keys and answers take turns; elsewhere both are there and this is idle.
  const look = (on) => document.body.classList.toggle("looking", on);
  look(found.querySelector(".answers") !== null);
  field.addEventListener("pointerdown", () => look(false));
  form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(waiting); ask(true); look(true); });
  clear.addEventListener("click", (event) => {
    event.preventDefault();
    look(false);
    field.value = "";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus({ preventScroll: true });
  });
}

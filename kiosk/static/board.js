// The notice board: any touch starts, and time and news stay fresh while nobody is there.
const FRESH_MS = 15000;

/** Keep the board's main part as the server has it now. */
export function keepBoardFresh(document) {
  if (!document.body.classList.contains("idle")) return;
  sessionStorage.clear();
  document.body.addEventListener("click", (event) => {
    if (!event.target.closest("a")) document.querySelector(".start").click();
  });
  setInterval(async () => {
    try {
      const answer = await fetch("/?moi=1");
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const focused = document.activeElement?.classList.contains("start");
      document.querySelector("main").replaceWith(fresh.querySelector("main"));
      document.querySelector(".sprite").replaceWith(fresh.querySelector(".sprite"));
      if (focused) document.querySelector(".start").focus();
    } catch {
      // The page shown stays; the service's own restart brings the next one.
    }
  }, FRESH_MS);
}

// A page that is longer than the screen is turned by a button, never only by a swipe.
const STEP = 0.75;

/** Show "Xem tiếp" while there is more below. */
export function turnPages(document) {
  const page = document.querySelector("main.page"), button = document.querySelector("[data-more]");
  if (!page || !button) return;
  const look = () => {
    const beyond = page.scrollHeight - page.clientHeight;
    button.hidden = beyond - page.scrollTop < 4;
    if (beyond < 4) page.removeAttribute("tabindex");
    else page.tabIndex = 0; // the arrow keys of a USB keyboard turn it as well
  };
  button.addEventListener("click", () => page.scrollBy({ top: page.clientHeight * STEP }));
  page.addEventListener("scroll", look, { passive: true });
  new ResizeObserver(look).observe(page);
  new MutationObserver(look).observe(page, { childList: true, subtree: true });
  document.fonts.ready.then(look);
}

// The page says every two seconds that it lives: a browser that freezes or shows an error page is then replaced.
const EVERY_MS = 2000;
const LATEST_MS = 300;

/** Begin as soon as the page has been drawn, so that one just opened counts and nobody waits for it. */
export function beat(document) {
  const address = document.body.classList.contains("idle") ? "/nhip?bang=1" : "/nhip";
  const say = () => fetch(address, { method: "POST", keepalive: false }).catch(() => {});
  requestIdleCallback(say, { timeout: LATEST_MS }); // also where the page is never at rest
  setInterval(say, EVERY_MS);
}

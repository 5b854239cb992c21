// No gesture, key or link leads out of these pages. What only the browser can forbid (addresses, downloads,
// developer tools, printing) stands in deploy/systemd/chromium-policy.json.
const KEYS_OF_THE_BROWSER = /^(?:F\d+|Browser.*|Launch.*|Zoom.*|ContextMenu|Help|Print.*)$/;
const EDITING = /^[acvxz]$/i;
const GESTURES = ["contextmenu", "dragstart", "dragover", "drop", "auxclick", "gesturestart"];

/** Swallow what would open a menu, another page or a file, or would change the size of the page. */
export function stayInside(document) {
  const refuse = (event) => event.preventDefault();
  for (const kind of GESTURES) document.addEventListener(kind, refuse, true);
  document.addEventListener("mousedown", (event) => { if (event.button !== 0) refuse(event); }, true);
  document.addEventListener("wheel", (event) => { if (event.ctrlKey) refuse(event); }, { passive: false, capture: true });
  document.addEventListener("touchmove", (event) => { if (event.touches.length > 1) refuse(event); }, { passive: false, capture: true });
  document.addEventListener("selectstart", (event) => {
    const at = event.target.nodeType === Node.TEXT_NODE ? event.target.parentElement : event.target;
    if (!at.closest("input, textarea")) refuse(event);
  }, true);
  document.addEventListener("keydown", (event) => {
    // AltGr writes letters on many keyboards and counts as Ctrl and Alt.
    const chord = (event.ctrlKey || event.altKey || event.metaKey) && !event.getModifierState("AltGraph");
    const edits = event.ctrlKey && !event.altKey && EDITING.test(event.key);
    if (KEYS_OF_THE_BROWSER.test(event.key) || (chord && !edits)) refuse(event);
  }, true);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (link && (link.origin !== location.origin || link.target || event.ctrlKey || event.shiftKey)) refuse(event);
  }, true);
}

// Hears from the hub that something changed. The stream says only topic and key; pages fetch what they may see.

const SILENT_MS = 30000; // the hub says something every ten seconds
const ANSWER_MS = 10000;
const GRACE_MS = 4000; // a page that just woke, or a stream that broke and comes again at once, has lost nothing

/**
 * @param {string[]} topics what to hear of
 * @param {{change: (topic: string, key: string) => void, all: () => void, state: (live: boolean) => void}} to
 */
export function listen(topics, to) {
  const address = `/live?topics=${encodeURIComponent(topics.join(","))}`;
  let wait = 1000;
  let wasLost = false;
  let source = null;
  let silence = 0;
  let grace = 0;
  const heard = () => {
    clearTimeout(silence);
    const due = Date.now() + SILENT_MS;
    // A phone that slept runs this late: then it is the page that did not hear, the hub may have spoken.
    silence = setTimeout(() => { if (Date.now() - due > GRACE_MS) doubt(); else lost(); open(); }, SILENT_MS);
  };
  const lost = () => {
    clearTimeout(grace);
    grace = 0;
    wasLost = true;
    to.state(false);
  };
  const doubt = () => {
    wasLost = true;
    grace ||= setTimeout(lost, GRACE_MS);
  };
  const found = () => {
    clearTimeout(grace);
    grace = 0;
    to.state(true);
  };
  const open = () => {
    source?.close();
    source = new EventSource(address);
    heard();
    source.addEventListener("beat", heard);
    source.addEventListener("hello", () => {
      heard();
      wait = 1000;
      found();
      if (wasLost) to.all();
      wasLost = false;
    });
    source.addEventListener("change", (event) => {
      heard();
      const news = JSON.parse(event.data);
      to.change(news.topic, news.key);
    });
    source.addEventListener("resync", () => { heard(); wasLost = false; found(); to.all(); });
    source.addEventListener("over", () => { source.close(); location.reload(); });
    source.addEventListener("error", (event) => {
      if (event.target !== source) return;
      doubt();
      if (source.readyState !== EventSource.CLOSED) return;
      clearTimeout(silence);
      setTimeout(() => { open(); to.all(); }, wait);
      wait = Math.min(wait * 2, 30000);
    });
  };
  window.addEventListener("pagehide", () => { clearTimeout(silence); clearTimeout(grace); grace = 0; source.close(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) { doubt(); open(); } });
  open();
}

/** Fetch with the form token and the mark that only a part of a page is wanted; a question that hangs is given up, what
 * carries a body may take its time. stays: there are words on this page
 * that must not be lost, so an ended session does not load it anew. */
export async function ask(address, body, stays = false) {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  const answer = await fetch(address, {
    method: body ? "POST" : "GET",
    body,
    headers: { "X-Part": "1", "X-CSRFToken": token },
    credentials: "same-origin",
    signal: body ? undefined : AbortSignal.timeout(ANSWER_MS),
  });
  if (answer.status === 401 && !stays) location.reload();
  return answer;
}

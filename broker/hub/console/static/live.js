// Hears from the hub that something changed. The stream says only topic and key; pages fetch what they may see.

/**
 * @param {string[]} topics what to hear of
 * @param {{change: (topic: string, key: string) => void, all: () => void, state: (live: boolean) => void}} to
 */
export function listen(topics, to) {
  const address = `/live?topics=${encodeURIComponent(topics.join(","))}`;
  let wait = 1000;
  const open = () => {
    const source = new EventSource(address);
    let wasLost = false;
    source.addEventListener("hello", () => {
      wait = 1000;
      to.state(true);
      if (wasLost) to.all();
      wasLost = false;
    });
    source.addEventListener("change", (event) => {
      const news = JSON.parse(event.data);
      to.change(news.topic, news.key);
    });
    source.addEventListener("resync", () => { to.state(true); to.all(); });
    source.addEventListener("over", () => { source.close(); location.reload(); });
    source.addEventListener("error", () => {
      wasLost = true;
      to.state(false);
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(() => { open(); to.all(); }, wait);
      wait = Math.min(wait * 2, 30000);
    });
    window.addEventListener("pagehide", () => source.close(), { once: true });
  };
  open();
}

/** Fetch with the form token and the mark that only a part of a page is wanted. stays: there are words on this page
 * that must not be lost, so an ended session does not load it anew. */
export async function ask(address, body, stays = false) {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  const answer = await fetch(address, {
    method: body ? "POST" : "GET",
    body,
    headers: { "X-Part": "1", "X-CSRFToken": token },
    credentials: "same-origin",
  });
  if (answer.status === 401 && !stays) location.reload();
  return answer;
}

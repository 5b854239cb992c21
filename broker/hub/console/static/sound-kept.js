// Which kinds of alerts make a sound: the choice stays in this browser.

const KEPT = "duty-sound";

/** The kinds that were chosen, of those there are; null where nobody has chosen in this browser. */
export function kept(all) {
  const told = localStorage.getItem(KEPT);
  if (told === null) return null;
  try {
    const found = JSON.parse(told);
    return Array.isArray(found) ? found : [];
  } catch {
    return all; // "on", as it was kept before there was a choice
  }
}

export function keep(kinds) {
  localStorage.setItem(KEPT, JSON.stringify(kinds));
}

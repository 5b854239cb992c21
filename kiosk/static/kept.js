// Follows one feedback or one call on its page: still on this machine, or taken over by the commune.
const LOOK_MS = 3000;

/** Show the finished state as soon as the hub has it on its own disk. */
export function followUp(document) {
  const steps = document.querySelector("[data-follow]");
  if (!steps) return;
  const timer = setInterval(async () => {
    try {
      const answer = await fetch(steps.dataset.follow);
      if (!answer.ok) return;
      const text = await answer.text();
      if (steps.dataset.state === answer.headers.get("X-State")) return;
      steps.dataset.state = answer.headers.get("X-State");
      steps.innerHTML = text;
      if (steps.dataset.state === "there") clearInterval(timer);
    } catch {
      // The next look asks again.
    }
  }, LOOK_MS);
}

// Nghe: reads the visible page sentence by sentence, highlights what is said, and can stop, repeat and speak up.
const BLOCKS = "h1,h2,h3,p,li,dd,dt,b,small,label,time,legend,.words,.press";
const ALOUD = "aloud";
const STEPS = [0.7, 1, 1.6, 2.4];

/** Visible sentences of `root` in reading order: {text, range, language}. The spoken text is the visible text. */
export function sentencesOf(root) {
  const found = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  let run = [], block = null;
  const close = () => { if (run.length) found.push(...cut(run)); run = []; };
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.data.trim() || parent.closest("[hidden], textarea, .only-read, svg, .keys, [aria-hidden=true], .bring i")) continue;
    if (!parent.checkVisibility()) continue;
    const own = parent.closest(BLOCKS);
    if (own !== block) { close(); block = own; }
    run.push(node);
  }
  close();
  return found;
}

function cut(nodes) {
  const whole = nodes.map((node) => node.data).join("");
  const language = nodes[0].parentElement.closest("[lang]").lang;
  const split = new Intl.Segmenter(language, { granularity: "sentence" });
  const sentences = [];
  for (const { segment, index } of split.segment(whole)) {
    const text = segment.replace(/\s+/g, " ").trim();
    if (!/[\p{L}\p{N}]/u.test(text)) continue;
    const start = index + segment.length - segment.trimStart().length;
    sentences.push({ text, range: rangeOf(nodes, start, index + segment.trimEnd().length), language });
  }
  return sentences;
}

function rangeOf(nodes, start, end) {
  const range = new Range();
  let at = 0;
  for (const node of nodes) {
    const next = at + node.data.length;
    if (start >= at && start < next) range.setStart(node, start - at);
    if (end > at && end <= next) range.setEnd(node, end - at);
    at = next;
  }
  return range;
}

/** A code is read letter by letter, with a rest between the letters. */
function codeSentence(button) {
  return { text: button.dataset.words, range: null, language: document.documentElement.lang };
}

/** Wire the bar's Nghe and the strip; returns {stop, isReading, sayOne}. */
export function setUpReading(document) {
  const strip = document.querySelector(".player");
  const hear = document.querySelector(".bar .hear");
  const voice = new Voice();
  let queue = [], at = 0, turn = 0;

  const show = (sentence) => {
    CSS.highlights?.set("reading", new Highlight(...(sentence.range ? [sentence.range] : [])));
    sentence.range?.startContainer.parentElement.scrollIntoView({ block: "nearest" });
    strip.querySelector("[data-sentence]").textContent = sentence.text;
    const count = strip.querySelector("[data-count]");
    count.textContent = count.dataset.words.replace("{n}", at + 1).replace("{all}", queue.length);
  };
  const stop = () => {
    turn += 1;
    voice.stop();
    queue = [];
    if (!strip) return;
    CSS.highlights?.delete("reading");
    strip.hidden = true;
    hear.setAttribute("aria-pressed", "false");
  };
  const play = async (from) => {
    const mine = ++turn;
    voice.stop();
    strip.hidden = false;
    hear.setAttribute("aria-pressed", "true");
    for (at = from; at < queue.length; at += 1) {
      show(queue[at]);
      if (at + 1 < queue.length) voice.prepare(queue[at + 1]);
      const trouble = await voice.say(queue[at]);
      if (mine !== turn) return;
      if (trouble) { tell(trouble); return; }
    }
    stop();
  };
  const tell = (trouble) => {
    strip.querySelector("[data-sentence]").textContent = trouble;
    strip.querySelector("[data-count]").textContent = "";
    queue = [];
    hear.setAttribute("aria-pressed", "false");
  };
  const read = () => {
    const main = document.querySelector("main");
    queue = sentencesOf(main);
    // Where large letters leave room for the field alone, what it asks is said.
    if (!queue.length) queue = [{ text: main.querySelector("h1").textContent, range: null, language: document.documentElement.lang }];
    play(0);
  };
  const ask = document.querySelector("[data-aloud-ask]");
  const start = () => {
    if (!ask || sessionStorage.getItem(ALOUD)) { read(); return; }
    ask.hidden = !ask.hidden;
  };
  ask?.addEventListener("click", (event) => {
    const wish = event.target.closest("[data-aloud]")?.dataset.aloud;
    if (!wish) return;
    if (wish === "ear") {
      for (const part of ask.querySelectorAll("[data-aloud-where], [data-aloud-plug], [data-aloud]")) part.hidden = !part.hidden;
      return;
    }
    sessionStorage.setItem(ALOUD, wish); // holds until the wipe
    ask.hidden = true;
    read();
  });
  hear?.addEventListener("click", () => (hear.getAttribute("aria-pressed") === "true" ? stop() : start()));
  document.addEventListener("click", (event) => {
    const wish = event.target.closest("[data-hear]")?.dataset.hear;
    if (wish === "stop") stop();
    if (wish === "again") { if (queue.length) play(at); else start(); }
    if (wish === "louder") voice.louder();
    if (wish === "page") start();
    if (wish === "code") { queue = [codeSentence(event.target.closest("[data-words]"))]; play(0); }
  });
  return {
    stop,
    isReading: () => queue.length > 0,
    sayOne: (text) => { stop(); voice.say({ text, language: document.documentElement.lang }); },
  };
}

/** Sound of sentences, fetched one ahead, through one volume knob. */
class Voice {
  #sound = null; #knob = null; #source = null; #ahead = new Map(); #done = null;

  #open() {
    if (this.#sound) return;
    this.#sound = new AudioContext();
    this.#knob = this.#sound.createGain();
    this.#knob.gain.value = Number(sessionStorage.getItem("loudness") ?? 1);
    this.#knob.connect(this.#sound.destination);
  }

  prepare(sentence) {
    const key = sentence.language + "\n" + sentence.text;
    if (!this.#ahead.has(key)) this.#ahead.set(key, this.#fetch(sentence));
    return this.#ahead.get(key);
  }

  async #fetch({ text, language }) {
    try {
      const answer = await fetch("/nghe", { method: "POST", body: new URLSearchParams({ cau: text, tieng: language }) });
      if (!answer.ok) return { trouble: await answer.text() };
      if (answer.status === 204) return {};
      return { clip: await this.#sound.decodeAudioData(await answer.arrayBuffer()) };
    } catch (why) {
      return { trouble: String(why.message ?? why) };
    }
  }

  /** Say one sentence; resolves when it is over, with a sentence for the reader when it could not be said. */
  async say(sentence) {
    this.#open();
    await Promise.race([this.#sound.resume(), new Promise((go) => setTimeout(go, 500))]);
    const mine = (this.#done = {});
    const { clip, trouble } = await this.prepare(sentence);
    if (this.#done !== mine) return "";
    if (!clip) return trouble ?? "";
    const source = this.#sound.createBufferSource();
    source.buffer = clip;
    source.connect(this.#knob);
    this.#source = source;
    await new Promise((over) => {
      source.onended = over;
      mine.over = over;
      source.start();
      // A machine without a sound card never ends a clip: its length is the latest end.
      setTimeout(over, clip.duration * 1000 + 400);
    });
    return "";
  }

  stop() {
    this.#source?.stop();
    this.#source = null;
    this.#done?.over?.();
    this.#done = null;
  }

  louder() {
    this.#open();
    const next = STEPS.find((step) => step > this.#knob.gain.value + 0.01) ?? STEPS[0];
    this.#knob.gain.value = next;
    sessionStorage.setItem("loudness", String(next));
  }
}

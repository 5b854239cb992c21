// Recording a voice in the browser: it ends as a file in the form's own field, like one that was chosen.
// <div data-recorder> with [data-record], [data-drop], [data-hear], [data-level], [data-clock], [data-said] and a file.

const LONGEST_S = 595; // a little less than the hub takes, or its end would be refused
const LARGEST_BYTES = 40 * 1024 * 1024; // as the hub's own limit: said before the sending, not after it
const KINDS = [["audio/webm;codecs=opus", "webm"], ["audio/mp4", "mp4"], ["audio/ogg;codecs=opus", "ogg"]];
const QUIET_DB = -45;

class Refused extends Error {}

async function microphone() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Refused("Trình duyệt này không ghi âm được ở địa chỉ này. Anh/chị ghi bằng điện thoại rồi chọn tệp.");
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: false } });
  } catch (why) {
    if (why.name === "NotAllowedError") throw new Refused("Trình duyệt chưa được phép dùng micrô. Anh/chị cho phép rồi bấm lại.");
    throw new Refused("Không thấy micrô nào. Anh/chị cắm micrô rồi bấm lại, hoặc chọn tệp ghi sẵn.");
  }
}

/** Calls `shown(level 0…1, peak in dBFS)` about twenty times a second until it is stopped. */
function meter(stream, shown) {
  const context = new AudioContext();
  const look = new AnalyserNode(context, { fftSize: 2048 });
  context.createMediaStreamSource(stream).connect(look);
  const samples = new Float32Array(look.fftSize);
  const timer = setInterval(() => {
    look.getFloatTimeDomainData(samples);
    const peak = samples.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
    const db = 20 * Math.log10(Math.max(peak, 1e-4));
    shown(Math.max(0, 1 + db / 60), db);
  }, 50);
  return () => { clearInterval(timer); context.close(); };
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function arm(box) {
  const find = (name) => box.querySelector(`[data-${name}]`);
  const file = box.querySelector('input[type="file"]');
  const record = find("record");
  const isAuto = Boolean(box.closest("[data-auto]")); // what was recorded goes on at once: it is heard where it goes
  const state = { recorder: null, playing: null, stop: () => undefined };

  const say = (sentence) => { find("said").textContent = sentence; };

  function dress() {
    const runs = Boolean(state.recorder);
    record.querySelector("span").textContent = runs ? "Xong" : file.files.length && !isAuto ? "Ghi lại" : "Ghi âm";
    record.classList.toggle("red", runs);
    find("drop").hidden = !runs;
    find("gauge").hidden = !runs;
    find("hear").hidden = runs || !file.files.length || isAuto;
    file.disabled = runs;
  }

  async function begin() {
    hush();
    record.disabled = true;
    let stream;
    try {
      stream = await microphone();
    } catch (why) {
      say(why.message);
      return;
    } finally {
      record.disabled = false;
    }
    const [type, ending] = KINDS.find(([kind]) => MediaRecorder.isTypeSupported(kind)) ?? ["", "webm"];
    const recorder = new MediaRecorder(stream, { mimeType: type, audioBitsPerSecond: 48000 });
    const parts = [];
    const since = performance.now();
    let loudest = -100;
    const rest = meter(stream, (level, db) => {
      const seconds = (performance.now() - since) / 1000;
      loudest = Math.max(loudest * 0.995 - 0.25, db);
      find("level").value = level;
      find("clock").textContent = clock(seconds);
      if (seconds > 2) say(loudest < QUIET_DB ? "Chưa nghe thấy tiếng. Anh/chị nói gần micrô hơn." : db > -0.2 ? "Tiếng to quá, dễ bị rè. Anh/chị lùi xa micrô một chút." : "");
      if (seconds > LONGEST_S) state.stop(true);
    });
    recorder.addEventListener("dataavailable", (event) => event.data.size && parts.push(event.data));
    state.stop = (keep) => {
      state.stop = () => undefined;
      rest();
      recorder.addEventListener("stop", () => {
        for (const track of stream.getTracks()) track.stop();
        state.recorder = null;
        if (keep) put(new File(parts, `ghi-am.${ending}`, { type: type.split(";")[0] }));
        dress();
      });
      recorder.stop();
    };
    recorder.addEventListener("error", () => { say("Máy ngừng ghi giữa chừng. Anh/chị ghi lại."); state.stop(false); });
    recorder.start();
    state.recorder = recorder;
    say("Đang ghi…");
    dress();
  }

  function put(made) {
    const held = new DataTransfer();
    held.items.add(made);
    file.disabled = false; // a disabled field would not be sent
    file.files = held.files;
    say("");
    file.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function hush() {
    state.playing?.close();
    state.playing = null;
    find("hear").querySelector("span").textContent = "Nghe lại";
  }

  async function hear() {
    if (state.playing) { hush(); return; }
    const context = new AudioContext();
    state.playing = context;
    find("hear").querySelector("span").textContent = "Dừng nghe";
    try {
      const sound = new AudioBufferSourceNode(context, { buffer: await context.decodeAudioData(await file.files[0].arrayBuffer()) });
      sound.connect(context.destination);
      sound.addEventListener("ended", () => state.playing === context && hush());
      sound.start();
    } catch {
      hush();
      say("Trình duyệt không phát được tệp này; gửi lên rồi máy sẽ kiểm tra.");
    }
  }

  find("mic").hidden = false;
  record.addEventListener("click", () => (state.recorder ? state.stop(true) : begin()));
  find("drop").addEventListener("click", () => { state.stop(false); say("Đã bỏ đoạn vừa ghi."); });
  find("hear").addEventListener("click", hear);
  box.addEventListener("change", (event) => {
    if (event.target !== file || !file.files.length || file.files[0].size <= LARGEST_BYTES) return;
    event.stopPropagation();
    file.value = "";
    say("Tệp lớn quá 40 MB. Anh/chị ghi ngắn hơn, hoặc lưu thành MP3 rồi chọn lại.");
    dress();
  }, true);
  file.addEventListener("change", () => { hush(); dress(); });
  window.addEventListener("pagehide", () => state.stop(false));
  window.addEventListener("beforeunload", (event) => state.recorder && event.preventDefault());
  dress();
}

for (const box of document.querySelectorAll("[data-recorder]")) arm(box);

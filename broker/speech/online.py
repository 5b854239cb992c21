"""The opt-in online engine: Google Translate's voice by way of gTTS. The text leaves the commune.

gTTS builds the requests; we send them ourselves, because it sends them without checking TLS, without a timeout,
and leaves empty files behind (research of November 2026, gTTS 2.5.4). The endpoint is undocumented: off by default.
"""

from __future__ import annotations

import base64
import binascii
import queue
import re
import threading
import time
from dataclasses import dataclass, field

import numpy as np
import requests
import urllib3

from broker.speech.breaker import Breaker
from broker.speech.chunks import chunks
from broker.speech.engine import EngineError
from broker.speech.guard import plain, plausible
from broker.speech.sound import Pcm, SoundError, decode
from broker.speech.tempo import at_tempo

URL = "https://translate.google.com/_/TranslateWebserverUi/data/batchexecute"
LONGEST_REQUEST = 100
"""Code points the endpoint takes at once."""

NORTH = "vi"
"""The one voice it has."""

_ANSWER_LIMIT = 4 * 1024 * 1024
_BUDGET_S = 25.0
_REQUEST_S = 10.0
_TIMEOUT_S = (3.0, 8.0)
_PACE_S = 1.0
_REFUSALS = frozenset({301, 302, 303, 307, 308, 403, 429})


class _RefusedError(EngineError):
    """The server does not want to be asked."""


@dataclass
class OnlineEngine:
    """gTTS with TLS verified, timeouts, one request a second at most, and a circuit breaker."""

    url: str = URL
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""
    pace_s: float = _PACE_S
    budget_s: float = _BUDGET_S
    """For a whole sentence, its waiting for its turn included."""
    request_s: float = _REQUEST_S
    """For one request from the look-up of the name to the last byte."""
    breaker: Breaker = field(default_factory=Breaker)
    id: str = "gtts"
    online: bool = True
    _next_s: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def version(self) -> str:
        """Version of the gTTS package; the voice itself is Google's and has none."""
        from gtts.version import __version__

        return str(__version__)

    def synthesise(self, text: str, voice: str, rate: float = 1.0, pitch: float = 1.0) -> Pcm:
        """See Engine; one Northern voice, no pitch, the rate made here. Raises EngineError."""
        del pitch  # the endpoint has none
        if voice != NORTH:
            raise EngineError(f"gtts speaks with a Northern voice only ({NORTH}), not {voice!r}")
        resting_s = self.breaker.rest_s()
        if resting_s > 0:
            raise EngineError(f"gtts failed before and is left alone for {resting_s / 60:.0f} minutes more")
        until_s = time.monotonic() + self.budget_s
        parts = [self._part(part, until_s) for part in chunks(plain(text), LONGEST_REQUEST)]
        if not parts:
            raise EngineError("gtts was given nothing to say")
        self.breaker.note_success()
        rates = {part.rate_hz for part in parts}
        if len(rates) > 1:
            raise EngineError("gtts answered with different sample rates")
        return at_tempo(Pcm(np.concatenate([part.samples for part in parts]), rates.pop()), rate)

    def _part(self, text: str, until_s: float) -> Pcm:
        self._await_turn(until_s)
        try:
            pcm = decode(_sound_in(self._asked(text, until_s)), longest_s=120)
            return plausible(pcm, text, self.id)
        except (requests.RequestException, urllib3.exceptions.HTTPError, SoundError, OSError) as why:
            self.breaker.note_failure()
            raise EngineError(f"gtts failed: {why}") from why
        except EngineError as why:
            self.breaker.note_failure(is_refusal=isinstance(why, _RefusedError))
            raise

    def _await_turn(self, until_s: float) -> None:
        """Keep the pace of one request a second, over all threads."""
        with self._lock:
            now_s = time.monotonic()
            turn_s = max(self._next_s, now_s)
            if turn_s >= until_s:
                raise EngineError("gtts has too many sentences waiting")
            self._next_s = turn_s + self.pace_s
        if turn_s > now_s:
            threading.Event().wait(turn_s - now_s)

    def _asked(self, text: str, until_s: float) -> bytes:
        """One answer, by a thread that is left behind when it takes too long.

        The timeouts of requests are for each read and for none of the look-up of the name: a server that sends a
        byte of its headers now and then would hold us for hours.
        """
        until_s = min(until_s, time.monotonic() + self.request_s)
        came: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                came.put(self._ask(text, until_s))
            except Exception as why:  # noqa: BLE001  (whatever it was is raised where it is awaited)
                came.put(why)

        threading.Thread(target=ask, name="gtts", daemon=True).start()
        try:
            answer = came.get(timeout=max(until_s - time.monotonic(), 0.0))
        except queue.Empty:
            raise EngineError(f"gtts took longer than {self.request_s:g} s") from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _ask(self, text: str, until_s: float) -> bytes:
        with requests.Session() as session:
            answer = session.post(
                self.url,
                data=_body(text),
                headers=_headers(),
                timeout=_TIMEOUT_S,
                verify=self.ca_file or True,
                allow_redirects=False,  # a redirect is Google's way to refuse
                stream=True,
            )
            with answer:
                if answer.status_code != 200:
                    said = f"gtts was answered with status {answer.status_code}"
                    is_refusal = answer.status_code in _REFUSALS
                    raise _RefusedError(said) if is_refusal else EngineError(said)
                return _read(answer, until_s)


def _read(answer: requests.Response, until_s: float) -> bytes:
    """The whole answer, which must be as long as it says and come within the budget."""
    out = bytearray()
    while True:
        piece: bytes = answer.raw.read1(65536)
        if not piece:
            break
        out += piece
        if len(out) > _ANSWER_LIMIT:
            raise EngineError("gtts answered with more than 4 MB")
        if time.monotonic() > until_s:
            raise EngineError("gtts answered too slowly")
    length = answer.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) != len(out):
        raise EngineError(f"gtts was cut off after {len(out)} of {length} bytes")
    return bytes(out)


def _body(text: str) -> str:
    from gtts import gTTS

    # Its own tokenising and pre-processing stay off: they cut at every comma and glue words at line ends.
    made = gTTS(text, lang="vi", lang_check=False, pre_processor_funcs=[])
    bodies = made.get_bodies()
    if len(bodies) != 1:
        raise EngineError(f"gtts made {len(bodies)} requests of one")
    return str(bodies[0])


def _headers() -> dict[str, str]:
    from gtts import gTTS

    return {**gTTS.GOOGLE_TTS_HEADERS, "Accept-Encoding": "identity"}


def _sound_in(answer: bytes) -> bytes:
    """The MP3 inside an answer. Raises EngineError where there is none."""
    found = re.search(rb'jQ1olc","\[\\"([A-Za-z0-9+/=]{16,})\\"', answer)
    if found is None:
        raise EngineError("gtts answered without any sound")
    try:
        return base64.b64decode(found[1], validate=True)
    except binascii.Error as why:
        raise EngineError(f"gtts answered with broken sound: {why}") from why

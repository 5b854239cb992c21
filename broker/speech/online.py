"""The opt-in online engine: Google Translate's voice by way of gTTS. The text leaves the commune.

gTTS builds the requests; we send them ourselves, because it sends them without checking TLS, without a timeout,
and leaves empty files behind (research of November 2026, gTTS 2.5.4). The endpoint is undocumented: off by default.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import requests
import urllib3

from broker.speech.engine import VOICES, EngineError
from broker.speech.sound import Pcm, SoundError, decode

URL = "https://translate.google.com/_/TranslateWebserverUi/data/batchexecute"
LONGEST_REQUEST = 100
"""Code points the endpoint takes at once."""

_ANSWER_LIMIT = 4 * 1024 * 1024
_BUDGET_S = 25.0
_TIMEOUT_S = (3.0, 8.0)
_PACE_S = 1.0
_SHORTEST_MS_PER_LETTER, _LONGEST_MS_PER_LETTER = 25, 400
_FIRST_REST_S, _LONGEST_REST_S = 15 * 60.0, 24 * 3600.0
_REFUSALS = frozenset({301, 302, 303, 307, 308, 403, 429})


class _RefusedError(EngineError):
    """The server does not want to be asked."""


@dataclass
class Breaker:
    """Stops asking an engine that fails: 15 minutes after a refusal or three failures, then twice as long."""

    monotonic: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _failures: int = 0
    _rest_s: float = _FIRST_REST_S
    _until_s: float = float("-inf")

    def rest_s(self) -> float:
        """Seconds until it may be asked again; 0 when it may now."""
        with self._lock:
            return max(self._until_s - self.monotonic(), 0.0)

    def note_failure(self, *, is_refusal: bool = False) -> None:
        """Count a failure; a refusal (429 and its like) opens at once."""
        with self._lock:
            self._failures += 1
            if is_refusal or self._failures >= 3:
                self._until_s = self.monotonic() + self._rest_s
                self._rest_s = min(self._rest_s * 2, _LONGEST_REST_S)
                self._failures = 0

    def note_success(self) -> None:
        """Forget what failed before."""
        with self._lock:
            self._failures, self._rest_s = 0, _FIRST_REST_S


@dataclass
class OnlineEngine:
    """gTTS with TLS verified, timeouts, one request a second at most, and a circuit breaker."""

    url: str = URL
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""
    pace_s: float = _PACE_S
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
        """See Engine; one Northern voice, and slow below rate 0.8. Raises EngineError."""
        del pitch  # the endpoint has none
        if voice not in VOICES:
            raise EngineError(f"gtts speaks Vietnamese only, not {voice!r}")
        resting_s = self.breaker.rest_s()
        if resting_s > 0:
            raise EngineError(f"gtts failed before and is left alone for {resting_s / 60:.0f} minutes more")
        until_s = time.monotonic() + _BUDGET_S
        parts = [self._part(part, until_s, is_slow=rate < 0.8) for part in chunks(text)]
        if not parts:
            raise EngineError("gtts was given nothing to say")
        self.breaker.note_success()
        rates = {part.rate_hz for part in parts}
        if len(rates) > 1:
            raise EngineError("gtts answered with different sample rates")
        return Pcm(np.concatenate([part.samples for part in parts]), rates.pop())

    def _part(self, text: str, until_s: float, *, is_slow: bool) -> Pcm:
        self._await_turn(until_s)
        try:
            answer = self._ask(text, until_s, is_slow=is_slow)
            pcm = decode(_sound_in(answer), longest_s=120)
        except (requests.RequestException, urllib3.exceptions.HTTPError, SoundError, OSError) as why:
            self.breaker.note_failure()
            raise EngineError(f"gtts failed: {why}") from why
        except EngineError as why:
            self.breaker.note_failure(is_refusal=isinstance(why, _RefusedError))
            raise
        letters = sum(char.isalpha() for char in text)
        if (
            not letters * _SHORTEST_MS_PER_LETTER
            <= pcm.duration_ms
            <= letters * _LONGEST_MS_PER_LETTER + 2000
        ):
            self.breaker.note_failure()
            raise EngineError(f"gtts made {pcm.duration_ms} ms of sound for {letters} letters")
        return pcm

    def _await_turn(self, until_s: float) -> None:
        """Keep the pace of one request a second, over all threads."""
        with self._lock:
            now_s = time.monotonic()
            turn_s = max(self._next_s, now_s)
            self._next_s = turn_s + self.pace_s
        if turn_s >= until_s:
            raise EngineError("gtts has too many sentences waiting")
        if turn_s > now_s:
            threading.Event().wait(turn_s - now_s)

    def _ask(self, text: str, until_s: float, *, is_slow: bool) -> bytes:
        with requests.Session() as session:
            answer = session.post(
                self.url,
                data=_body(text, is_slow=is_slow),
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
            raise EngineError(f"gtts took longer than {_BUDGET_S:g} s")
    length = answer.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) != len(out):
        raise EngineError(f"gtts was cut off after {len(out)} of {length} bytes")
    return bytes(out)


def _body(text: str, *, is_slow: bool) -> str:
    from gtts import gTTS

    # Its own tokenising and pre-processing stay off: they cut at every comma and glue words at line ends.
    made = gTTS(text, lang="vi", slow=is_slow, lang_check=False, pre_processor_funcs=[])
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


def chunks(text: str, longest: int = LONGEST_REQUEST) -> list[str]:
    """A text in pieces for one request each: cut after a clause where that costs no request more, else at a space."""
    words = [word[at : at + longest] for word in text.split() for at in range(0, len(word), longest)]
    out: list[str] = []
    line = ""
    for word in words:
        if line and len(line) + 1 + len(word) > longest:
            head, tail = _at_clause(line, longest)
            out.append(head)
            line = f"{tail} {word}".strip()
        else:
            line = f"{line} {word}".strip()
    out += [line] if line else []
    return [piece for piece in out if any(char.isalnum() for char in piece)]


def _at_clause(line: str, longest: int) -> tuple[str, str]:
    """Split a full line at its last comma when little is left over, so that the voice does not break a clause."""
    cut = max(line.rfind(mark) for mark in (", ", "; ", ": ", ". "))
    return (line[: cut + 1], line[cut + 2 :]) if cut > longest * 0.8 else (line, "")

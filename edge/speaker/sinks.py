"""Where samples go: the sound card through ALSA, or a WAV file where there is no card.

Both take mono 16-bit samples. From `open` on a sink runs and sounds silence; its frames are numbered from then on, and
`clock` says when which frame sounds, so that a play begins on the frame that sounds at the wanted moment.
"""

from __future__ import annotations

import re
import time
import wave
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal, Protocol

from broker.link.clock import LOCAL
from edge.speaker.alsa import is_there
from edge.speaker.card import CardSink
from edge.speaker.tape import Samples, SinkError, Tape

__all__ = ["CardSink", "FileSink", "Samples", "Sink", "SinkError", "choose_sink", "find_card"]

CARDS: Final = Path("/proc/asound/cards")
KEPT_FILES: Final = 20
KEPT_BYTES: Final = 200 * 1024 * 1024

_SILENT: Final = ".silent"
"""Ends the name of a file whose play has not begun."""
_CARD: Final = re.compile(r"^\s*\d+ \[(\S+)\s*\]", re.MULTILINE)


class Sink(Protocol):
    """One place for the samples of one play at a time."""

    @property
    def kind(self) -> Literal["card", "file"]:
        """Whether a loudspeaker is behind it."""
        ...

    @property
    def name(self) -> str:
        """As the console shows it."""
        ...

    @property
    def underruns(self) -> int:
        """How often it ran out of samples since it was opened."""
        ...

    def open(self, rate_hz: int, label: str) -> None:
        """Run, and sound silence until something is written. Raises SinkError."""
        ...

    def write(self, samples: Samples, at: int | None = None) -> int:
        """Queue samples behind those before, not before frame `at`; never waits for the device.

        Returns the frame where the first of them stands. Raises SinkError when the device is gone or has been
        stuck for two seconds.
        """
        ...

    def clock(self) -> tuple[int, float]:
        """A frame, counted from `open`, and the monotonic second at which it sounds: the newest known pair.

        Raises SinkError when the device is gone or has been stuck for two seconds.
        """
        ...

    def finish(self) -> None:
        """Return when every sample was consumed, and give the device back. Raises SinkError."""
        ...

    def drop(self, fade_s: float = 0.0) -> None:
        """Fall silent, after what is queued has died away over `fade_s`, and give the device back. Never raises."""
        ...


class FileSink:
    """A WAV file for every play, the newest kept: what a machine without a sound card does.

    Frame n sounds at the second of `open` plus n / rate. The file begins with the first sample written, and holds no
    more than had sounded when it was dropped. A file never runs out of samples.
    """

    kind: Literal["card", "file"] = "file"
    name = "file"
    underruns = 0

    def __init__(
        self,
        folder: Path,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        ppm: float = 0.0,
    ) -> None:
        """folder: where files go, made when missing. ppm: how much faster than its rate it runs, as cheap cards do."""
        self._folder = folder
        self._now = now
        self._monotonic = monotonic
        self._faster = 1 + ppm / 1e6
        self._file: wave.Wave_write | None = None
        self._path = folder
        self._label = ""
        self._tape = Tape()
        self._opened_s = monotonic()
        self._rate_hz = 1
        self.begun: int | None = None
        """The frame that is the first of the file; None as long as nothing was written."""

    def open(self, rate_hz: int, label: str) -> None:
        """Begin a file named by local time and `label`. Raises SinkError."""
        self.drop()
        self._label = re.sub(r"[^A-Za-z0-9._-]", "_", label)[:80]
        self._path = self._folder / f"{self._label}{_SILENT}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._make_room()
            file = wave.open(str(self._path), "wb")  # noqa: SIM115  (open for as long as the sound lasts)
        except OSError as why:
            raise SinkError(f"{self._path}: {why.strerror}") from why
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        self._file, self._rate_hz = file, rate_hz
        self._tape, self.begun = Tape(), None
        self._opened_s = self._monotonic()

    def write(self, samples: Samples, at: int | None = None) -> int:
        """Queue samples; those that have sounded go into the file. Raises SinkError when the disk is full."""
        if self._file is None:
            raise SinkError("no file is open")
        if self.begun is not None:
            self._save(self._frame())
            return self._tape.put(samples, at)
        start = max(at or 0, self._frame())
        self._tape.take(start)
        self.begun = self._tape.put(samples, start)
        self._name_by_start(start)
        return start

    def clock(self) -> tuple[int, float]:
        """The frame that sounds now, by the machine's own clock."""
        frame = self._frame()
        return frame, self._opened_s + frame / (self._rate_hz * self._faster)

    def finish(self) -> None:
        """Close the file with everything in it."""
        try:
            self._save(self._tape.end)
        finally:
            self._close()

    def drop(self, fade_s: float = 0.0) -> None:
        """Close the file with what has sounded so far."""
        if self._file is not None and self.begun is not None:
            with suppress(SinkError):
                self._save(self._frame())
                self._save(self._tape.fade(round(fade_s * self._rate_hz)) if fade_s else 0)
        self._close()

    def _frame(self) -> int:
        return int((self._monotonic() - self._opened_s) * self._rate_hz * self._faster)

    def _save(self, until: int) -> None:
        count = min(until, self._tape.end) - self._tape.taken
        if self._file is None or count <= 0:
            return
        try:
            self._file.writeframes(self._tape.take(count).astype("<i2").tobytes())
        except OSError as why:
            raise SinkError(f"the file takes no samples: {why.strerror}") from why

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        with suppress(OSError):
            file.close()
            if self.begun is None:
                self._path.unlink(missing_ok=True)

    def _path_at(self, moment: datetime) -> Path:
        return self._folder / f"{moment.astimezone(LOCAL):%Y%m%d-%H%M%S}-{self._label}.wav"

    def _name_by_start(self, start: int) -> None:
        """The device is open some seconds before it sounds; people look for a file by when it sounded, and until it
        sounds there is none to find."""
        path = self._path_at(self._now() + timedelta(seconds=(start - self._frame()) / self._rate_hz))
        with suppress(OSError):
            self._path = self._path.rename(path)

    def _make_room(self) -> None:
        for left in self._folder.glob(f"*{_SILENT}"):  # of a process that ended before it sounded
            left.unlink(missing_ok=True)
        files = sorted(self._folder.glob("*.wav"), key=lambda path: path.stat().st_mtime, reverse=True)
        total = 0
        for count, path in enumerate(files):
            total += path.stat().st_size
            if count >= KEPT_FILES - 1 or total > KEPT_BYTES:
                path.unlink(missing_ok=True)


def find_card(card: str = "default", cards: Path = CARDS) -> str:
    """Name of the sound card that `card` means; empty where there is none.

    The kernel's first card answers to `default`; any other device has to open.
    """
    found = None
    with suppress(OSError):
        found = _CARD.search(cards.read_text(encoding="utf-8", errors="replace"))
    if card == "default":
        return found[1] if found else ""
    return card if is_there(card) else ""


def choose_sink(
    sound: Literal["auto", "card", "file"],
    card: str,
    played: Path,
    now: Callable[[], datetime],
    *,
    monotonic: Callable[[], float] = time.monotonic,
    is_card_expected: bool = False,
) -> Sink:
    """The sink that the settings and this machine call for; looked for anew before each play.

    is_card_expected: there was a card before, so that with `auto` its absence is a fault and no file stands in for
    it. Raises SinkError when there should be a card and there is none.
    """
    found = find_card(card) if sound != "file" else ""
    if found:
        return CardSink(card, found, monotonic)
    if sound == "card" or (is_card_expected and sound == "auto"):
        raise SinkError("no sound card found")
    return FileSink(played, now, monotonic)

"""Where samples go: the sound card through `aplay`, or a WAV file where there is no card.

Both take mono 16-bit samples as fast as the player paces them and fall silent at once on `drop`.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import wave
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from broker.link.clock import LOCAL

Samples = NDArray[np.int16]

CARDS: Final = Path("/proc/asound/cards")
KEPT_FILES: Final = 20
KEPT_BYTES: Final = 200 * 1024 * 1024

_STUCK_S: Final = 2.0
_CARD: Final = re.compile(r"^\s*\d+ \[(\S+)\s*\]", re.MULTILINE)


class SinkError(Exception):
    """The sound device does not take samples; the text says why."""


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

    def open(self, rate_hz: int, label: str) -> None:
        """Get ready for one play. Raises SinkError."""
        ...

    def write(self, samples: Samples) -> None:
        """Take samples. Raises SinkError when they are not taken within two seconds."""
        ...

    def finish(self) -> None:
        """Return when every sample was consumed. Raises SinkError."""
        ...

    def drop(self) -> None:
        """Fall silent now and give the device back. Never raises."""
        ...


class CardSink:
    """ALSA through `aplay`, raw samples on its stdin. Killing it closes the device, which is silence."""

    kind: Literal["card", "file"] = "card"

    def __init__(self, card: str, name: str, program: str = "aplay") -> None:
        """card: ALSA device as in `aplay -D`; name: what the kernel calls the card."""
        self.name = name
        self._card = card
        self._program = program
        self._aplay: subprocess.Popen[bytes] | None = None

    def open(self, rate_hz: int, label: str) -> None:
        """Start aplay. Raises SinkError."""
        del label
        self.drop()
        command = [self._program, "-q", "-D", self._card, "-t", "raw", "-f", "S16_LE", "-c", "1"]
        command += ["-r", str(rate_hz), "--buffer-time=200000", "-"]
        try:
            self._aplay = subprocess.Popen(
                command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, start_new_session=True
            )
        except OSError as why:
            raise SinkError(f"{self._program} cannot run: {why.strerror}") from why
        if self._aplay.stdin is not None:
            os.set_blocking(self._aplay.stdin.fileno(), False)

    def write(self, samples: Samples) -> None:
        """Hand samples to aplay. Raises SinkError when it has ended or is stuck."""
        if self._aplay is None or self._aplay.stdin is None:
            raise SinkError("the card is not open")
        pipe = self._aplay.stdin.fileno()
        left = memoryview(samples.astype("<i2").tobytes())
        while left:
            _, ready, _ = select.select([], [pipe], [], _STUCK_S)
            if not ready:
                raise SinkError("the card takes no samples")
            try:
                left = left[os.write(pipe, left) :]
            except BlockingIOError:
                continue
            except OSError as why:
                raise SinkError(self._last_words()) from why

    def finish(self) -> None:
        """Close the pipe and wait until aplay has played what it holds. Raises SinkError."""
        if self._aplay is None or self._aplay.stdin is None:
            raise SinkError("the card is not open")
        self._aplay.stdin.close()
        try:
            status = self._aplay.wait(_STUCK_S)
        except subprocess.TimeoutExpired:
            self.drop()
            raise SinkError("the card did not finish") from None
        if status != 0:
            raise SinkError(self._last_words())
        self.drop()

    def drop(self) -> None:
        """Kill aplay: silence at once."""
        aplay, self._aplay = self._aplay, None
        if aplay is None:
            return
        aplay.kill()
        for pipe in (aplay.stdin, aplay.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        with suppress(subprocess.TimeoutExpired):
            aplay.wait(1.0)

    def _last_words(self) -> str:
        if self._aplay is None or self._aplay.stderr is None:
            return "the card is gone"
        with suppress(subprocess.TimeoutExpired):
            self._aplay.wait(0.5)
        os.set_blocking(self._aplay.stderr.fileno(), False)
        said = (self._aplay.stderr.read() or b"").decode(errors="replace").strip()
        return said.splitlines()[-1] if said else f"{self._program} ended with {self._aplay.returncode}"


class FileSink:
    """A WAV file for every play, the newest kept: what a machine without a sound card does."""

    kind: Literal["card", "file"] = "file"
    name = "file"

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        """folder: where files go, made when missing."""
        self._folder = folder
        self._now = now
        self._file: wave.Wave_write | None = None

    def open(self, rate_hz: int, label: str) -> None:
        """Begin a file named by local time and `label`. Raises SinkError."""
        self.drop()
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", label)[:80]
        path = self._folder / f"{self._now().astimezone(LOCAL):%Y%m%d-%H%M%S}-{safe}.wav"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._make_room()
            file = wave.open(str(path), "wb")  # noqa: SIM115  (open for as long as the sound lasts)
        except OSError as why:
            raise SinkError(f"{path}: {why.strerror}") from why
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        self._file = file

    def write(self, samples: Samples) -> None:
        """Append. Raises SinkError when the disk is full."""
        if self._file is None:
            raise SinkError("no file is open")
        try:
            self._file.writeframes(samples.astype("<i2").tobytes())
        except OSError as why:
            raise SinkError(f"the file takes no samples: {why.strerror}") from why

    def finish(self) -> None:
        """Close the file."""
        self.drop()

    def drop(self) -> None:
        """Close the file with what was written so far."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()

    def _make_room(self) -> None:
        files = sorted(self._folder.glob("*.wav"), key=lambda path: path.stat().st_mtime, reverse=True)
        total = 0
        for count, path in enumerate(files):
            total += path.stat().st_size
            if count >= KEPT_FILES - 1 or total > KEPT_BYTES:
                path.unlink(missing_ok=True)


def find_card(cards: Path = CARDS, program: str = "aplay") -> str:
    """Name of the first sound card; empty where there is none or nothing to play with."""
    if shutil.which(program) is None:
        return ""
    try:
        found = _CARD.search(cards.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""
    return found[1] if found else ""


def choose_sink(
    sound: Literal["auto", "card", "file"], card: str, played: Path, now: Callable[[], datetime]
) -> Sink:
    """The sink that the settings and this machine call for; looked for anew before each play.

    Raises SinkError when the settings insist on a card and there is none.
    """
    found = find_card() if sound != "file" else ""
    if found:
        return CardSink(card, found)
    if sound == "card":
        raise SinkError("no sound card found")
    return FileSink(played, now)

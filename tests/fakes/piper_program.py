"""A program that takes the options of piper and behaves well or badly; run by its own path as the real one is."""

from __future__ import annotations

import argparse
import itertools
import math
import shlex
import struct
import sys
import time
import wave
from pathlib import Path

RATE_HZ = 22_050


def make(folder: Path, way: str = "well") -> Path:
    """A program in `folder` that goes one of the ways of main(); what it was told is in heard() of it."""
    program = folder / f"piper-{way}"
    command = shlex.join([sys.executable, __file__, way, str(folder / f"{way}.heard")])
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    program.chmod(0o755)
    return program


def heard(program: Path) -> list[str]:
    """Every line that processes of this program were given; one that begins with "start" is a new process."""
    note = program.with_name(f"{program.name.removeprefix('piper-')}.heard")
    return note.read_text(encoding="utf-8").splitlines() if note.exists() else []


def _speech(line: str, peak: int, ms_per_letter: float) -> bytes:
    count = int(RATE_HZ * ms_per_letter * len(line) / 1000)
    return b"".join(
        struct.pack("<h", int(peak * math.sin(2 * math.pi * 200 * n / RATE_HZ))) for n in range(count)
    )


def _write(path: Path, samples: bytes, rate_hz: int = RATE_HZ) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples)


def _answer(way: str, path: Path, line: str) -> None:
    if way == "silent":
        _write(path, _speech(line, 0, 60))
    elif way == "short":
        _write(path, _speech(line, 9000, 2))
    elif way == "endless":
        _write(path, _speech(line, 9000, 900))
    elif way == "other-rate":
        _write(path, _speech(line, 9000, 60), 16_000)
    elif way == "huge":
        with path.open("wb") as file:
            file.truncate(17 * 1024**2)
    elif way == "broken":
        path.write_bytes(b"this is no sound")
    else:
        _write(path, _speech(line, 9000, 60))


def main(argv: list[str]) -> int:
    """Ways: well, old (names its files on stdout, as the C++ program does), silent, short, endless, other-rate,
    broken, mute, dies, dies-later, hungry, talks (without a line's end, then many lines), huge (a file), mute-later."""
    way, note = argv[0], Path(argv[1])
    options = argparse.ArgumentParser()
    for name in ("--model", "--config", "--output_dir"):
        options.add_argument(name, required=True)
    folder = Path(options.parse_args(argv[2:]).output_dir)
    with note.open("a", encoding="utf-8") as file:
        file.write(f"start {' '.join(argv[2:])}\n")
    if way == "dies":
        sys.stderr.write("the voice is of no use\n")
        return 3
    if way == "hungry":
        bytearray(6 * 1024**3)
    for number in itertools.count():
        line = sys.stdin.readline()
        if not line:
            return 0
        with note.open("a", encoding="utf-8") as file:
            file.write(line)
        if way == "mute" or (way == "mute-later" and number):
            continue
        if way == "talks":
            sys.stderr.write("x" * 3_000_000 + ".wav\n" + "still here\n" * 100_000)
        if way == "dies-later" and number:
            return 9
        path = folder / f"{time.monotonic_ns()}.wav"
        _answer(way, path, line.strip())
        out = sys.stdout if way == "old" else sys.stderr
        out.write(f"{path}\n" if way == "old" else f"INFO:__main__:Wrote {path}\n")
        out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

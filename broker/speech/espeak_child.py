"""Child process: speaks stdin with the espeak-ng library of the wheel espeakng-loader, WAV on stdout.

Takes the options of the espeak-ng program that we use, so that either can stand in for the other.
"""

from __future__ import annotations

import argparse
import array
import ctypes
import io
import os
import sys
import wave
from pathlib import Path

# From espeak-ng's speak_lib.h.
_SYNCHRONOUS = 2
_NO_EXIT_ON_ERROR = 0x8000
_RATE = 1
_PITCH = 3
_UTF8 = 1
_END_PAUSE = 0x1000

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class _ChildError(Exception):
    """What the parent shows to the operator."""


def _open() -> tuple[ctypes.CDLL, int]:
    import espeakng_loader

    lib = ctypes.CDLL(espeakng_loader.get_library_path())
    lib.espeak_Info.restype = ctypes.c_char_p
    # The library keeps its path in 160 bytes and breaks on a longer one: give it the shortest there is.
    os.chdir(Path(espeakng_loader.get_data_path()).parent)
    rate_hz = int(lib.espeak_Initialize(_SYNCHRONOUS, 0, b".", _NO_EXIT_ON_ERROR))
    if rate_hz <= 0:
        raise _ChildError("the espeak-ng library found no data of its own")
    return lib, rate_hz


def _speak(lib: ctypes.CDLL, text: bytes, voice: str, words_per_minute: int, pitch: int) -> bytes:
    heard = array.array("h")

    def keep(samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int | None) -> int:
        if count > 0 and samples:
            heard.frombytes(ctypes.string_at(samples, 2 * count))
        return 0

    callback = _Callback(keep)
    lib.espeak_SetSynthCallback(callback)
    if lib.espeak_SetVoiceByName(voice.encode()) != 0:
        raise _ChildError(f"the espeak-ng library has no voice {voice}")
    lib.espeak_SetParameter(_RATE, words_per_minute, 0)
    lib.espeak_SetParameter(_PITCH, pitch, 0)
    raw = ctypes.create_string_buffer(text)
    status = lib.espeak_Synth(raw, ctypes.c_size_t(len(raw)), 0, 0, 0, _UTF8 | _END_PAUSE, None, None)
    if status != 0 or lib.espeak_Synchronize() != 0:
        raise _ChildError(f"the espeak-ng library refused the text (status {status})")
    return heard.tobytes()


def main(argv: list[str]) -> int:
    """Speak stdin, or say the version. Returns the exit code."""
    options = argparse.ArgumentParser(allow_abbrev=False)
    options.add_argument("-v", dest="voice", default="vi")
    options.add_argument("-s", dest="words_per_minute", type=int, default=150)
    options.add_argument("-p", dest="pitch", type=int, default=50)
    options.add_argument("-b", dest="encoding", default="1")
    for flag in ("--stdin", "--stdout", "--version"):
        options.add_argument(flag, action="store_true")
    chosen = options.parse_args(argv)
    text = b"" if chosen.version else sys.stdin.buffer.read()
    try:
        lib, rate_hz = _open()
        if chosen.version:
            sys.stdout.write(lib.espeak_Info(None).decode() + "\n")
            return 0
        samples = _speak(lib, text, chosen.voice, chosen.words_per_minute, chosen.pitch)
    except (_ChildError, OSError, ImportError, RuntimeError) as why:
        sys.stderr.write(f"{why}\n")
        return 1
    box = io.BytesIO()
    with wave.open(box, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples)
    sys.stdout.buffer.write(box.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

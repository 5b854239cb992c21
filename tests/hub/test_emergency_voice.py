"""An emergency is spoken by this machine alone; only other announcements may ask outside, and only by consent."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import av
import pytest

from broker.hub.announcing.render import Renderer
from broker.speech.espeak import espeak
from broker.speech.online import OnlineEngine
from tests.fakes import piper_program
from tests.fakes.translate_server import TranslateServer, answer_raw, answer_with, serve
from tests.settings import hub_settings

SPOKEN = "Nước sông đang lên nhanh. Mời bà con lên nhà văn hóa thôn ngay."


def _mp3_of(spoken: str) -> bytes:
    """A real voice as the endpoint would send it."""
    pcm = espeak().synthesise(spoken, "vi")
    box = io.BytesIO()
    with av.open(box, "w", format="mp3") as file:
        stream = file.add_stream("libmp3lame", rate=pcm.rate_hz)
        stream.codec_context.layout = "mono"
        frame = av.AudioFrame.from_ndarray(pcm.samples.reshape(1, -1), format="s16p", layout="mono")
        frame.sample_rate = pcm.rate_hz
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return box.getvalue()


def _renderer(folder: Path, server: TranslateServer) -> Renderer:
    renderer = Renderer(hub_settings(folder, extra="[speech]\nonline = true\n"))
    assert [engine.id for engine in renderer.engines] == ["gtts", "espeak"]
    asking = OnlineEngine(server.url, ca_file=str(server.ca_file), pace_s=0.0)
    renderer.__dict__["engines"] = (asking, espeak())  # the same two, the first with our server's address
    return renderer


def test_an_emergency_sends_nothing_outside(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        server.answer = answer_with(_mp3_of(SPOKEN.split(".")[0]))
        renderer = _renderer(tmp_path, server)
        assert renderer.audio(SPOKEN, "vi", is_emergency=True).duration_ms > 2000
        assert server.asked == []
        assert renderer.audio(SPOKEN, "vi").duration_ms > 2000
        assert len(server.asked) == 2


def test_an_emergency_does_not_wait_for_a_voice_to_load(tmp_path: Path) -> None:
    file = tmp_path / "giong.onnx"
    file.write_bytes(b"a voice")
    facts = '{"audio": {"sample_rate": 22050}, "espeak": {"voice": "vi"}}'
    file.with_name("giong.onnx.json").write_text(facts, encoding="utf-8")
    program = piper_program.make(tmp_path, "mute")
    pin = hashlib.sha256(b"a voice").hexdigest()
    lines = f'piper_voice = "{file}"\npiper_sha256 = "{pin}"\npiper_program = "{program}"\n'
    renderer = Renderer(hub_settings(tmp_path / "hub", extra=f"[speech]\n{lines}"))
    assert [engine.id for engine in renderer.engines] == ["piper", "espeak"]
    assert renderer.audio(SPOKEN, "vi", is_emergency=True).duration_ms > 2000
    assert piper_program.heard(program) == []


@pytest.mark.parametrize("voice", ["vi-vn-x-central", "vi-vn-x-south"])
def test_another_region_is_not_asked_for_outside(tmp_path: Path, voice: str) -> None:
    with serve(tmp_path) as server:
        renderer = _renderer(tmp_path, server)
        assert renderer.audio(SPOKEN, voice).duration_ms > 2000
        assert server.asked == []


def test_after_a_refusal_the_next_announcements_do_not_ask_again(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        server.answer = answer_raw(429, b"")
        renderer = _renderer(tmp_path, server)
        for number in ("một", "hai", "ba"):
            assert renderer.audio(f"Thông báo số {number}.", "vi").duration_ms > 500
        assert len(server.asked) == 1

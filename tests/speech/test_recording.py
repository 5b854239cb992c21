"""Recordings as people bring them: the good ones are taken, the others refused with what to do about it."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from broker.speech.container import CONTAINERS, OGG, WAV, container_of, said_container
from broker.speech.examined import RecordingRefused
from broker.speech.recording import examine, recorded
from broker.speech.sound import Pcm, SoundError, UnusualSoundError, decode, write_wav
from tests.speech.voices import MUXERS, odd_wav, talk, write_sound

RATE_HZ = 48_000


def _refusal(path: Path, said_type: str = "", longest_s: float = 600) -> str:
    with pytest.raises(RecordingRefused) as refused:
        examine(path, said_type, longest_s)
    sentence = refused.value.sentence
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert "xin" in sentence.lower()  # what to do is asked politely
    return refused.value.code


def _noise(seconds: float, level: float, seed: int = 3) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).standard_normal(int(seconds * RATE_HZ)) * level
    return noise.astype(np.float32)


@pytest.mark.parametrize("kind", MUXERS)
def test_every_kind_of_file_is_taken_and_called_what_it_is(tmp_path: Path, kind: str) -> None:
    path = write_sound(tmp_path / f"ban_ghi.{kind}", talk(4))
    container = said_container(kind)
    assert container is not None
    for said in ("", path.name, container.media_type, f"{container.media_type};codecs=opus"):
        found = examine(path, said)
        assert found.media_type == container.media_type
        assert found.duration_ms == pytest.approx(4000, abs=120)
        assert found.channels == 1
        assert -30 < found.lufs < -10


@pytest.mark.parametrize("kind", MUXERS)
@pytest.mark.parametrize("share", [0.25, 0.6, 0.9])
def test_a_file_whose_end_is_missing_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    path = write_sound(tmp_path / f"whole.{kind}", talk(4))
    cut = tmp_path / f"cut.{kind}"
    cut.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert _refusal(cut) == "truncated"


@pytest.mark.parametrize("kind", MUXERS)
def test_a_file_that_is_not_what_it_is_called_is_refused(tmp_path: Path, kind: str) -> None:
    path = write_sound(tmp_path / "a", talk(2), kind=kind)
    for other in CONTAINERS:
        if other.name != kind:
            assert _refusal(path, other.media_type) == "mislabelled"
            assert _refusal(path, f"tin.báo.{other.name.upper()}") == "mislabelled"


def test_names_that_say_nothing_are_believed_to_say_nothing(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.ogg", talk(2))
    for said in ("application/octet-stream", "ban ghi", "tin.docx", ".", ""):
        assert examine(path, said).media_type == "audio/ogg"


@pytest.mark.parametrize(
    "data",
    [
        b"Ban tin hom nay" * 20,
        b"%PDF-1.7" + bytes(400),
        b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b"fLaC" + bytes(100),
        b"\xff\xd8\xff\xe0" + bytes(400),
    ],
    ids=["text", "pdf", "playlist", "list of files", "flac", "picture"],
)
def test_what_is_no_sound_file_we_take_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(data)
    assert _refusal(path, path.name) == "unreadable"
    with pytest.raises(SoundError):
        recorded(path, 16_000)


@pytest.mark.parametrize("kind", MUXERS)
def test_noise_behind_the_right_beginning_is_refused(tmp_path: Path, kind: str) -> None:
    path = write_sound(tmp_path / f"a.{kind}", talk(2))
    raw = bytearray(path.read_bytes())
    raw[64:] = np.random.default_rng(1).bytes(len(raw) - 64)
    path.write_bytes(raw)
    with pytest.raises(RecordingRefused):
        examine(path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.touch()
    assert _refusal(path) == "empty"


def test_a_file_without_a_sample_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wav(Pcm(np.zeros(0, dtype=np.int16), RATE_HZ), path)
    assert _refusal(path) in ("empty", "unreadable")


@pytest.mark.parametrize(
    ("sound", "code"),
    [
        (talk(4)[: RATE_HZ // 5], "too-short"),
        (np.zeros(4 * RATE_HZ, dtype=np.float32), "silent"),
        (_noise(4, 0.0005), "silent"),
        (talk(4) * np.float32(0.04), "quiet"),
        (np.clip(talk(4) * np.float32(12), -1, 1), "clipped"),
        (_noise(5, 0.05), "no-speech"),
        (np.sin(np.arange(5 * RATE_HZ) / 20).astype(np.float32) * np.float32(0.3), "no-speech"),
    ],
    ids=["short", "zeros", "hiss", "far away", "overdriven", "noise", "hum"],
)
def test_what_a_loudspeaker_could_not_make_clear_is_refused(
    tmp_path: Path, sound: NDArray[np.float32], code: str
) -> None:
    assert _refusal(write_sound(tmp_path / "a.wav", sound)) == code


@pytest.mark.parametrize("kind", ["mp3", "m4a", "ogg"])
def test_overdriven_speech_is_found_behind_a_lossy_coder(tmp_path: Path, kind: str) -> None:
    loud = np.clip(talk(6) * np.float32(16), -1, 1)
    assert _refusal(write_sound(tmp_path / f"a.{kind}", loud)) == "clipped"


def test_a_clipped_channel_is_found_beside_a_quiet_one(tmp_path: Path) -> None:
    both = np.stack([np.clip(talk(4) * np.float32(16), -1, 1), talk(4) * np.float32(0.1)])
    assert _refusal(write_sound(tmp_path / "a.wav", both)) == "clipped"


@pytest.mark.parametrize("gain", [0.1, 0.3, 1.0, 1.99])
def test_speech_from_quiet_to_full_scale_is_taken(tmp_path: Path, gain: float) -> None:
    assert examine(write_sound(tmp_path / "a.wav", talk(4) * np.float32(gain))).duration_ms == 4000


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
def test_any_sample_rate_and_stereo_are_taken(tmp_path: Path, rate_hz: int) -> None:
    one = talk(3, rate_hz)
    found = examine(write_sound(tmp_path / "a.wav", np.stack([one, one * np.float32(0.5)]), rate_hz))
    assert (found.rate_hz, found.channels) == (rate_hz, 2)


def test_a_recording_that_lasts_too_long_is_refused_before_all_of_it_is_read(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.ogg", talk(20))
    assert _refusal(path, longest_s=5) == "too-long"
    with pytest.raises(RecordingRefused, match="5 giây"):
        examine(path, longest_s=5)


@pytest.mark.parametrize(
    ("channels", "rate_hz"),
    [(3, 16_000), (8, 16_000), (1, 1), (1, 3), (1, 7_999), (1, 192_001), (1, 2_000_000_000)],
)
def test_channels_and_sample_rates_that_break_decoders_are_refused_unread(
    tmp_path: Path, channels: int, rate_hz: int
) -> None:
    path = odd_wav(tmp_path / "a.wav", channels, rate_hz)
    assert _refusal(path) == "unusual"
    for read in (
        lambda: decode(path),
        lambda: decode(path.read_bytes(), 16_000),
        lambda: recorded(path, 16_000),
    ):
        with pytest.raises(UnusualSoundError):
            read()


def test_a_codec_nobody_records_in_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with av.open(str(path), "w", format="wav") as file:
        stream = file.add_stream("pcm_f64le", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            talk(2, 16_000)[None].astype(np.float64), format="dbl", layout="mono"
        )
        frame.sample_rate = 16_000
        file.mux([*stream.encode(frame), *stream.encode(None)])
    assert _refusal(path) == "unusual"


def test_a_recording_is_read_again_as_what_it_was_found_to_be(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.ogg", talk(2))
    assert decode(path, demuxer=OGG.demuxer).duration_ms == 2000
    with pytest.raises(SoundError):
        decode(path, demuxer=WAV.demuxer)


def test_silence_before_and_after_a_recording_is_not_played(tmp_path: Path) -> None:
    still = np.zeros(3 * RATE_HZ, dtype=np.float32)
    path = write_sound(tmp_path / "a.wav", np.concatenate([still, talk(4), still]))
    assert 3.5 < len(recorded(path, 16_000)) / 16_000 < 4.6


def test_a_container_is_known_by_its_first_bytes_alone() -> None:
    assert container_of(b"") is None
    assert container_of(b"RIFF\x00\x00\x00\x00AVI LIST") is None
    assert container_of(bytes(16)) is None

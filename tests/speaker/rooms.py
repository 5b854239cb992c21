"""Made-up places for the proof of sound: a horn, walls, air, what else is heard there, and a cheap microphone.

Everything follows from a seed. Sound in the air is float at RATE_HZ with a level near 1 where something sounds;
levels of noise are compared in the band that a horn and a telephone microphone share (300 to 3600 Hz).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from broker.link.config import SpeechOf
from broker.speech.voice import choose
from edge.speaker.player import chime_of
from edge.speaker.proof import Track

Air = NDArray[np.float64]
Chance = np.random.Generator

RATE_HZ = 8000
METRES_PER_S = 343.0
BAND_HZ = (300, 3600)

SENTENCES = (
    "Kính mời bà con thôn Đông đến nhà văn hoá họp lúc bảy giờ tối thứ bảy.",
    "Trạm y tế xã tiêm chủng cho trẻ dưới hai tuổi vào sáng mai.",
    "Ngày mai cắt điện từ tám giờ đến mười một giờ để sửa đường dây.",
    "Đề nghị bà con đưa trâu bò vào chuồng, che chắn và cho ăn đủ rơm khô.",
    "Nước sông đang lên chậm, mọi người không đi qua ngầm tràn.",
    "Hội Phụ nữ thu gom rác nhựa ở đầu làng vào chiều chủ nhật.",
    "Thuế đất nộp tại trụ sở Uỷ ban nhân dân xã đến hết ngày ba mươi.",
    "Các cháu học sinh nghỉ học hôm nay vì trời rét đậm.",
    "Lúa vụ xuân bắt đầu lấy nước từ ngày mười lăm tháng hai.",
    "Ai nhặt được ví da màu nâu xin báo cho công an xã.",
    "Lễ hội đình làng mở vào mồng sáu, có thi kéo co và nấu cơm.",
    "Bà con cảnh giác với người lạ gọi điện tự xưng là công an.",
    "Đội dân phòng kiểm tra bình chữa cháy tại các hộ kinh doanh.",
    "Giá giống khoai tây được hỗ trợ một nửa, đăng ký với trưởng thôn.",
    "Xe thu mua phế liệu không được bật loa sau chín giờ tối.",
    "Cây đổ chắn đường liên xã, xin đi vòng lối bờ đê.",
)


@cache
def sentence(number: int, pitch: float = 1.0) -> Air:
    """One sentence of the node's own voice, level 1 where it sounds."""
    (engine, *_) = choose(SpeechOf(), may_ask_outside=False)
    pcm = engine.synthesise(SENTENCES[number], "vi", 0.95, pitch)
    return even(resampled(pcm.samples.astype(np.float64), pcm.rate_hz))


def programme(chance: Chance, length_s: float, first: Sequence[int] = (), with_chime: bool = True) -> Air:
    """A chime and sentences in some order with rests between, cut at `length_s`. first: how it begins."""
    order = [*first, *(int(n) for n in chance.permutation(len(SENTENCES)) if int(n) not in first)]
    bell = even(chime_of("notice", RATE_HZ).astype(np.float64))
    parts = [bell, np.zeros(RATE_HZ // 2)] if with_chime else []
    for number in order:
        parts += [sentence(number), np.zeros(round(chance.uniform(0.4, 0.9) * RATE_HZ))]
        if sum(map(len, parts)) > length_s * RATE_HZ:
            break
    return np.concatenate(parts)[: round(length_s * RATE_HZ)]


def as_played(air: Air) -> NDArray[np.int16]:
    """What the sound card gets."""
    return (air * (8000 / np.abs(air).max() * 3)).clip(-32768, 32767).astype(np.int16)


# -- from the card to the place of the microphone


@dataclass(frozen=True)
class Place:
    """Where a microphone hangs, as seen by one loudspeaker."""

    metres: float
    reverb_s: float
    direct_db: float
    """How much stronger the straight way is than all reflections."""
    echo_s: float = 0.0
    """Way over a wall that is longer by this; 0: no such wall."""


def own_place(chance: Chance) -> Place:
    """Within five metres of the horn, in a hall or outside it."""
    return Place(
        chance.uniform(0, 5),
        chance.uniform(0.3, 1.5),
        chance.uniform(-3, 9),
        chance.choice([0.0, chance.uniform(0.03, 0.2)]),
    )


def far_place(chance: Chance, metres: float) -> Place:
    """Another house's horn over fields and walls."""
    return Place(metres, chance.uniform(0.5, 1.5), chance.uniform(-6, 6), chance.uniform(0.05, 0.3))


def through(air: Air, place: Place, chance: Chance) -> Air:
    """A sound as it arrives: horn, way, walls; 2 s of tail are kept after it. Level 1."""
    length = len(air) + 2 * RATE_HZ
    spectrum = np.fft.rfft(_driven(air, chance), length) * _horn(length, chance)
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    tail = chance.standard_normal(len(t)) * np.exp(-6.9 * t / place.reverb_s)
    tail *= 10 ** (-place.direct_db / 20) / np.sqrt(np.sum(tail**2))
    tail[0] += 1.0
    if place.echo_s:
        tail[round(place.echo_s * RATE_HZ)] += 0.5
    way = np.exp(-2j * np.pi * np.fft.rfftfreq(length) * RATE_HZ * place.metres / METRES_PER_S)
    return even(np.fft.irfft(spectrum * np.fft.rfft(tail, length) * way, length))


def _driven(air: Air, chance: Chance) -> Air:
    """An amplifier turned up a little too far."""
    return np.tanh(air / np.std(air) * chance.uniform(0.1, 0.6))


def _horn(length: int, chance: Chance) -> Air:
    hertz = np.fft.rfftfreq(length, 1 / RATE_HZ)
    low, high = chance.uniform(250, 500), chance.uniform(2800, 3900)
    shape = 1 / np.sqrt(1 + (low / np.maximum(hertz, 1)) ** 6) / np.sqrt(1 + (hertz / high) ** 8)
    knots = np.geomspace(100, 4000, 9)
    return np.asarray(shape * 10 ** (np.interp(hertz, knots, chance.normal(0, 5, len(knots))) / 20))


# -- what else is heard


def wind(chance: Chance, count: int) -> Air:
    gusts = np.repeat(chance.uniform(0.1, 1, count // RATE_HZ + 2), RATE_HZ)[:count]
    return _coloured(chance, count, -1.6) * gusts


def rain(chance: Chance, count: int) -> Air:
    drops = chance.standard_normal(count) * (chance.random(count) < 0.004) * 12
    return _coloured(chance, count, -0.3) + np.convolve(drops, np.exp(-np.arange(40) / 8), "same")


def babble(chance: Chance, count: int) -> Air:
    return np.sum([talk(chance, count, pitch) for pitch in (0.7, 0.85, 1.2, 1.4)], axis=0)


def talk(chance: Chance, count: int, pitch: float = 1.4) -> Air:
    """Somebody else's words."""
    order = chance.permutation(6)
    said = np.concatenate([sentence(int(number), pitch) for number in order])
    return np.roll(np.resize(said, count), int(chance.integers(count)))


def motorbike(chance: Chance, count: int) -> Air:
    t = np.arange(count) / RATE_HZ
    turns = np.cumsum(40 + 25 * np.sin(2 * np.pi * t / chance.uniform(4, 9))) / RATE_HZ
    put = sum(np.sin(2 * np.pi * turns * n + chance.uniform(0, 6)) / n**0.5 for n in range(1, 40))
    passing = 0.2 + np.exp(-(((t - chance.uniform(3, count / RATE_HZ - 3)) / 4) ** 2))
    return (put + _coloured(chance, count, -0.5)) * passing


def music(chance: Chance, count: int) -> Air:
    """Karaoke: chords, a beat, a tune."""
    beat = round(RATE_HZ * chance.uniform(0.4, 0.6))
    t = np.arange(2 * beat) / RATE_HZ
    out = np.zeros(count + 2 * beat)
    for number, at in enumerate(range(0, count, beat)):
        for hertz in 220 * 2 ** (chance.choice([0, 2, 4, 5, 7, 9, 12, 16], 3) / 12):
            ring = sum(np.sin(2 * np.pi * hertz * n * t) / n for n in range(1, 7))
            out[at : at + len(t)] += ring * np.exp(-3 * t)
        hit = chance.standard_normal(len(t)) * np.exp(-25 * t) * (2 if number % 2 else 4)
        out[at : at + len(t)] += hit
    return out[:count]


def hum(chance: Chance, count: int) -> Air:
    """Hardly anything: a microphone's own noise and the mains."""
    return _coloured(chance, count, -0.5) + np.sin(2 * np.pi * 100 * np.arange(count) / RATE_HZ)


NOISES: dict[str, Callable[[Chance, int], Air]] = {
    "wind": wind,
    "rain": rain,
    "babble": babble,
    "talk": talk,
    "motorbike": motorbike,
    "music": music,
    "hum": hum,
}


def _coloured(chance: Chance, count: int, slope: float) -> Air:
    spectrum = np.fft.rfft(chance.standard_normal(count))
    return even(np.fft.irfft(spectrum * np.maximum(np.arange(len(spectrum)), 20.0) ** slope, count))


# -- the microphone


def mixed(sound: Air, noise: Air, snr_db: float) -> Air:
    """Both, with so much between them in the band they share."""
    louder = level(sound) / max(level(noise), 1e-12) / 10 ** (snr_db / 20)
    return sound + noise * louder


def taken(air: Air, chance: Chance, early_s: float = 0.3, wrong_s: float = 0.03) -> Track:
    """As a cheap microphone that opened `early_s` before second 0 takes it, and says when: up to `wrong_s` off."""
    air = np.concatenate([air[: round(early_s * RATE_HZ)][::-1] * 0.02, air]) / np.abs(air).max()
    if chance.random() < 0.5:
        air = _self_levelled(air)
    if chance.random() < 0.3:
        air = np.clip(air, -0.2, 0.2) * 4
    air = air + chance.standard_normal(len(air)) * 10 ** (chance.uniform(-60, -40) / 20)
    own_hz = RATE_HZ * (1 + chance.uniform(-100e-6, 100e-6))
    at = np.arange(int(len(air) * own_hz / RATE_HZ) - 1) * RATE_HZ / own_hz
    samples = np.interp(at, np.arange(len(air)), air)
    scaled = (samples / np.abs(samples).max() * 32767 * 10 ** (chance.uniform(-30, 0) / 20)).astype(np.int16)
    return Track(scaled, RATE_HZ, -early_s + chance.uniform(-wrong_s, wrong_s))


def _self_levelled(air: Air) -> Air:
    """Automatic gain: quick to turn down, slow to turn up."""
    step = RATE_HZ // 50
    loud = np.sqrt(np.mean(air[: len(air) // step * step].reshape(-1, step) ** 2, axis=1)) + 1e-3
    held = np.empty_like(loud)
    now = loud[0]
    for number, value in enumerate(loud):
        now += (value - now) * (0.5 if value > now else 0.03)
        held[number] = now
    gain = np.interp(np.arange(len(air)), np.arange(len(loud)) * step + step / 2, 0.1 / held)
    return air * gain


# -- levels


def level(air: Air) -> float:
    """Of what lies in the shared band."""
    power = np.abs(np.fft.rfft(air)) ** 2
    hertz = np.fft.rfftfreq(len(air), 1 / RATE_HZ)
    inside = (hertz >= BAND_HZ[0]) & (hertz <= BAND_HZ[1])
    return float(np.sqrt(power[inside].sum()) / len(air))


def even(air: Air) -> Air:
    """The same at level 1."""
    return air / max(float(np.sqrt(np.mean(air**2))), 1e-12)


def resampled(samples: Air, rate_hz: int) -> Air:
    """At RATE_HZ, by its spectrum."""
    count = round(len(samples) * RATE_HZ / rate_hz)
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    return np.asarray(np.fft.irfft(spectrum, count) * count / len(samples))

"""Trials are kept for a day and in a bounded folder, apart from what is sent."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from broker.hub.announcing.trials import LASTS_S, MOST_BYTES, keep_trial, refuse_without_room, trial_store
from broker.link.config import Settings
from broker.speech.clip import Clip
from tests.settings import hub_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = hub_settings(tmp_path)
    found.data_dir.mkdir(parents=True, exist_ok=True)
    return found


def made(settings: Settings, words: str, size: int = 100) -> Path:
    """A trial that was kept; sparse, however large."""
    file = settings.data_dir / "clip"
    with file.open("wb") as out:
        out.write(words.encode())
        out.truncate(size)
    media = keep_trial(settings, Clip(file, "0" * 64, size, 1000, -16.0, -1.0, "espeak 1", ()))
    return trial_store(settings).place_of(media.sha256)


def test_a_trial_can_be_heard_for_a_day_and_is_put_away_by_a_later_one(settings: Settings) -> None:
    old, young = made(settings, "old"), made(settings, "young")
    for path, age_s in ((old, LASTS_S + 60), (young, LASTS_S - 3600)):
        about = path.stat()
        os.utime(path, (about.st_atime, about.st_mtime - age_s))
    newest = made(settings, "newest")
    assert [path.exists() for path in (old, young, newest)] == [False, True, True]


def test_the_oldest_go_when_there_are_too_many(settings: Settings) -> None:
    first = made(settings, "first", MOST_BYTES // 32)
    os.utime(first, (1, first.stat().st_mtime - 60))
    second = made(settings, "second", MOST_BYTES // 32)
    big = settings.data_dir / "trials" / "ab" / "big"
    big.parent.mkdir(exist_ok=True)
    with big.open("wb") as out:
        out.truncate(MOST_BYTES - MOST_BYTES // 32)
    os.utime(big, (1, second.stat().st_mtime - 30))
    last = made(settings, "last")
    assert [path.exists() for path in (first, big, second, last)] == [False, False, True, True]


@dataclass
class Full:
    """Settings of a machine whose disk takes nothing more."""

    data_dir: Path = Path("/proc")


def test_no_trial_is_made_on_a_disk_that_is_nearly_full(settings: Settings) -> None:
    refuse_without_room(settings)
    with pytest.raises(OSError, match="no room"):
        refuse_without_room(Full())  # type: ignore[arg-type]

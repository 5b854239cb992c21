"""Sounds of trials: kept for a day in a folder of their own, so that trying voices fills no disk."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from broker.hub.recordings import RESERVE
from broker.link.config import Settings
from broker.link.media import MediaStore

if TYPE_CHECKING:
    from broker.contract.hub import Media
    from broker.speech.clip import Clip

LASTS_S = 24 * 3600.0
MOST_BYTES = 256 * 1024 * 1024
"""Of all trials together: some hours of speech."""
OPUS = "audio/ogg"


def trial_store(settings: Settings) -> MediaStore:
    """Where trials are heard from."""
    return MediaStore(settings.data_dir / "trials")


def refuse_without_room(settings: Settings) -> None:
    """No trial is made when the disk is nearly full: what is sent needs the rest. Raises OSError."""
    if shutil.disk_usage(settings.data_dir).free < RESERVE:
        raise OSError(errno.ENOSPC, "no room for a trial")


def keep_trial(settings: Settings, clip: Clip) -> Media:
    """Keep the sound of a trial, and put away old ones. Raises OSError."""
    store = trial_store(settings)
    media = store.add(clip.path, OPUS, clip.duration_ms)
    _put_away(store, store.place_of(media.sha256))
    return media


def _put_away(store: MediaStore, newest: Path) -> None:
    """Everything a day older than the newest, and the oldest beyond MOST_BYTES."""
    now_s, total = newest.stat().st_mtime, 0
    found = _found(store.root)
    for about, path in sorted(found, key=lambda one: one[0].st_mtime, reverse=True):
        total += about.st_size
        if path != newest and (now_s - about.st_mtime > LASTS_S or total > MOST_BYTES):
            path.unlink(missing_ok=True)


def _found(root: Path) -> list[tuple[os.stat_result, Path]]:
    """The files with what is known of them; one that somebody else puts away meanwhile is left out."""
    found = []
    for path in root.rglob("*"):
        with suppress(FileNotFoundError):
            about = path.stat()
            if stat.S_ISREG(about.st_mode):
                found.append((about, path))
    return found

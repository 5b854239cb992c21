"""Content bundles: fetched by hash, complete before they count, swapped in one move."""

from __future__ import annotations

import hashlib
import logging
import threading
from functools import lru_cache
from pathlib import Path

import msgspec

from broker.contract.content import CURRENT, Bundle, Kept
from broker.contract.hub import Media, Signed
from broker.link.media import MediaClient, MediaError, MediaStore
from broker.trust.envelope import ContentBody
from broker.trust.files import write_atomically

log = logging.getLogger(__name__)

LARGEST_BUNDLE = 8 << 20


def generation_of(root: Path) -> int:
    """Generation of the content kept under `root`; 0 when there is none, or not the one its plan names."""
    file = root / CURRENT
    try:
        found = file.stat()
    except OSError:
        return 0
    return _generation_in(file, found.st_mtime_ns, found.st_ino, found.st_size)


@lru_cache(maxsize=1)
def _generation_in(file: Path, *_mark: int) -> int:
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=Kept)
        named = msgspec.json.decode(kept.signed.body, type=ContentBody)
    except (OSError, msgspec.DecodeError):
        return 0
    whole = hashlib.sha256(kept.bundle).hexdigest() == named.bundle.sha256
    return kept.generation if whole and kept.generation == named.generation else 0


def swap_in(
    signed: Signed, root: Path, client: MediaClient, store: MediaStore, stop: threading.Event
) -> None:
    """Fetch a bundle with all its sounds, then let the kiosk see it.

    signed: a content plan that was believed. Sounds of earlier bundles that the new one does not name are deleted
    after the swap. Raises MediaError when something has not come yet or is not what it says; the kiosk then goes on
    with what it has. Raises OSError.
    """
    body = msgspec.json.decode(signed.body, type=ContentBody)
    if body.bundle.size > LARGEST_BUNDLE:
        raise MediaError(f"the bundle has {body.bundle.size} bytes, at most {LARGEST_BUNDLE} are taken")
    before = _sounds(root)
    raw = client.fetch(body.bundle, stop).read_bytes()
    try:
        bundle = msgspec.json.decode(raw, type=Bundle)
    except msgspec.DecodeError as why:
        raise MediaError(f"the bundle cannot be read: {why}") from why
    sounds = {each.audio.sha256: each.audio for each in bundle.heard}
    for sound in sounds.values():
        client.fetch(sound, stop)
    kept = Kept(generation=body.generation, signed=signed, bundle=msgspec.Raw(raw))
    write_atomically(root / CURRENT, msgspec.json.encode(kept), mode=0o644)
    store.forget(body.bundle.sha256)
    for gone in before.keys() - sounds.keys():
        store.forget(gone)
    log.info("content generation %d is shown", body.generation, extra={"event": "content-swapped"})


def _sounds(root: Path) -> dict[str, Media]:
    try:
        kept = msgspec.json.decode((root / CURRENT).read_bytes(), type=Kept)
        bundle = msgspec.json.decode(kept.bundle, type=Bundle)
    except (OSError, msgspec.DecodeError):
        return {}
    return {each.audio.sha256: each.audio for each in bundle.heard}

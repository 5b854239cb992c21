"""Content bundles: fetched by hash, complete before they count, swapped in one move."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import msgspec

from broker.contract.content import CURRENT, Bundle, Kept
from broker.contract.hub import Media
from broker.link.media import MediaClient, MediaError, MediaStore
from broker.trust.envelope import ContentBody
from broker.trust.files import write_atomically

log = logging.getLogger(__name__)

LARGEST_BUNDLE = 8 << 20


def generation_of(root: Path) -> int:
    """Generation of the content kept under `root`, 0 when there is none."""
    try:
        return msgspec.json.decode((root / CURRENT).read_bytes(), type=_Head).generation
    except (OSError, msgspec.DecodeError):
        return 0


class _Head(msgspec.Struct):
    generation: int


def swap_in(
    body: ContentBody, root: Path, client: MediaClient, store: MediaStore, stop: threading.Event
) -> None:
    """Fetch a bundle with all its sounds, then let the kiosk see it.

    Sounds of earlier bundles that the new one does not name are deleted after the swap. Raises MediaError when
    something has not come yet or is not what it says; the kiosk then goes on with what it has. Raises OSError.
    """
    if body.bundle.size > LARGEST_BUNDLE:
        raise MediaError(f"the bundle has {body.bundle.size} bytes, at most {LARGEST_BUNDLE} are taken")
    before = _sounds(root)
    path = client.fetch(body.bundle, stop)
    try:
        bundle = msgspec.json.decode(path.read_bytes(), type=Bundle)
    except msgspec.DecodeError as why:
        raise MediaError(f"the bundle cannot be read: {why}") from why
    sounds = {each.audio.sha256: each.audio for each in bundle.heard}
    for sound in sounds.values():
        client.fetch(sound, stop)
    kept = Kept(generation=body.generation, bundle=bundle)
    write_atomically(root / CURRENT, msgspec.json.encode(kept), mode=0o644)
    store.forget(body.bundle.sha256)
    for gone in before.keys() - sounds.keys():
        store.forget(gone)
    log.info("content generation %d is shown", body.generation, extra={"event": "content-swapped"})


def _sounds(root: Path) -> dict[str, Media]:
    try:
        kept = msgspec.json.decode((root / CURRENT).read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError):
        return {}
    return {each.audio.sha256: each.audio for each in kept.bundle.heard}

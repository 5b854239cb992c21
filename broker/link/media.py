"""Bytes by their SHA-256: a store on disk, and the only HTTP client of a node (resumable, client certificate)."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from broker.contract import Identity
from broker.contract.hub import Media
from broker.link.config import Settings
from broker.trust.files import sync_folder

if TYPE_CHECKING:
    import requests

CHUNK = 64 * 1024
TIMEOUT_S = (3.05, 10.0)
"""Seconds to connect, and between two bytes."""
LIVE_TIMEOUT_S = (3.05, 3.0)
"""The same for a live picture: older ones are worth nothing."""

_HASH = re.compile(r"[0-9a-f]{64}")


class MediaError(Exception):
    """The bytes could not be moved or are not what the hash says; trying again later may help."""


class MediaChanged(MediaError):
    """What came under a hash are other bytes."""


class MediaStore:
    """Files named by their hash under one folder. A name that is there has been checked."""

    def __init__(self, root: Path, *, is_read: bool = False) -> None:
        """root: folder, made when missing unless it `is_read` only. Raises OSError."""
        self.root = root
        if not is_read:
            root.mkdir(parents=True, exist_ok=True)

    def place_of(self, sha256: str) -> Path:
        """Where a hash lives or would live. Raises MediaError for what is no hash."""
        if not _HASH.fullmatch(sha256):
            raise MediaError(f"{sha256!r} is not a SHA-256")
        return self.root / sha256[:2] / sha256

    def path_of(self, sha256: str) -> Path | None:
        """The file of a hash, None when it is not here."""
        path = self.place_of(sha256)
        return path if path.is_file() else None

    def part_of(self, sha256: str) -> Path:
        """The file in which a transfer of this hash is collected."""
        path = self.place_of(sha256)
        path.parent.mkdir(exist_ok=True)
        return path.with_name(path.name + ".part")

    def add(self, source: Path | bytes, type: str, duration_ms: int | None = None) -> Media:
        """Keep bytes or a copy of a file. Raises OSError."""
        digest = hashlib.sha256()
        part = self.root / f".new-{os.getpid()}-{threading.get_ident()}-{os.urandom(4).hex()}"
        size = 0
        try:
            with part.open("wb") as out:
                for chunk in _chunks(source):
                    digest.update(chunk)
                    size += len(chunk)
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            sha256 = digest.hexdigest()
            path = self.place_of(sha256)
            path.parent.mkdir(exist_ok=True)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
        return Media(sha256=sha256, size=size, type=type, duration_ms=duration_ms)

    def finish(self, sha256: str) -> Path:
        """Check a collected transfer and give it its name. Raises MediaChanged and drops it when the hash is wrong."""
        part = self.part_of(sha256)
        digest = hashlib.sha256()
        with part.open("rb") as file:
            for chunk in iter(lambda: file.read(CHUNK), b""):
                digest.update(chunk)
            os.fsync(file.fileno())
        if digest.hexdigest() != sha256:
            part.unlink(missing_ok=True)
            raise MediaChanged(f"the bytes of {sha256[:12]}… have another hash")
        path = self.place_of(sha256)
        part.replace(path)
        sync_folder(path.parent)
        return path

    def forget(self, sha256: str) -> None:
        """Delete a file; no error when it is not here."""
        self.place_of(sha256).unlink(missing_ok=True)
        self.part_of(sha256).unlink(missing_ok=True)


def _chunks(source: Path | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        yield from iter(lambda: file.read(CHUNK), b"")


class MediaClient:
    """Moves media between this node and the hub's device port."""

    def __init__(self, settings: Settings, who: Identity, store: MediaStore) -> None:
        """The certificate of `who` opens the door; nothing is sent before it is needed."""
        self._url = settings.device_port.url.rstrip("/")
        self._store = store
        self._keys = settings.keys_dir
        self._service = who.service

    @cached_property
    def _http(self) -> requests.Session:
        import requests  # half a second on a Pi, and most starts have nothing to fetch

        session = requests.Session()
        session.trust_env = False
        session.verify = str(self._keys / "ca.pem")
        session.cert = (str(self._keys / f"{self._service}.pem"), str(self._keys / f"{self._service}.key"))
        return session

    def fetch(self, media: Media, stop: threading.Event) -> Path:
        """The file of a manifest, from the store or from the hub; goes on where it was cut.

        Raises MediaError; what has come so far is kept for the next try.
        """
        here = self._store.path_of(media.sha256)
        if here is not None:
            return here
        part = self._store.part_of(media.sha256)
        try:
            have = part.stat().st_size if part.exists() else 0
            if have < media.size:
                self._download(media, part, have, stop)
            return self._store.finish(media.sha256)
        except OSError as why:  # what requests raises is an OSError too
            raise MediaError(f"fetching {media.sha256[:12]}…: {why}") from why

    def _download(self, media: Media, part: Path, have: int, stop: threading.Event) -> None:
        from urllib3.exceptions import HTTPError  # comes with requests, and is as slow to import

        headers = {"Range": f"bytes={have}-"} if have else {}
        with self._http.get(
            f"{self._url}/media/{media.sha256}", headers=headers, stream=True, timeout=TIMEOUT_S
        ) as answer:
            if answer.status_code not in (200, 206):
                raise MediaError(f"fetching {media.sha256[:12]}…: the hub answers {answer.status_code}")
            mode = "ab" if answer.status_code == 206 else "wb"
            room = media.size - (have if mode == "ab" else 0)
            try:
                with part.open(mode) as out:
                    # read1 gives what has come: of a line that breaks within every 64 KiB nothing is thrown away.
                    for chunk in iter(lambda: answer.raw.read1(CHUNK), b""):
                        room -= len(chunk)
                        if room < 0:
                            raise MediaError(f"{media.sha256[:12]}… is longer than its manifest says")
                        out.write(chunk)
                        if stop.is_set():
                            raise MediaError("stopping")
            except HTTPError as why:
                raise MediaError(f"fetching {media.sha256[:12]}…: {why}") from why
            if room:
                raise MediaError(f"{media.sha256[:12]}… ended {room} bytes early")

    def push(self, media: Media, stop: threading.Event) -> None:
        """Bring a file of the store to the hub; goes on where it was cut. Raises MediaError."""
        path = self._store.path_of(media.sha256)
        if path is None:
            raise MediaError(f"{media.sha256[:12]}… is not in the store")
        url = f"{self._url}/media/{media.sha256}"
        try:
            known = self._http.head(url, timeout=TIMEOUT_S)
            if known.status_code == 200:
                return
            have = min(int(known.headers.get("X-Have", "0")), media.size)
            answer = self._http.put(
                url,
                data=_rest(path, have, stop),
                headers={
                    "Content-Type": media.type,
                    "Content-Range": f"bytes {have}-{media.size - 1}/{media.size}",
                    "Content-Length": str(media.size - have),
                },
                timeout=TIMEOUT_S,
            )
        except (OSError, ValueError) as why:
            raise MediaError(f"sending {media.sha256[:12]}…: {why}") from why
        if answer.status_code not in (200, 201):
            raise MediaError(f"sending {media.sha256[:12]}…: the hub answers {answer.status_code}")

    def show(self, view: str, jpeg: bytes, age_ms: int) -> bool:
        """One picture of a live view, as old as `age_ms`; False when the hub wants no more. Raises MediaError."""
        try:
            answer = self._http.post(
                f"{self._url}/live/{view}",
                data=jpeg,
                headers={"Content-Type": "image/jpeg", "X-Age-Ms": str(age_ms)},
                timeout=LIVE_TIMEOUT_S,
            )
        except OSError as why:
            raise MediaError(f"live picture: {why}") from why
        if answer.status_code >= 500:
            raise MediaError(f"live picture: the hub answers {answer.status_code}")
        return answer.status_code < 400


class _rest:  # noqa: N801  (an iterable with a length: requests would send bare generators without one)
    """The bytes of a file from an offset on, with their count."""

    def __init__(self, path: Path, offset: int, stop: threading.Event) -> None:
        self._path, self._offset, self._stop = path, offset, stop

    def __len__(self) -> int:
        return self._path.stat().st_size - self._offset

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for chunk in iter(lambda: file.read(CHUNK), b""):
                if self._stop.is_set():
                    raise OSError("stopping")
                yield chunk

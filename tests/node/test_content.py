"""A content bundle counts only when it is complete, and the old one stays until then."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from broker.contract.content import Bundle, Document, Heard, Procedure, Source
from broker.contract.hub import Media
from broker.link.media import MediaError, MediaStore
from broker.trust.envelope import ContentBody
from edge.node.content import generation_of, swap_in
from kiosk.content import Shelf, open_content

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
STOP = threading.Event()


class HubShelf:
    """A hub that has some media and lacks others."""

    def __init__(self, hub: MediaStore, node: MediaStore) -> None:
        self._hub, self._node = hub, node

    def fetch(self, media: Media, stop: threading.Event) -> Path:
        path = self._hub.path_of(media.sha256)
        if path is None:
            raise MediaError("not here")
        self._node.add(path, media.type)
        found = self._node.path_of(media.sha256)
        assert found is not None
        return found


@pytest.fixture
def hub(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "hub")


@pytest.fixture
def node(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "node")


def bundle(*sounds: Media, title: str = "Làm giấy khai sinh") -> Bundle:
    procedure = Procedure(
        code="1.001193",
        title=title,
        name="Đăng ký khai sinh",
        field="tu-phap",
        life_events=["sinh-con"],
        documents=[Document(name="Giấy chứng sinh")],
        checked_on=date(2026, 11, 21),
        checked_by="Làng Số",
        source=Source(url="", via="", on=date(2026, 7, 20)),
    )
    heard = [
        Heard(
            announcement=f"a{n}", title="t", text="x", at=NOW, kind="routine", villages=["dong"], audio=each
        )
        for n, each in enumerate(sounds)
    ]
    return Bundle(
        commune_name="xã Vân Khê",
        made_at=NOW,
        procedures=[procedure],
        life_events=[],
        warnings=[],
        heard=heard,
    )


def publish(hub: MediaStore, generation: int, content: Bundle) -> ContentBody:
    return ContentBody(
        generation=generation, bundle=hub.add(msgspec.json.encode(content), "application/json")
    )


def test_the_kiosk_shows_a_bundle_as_soon_as_it_is_complete(
    tmp_path: Path, hub: MediaStore, node: MediaStore
) -> None:
    root = tmp_path / "content"
    shelf = Shelf(root)
    assert shelf.content().generation == 0
    sound = hub.add(b"ogg", "audio/ogg")
    swap_in(publish(hub, 5, bundle(sound)), root, HubShelf(hub, node), node, STOP)  # type: ignore[arg-type]
    assert generation_of(root) == shelf.content().generation == 5
    assert shelf.content().procedures["1.001193"].title == "Làm giấy khai sinh"
    assert node.path_of(sound.sha256)


def test_a_bundle_that_lacks_a_sound_changes_nothing(
    tmp_path: Path, hub: MediaStore, node: MediaStore
) -> None:
    root = tmp_path / "content"
    swap_in(publish(hub, 1, bundle()), root, HubShelf(hub, node), node, STOP)  # type: ignore[arg-type]
    missing = Media(sha256="0" * 64, size=3, type="audio/ogg")
    with pytest.raises(MediaError):
        swap_in(publish(hub, 2, bundle(missing)), root, HubShelf(hub, node), node, STOP)  # type: ignore[arg-type]
    assert generation_of(root) == 1


def test_a_bundle_that_is_no_bundle_is_refused(tmp_path: Path, hub: MediaStore, node: MediaStore) -> None:
    body = ContentBody(generation=1, bundle=hub.add(b"{]", "application/json"))
    with pytest.raises(MediaError, match="cannot be read"):
        swap_in(body, tmp_path / "c", HubShelf(hub, node), node, STOP)  # type: ignore[arg-type]


def test_sounds_nobody_names_any_more_leave_the_disk(
    tmp_path: Path, hub: MediaStore, node: MediaStore
) -> None:
    root = tmp_path / "content"
    old, new = hub.add(b"old", "audio/ogg"), hub.add(b"new", "audio/ogg")
    swap_in(publish(hub, 1, bundle(old)), root, HubShelf(hub, node), node, STOP)  # type: ignore[arg-type]
    swap_in(publish(hub, 2, bundle(new)), root, HubShelf(hub, node), node, STOP)  # type: ignore[arg-type]
    assert node.path_of(old.sha256) is None
    assert node.path_of(new.sha256)


def test_a_damaged_file_gives_the_shipped_content(tmp_path: Path) -> None:
    (tmp_path / "current.json").write_bytes(b"\x00torn")
    content = open_content(tmp_path)
    assert content.generation == 0
    assert len(content.procedures) > 45

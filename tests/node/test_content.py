"""A content bundle counts only when it is complete, and the old one stays until then."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from broker.contract.content import Bundle, Document, Heard, Kept, Procedure, Source
from broker.contract.hub import Media, Signed
from broker.link.media import MediaError, MediaStore
from broker.link.plans import keep_signed
from broker.trust.envelope import ContentBody, canonical, sign
from broker.trust.files import write_atomically
from edge.node.content import generation_of, swap_in
from kiosk.content import Shelf, believer
from tests.camera.town import Town, public_of

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
STOP = threading.Event()
COMMUNE = "00/00000"


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


class Commune:
    """A commune that signs plans for one node, and that node's disk."""

    def __init__(self, folder: Path) -> None:
        self.town = Town()
        self.hub, self.store = MediaStore(folder / "hub"), MediaStore(folder / "media")
        self.root, self.trust = folder / "content", folder / "trust.json"
        keep_signed(self.trust, self.town.trust().signed)

    def plan(self, generation: int, content: bytes | Bundle, signer: Town | None = None) -> Signed:
        raw = content if isinstance(content, bytes) else msgspec.json.encode(content)
        body = canonical(ContentBody(generation=generation, bundle=self.hub.add(raw, "application/json")))
        return Signed(body=body, signatures=[sign(body, "content", "hub-1", (signer or self.town).hub)])

    def swap(self, generation: int, content: bytes | Bundle) -> None:
        swap_in(self.plan(generation, content), self.root, HubShelf(self.hub, self.store), self.store, STOP)  # type: ignore[arg-type]

    def shelf(self) -> Shelf:
        believe = believer(self.trust, lambda: public_of(self.town.root), COMMUNE)
        return Shelf(self.root, self.trust, believe)

    @property
    def file(self) -> Path:
        return self.root / "current.json"

    def put(self, signed: Signed, content: bytes, generation: int) -> None:
        """Write a file as if edge/node had."""
        kept = Kept(generation=generation, signed=signed, bundle=msgspec.Raw(content))
        write_atomically(self.file, msgspec.json.encode(kept))


@pytest.fixture
def commune(tmp_path: Path) -> Commune:
    return Commune(tmp_path)


def test_the_kiosk_shows_a_bundle_as_soon_as_it_is_complete(commune: Commune) -> None:
    shelf = commune.shelf()
    assert shelf.content().generation == 0
    sound = commune.hub.add(b"ogg", "audio/ogg")
    commune.swap(5, bundle(sound))
    assert generation_of(commune.root) == shelf.content().generation == 5
    assert shelf.content().procedures["1.001193"].title == "Làm giấy khai sinh"
    assert commune.store.path_of(sound.sha256)


def test_a_bundle_that_lacks_a_sound_changes_nothing(commune: Commune) -> None:
    commune.swap(1, bundle())
    missing = Media(sha256="0" * 64, size=3, type="audio/ogg")
    with pytest.raises(MediaError):
        commune.swap(2, bundle(missing))
    assert generation_of(commune.root) == 1


def test_a_bundle_that_is_no_bundle_is_refused(commune: Commune) -> None:
    with pytest.raises(MediaError, match="cannot be read"):
        commune.swap(1, b"{]")


def test_a_bundle_with_a_picture_of_forty_megabytes_is_not_even_fetched(commune: Commune) -> None:
    body = canonical(
        ContentBody(generation=1, bundle=Media(sha256="0" * 64, size=40 << 20, type="application/json"))
    )
    signed = Signed(body=body, signatures=[])
    with pytest.raises(MediaError, match="at most"):
        swap_in(signed, commune.root, HubShelf(commune.hub, commune.store), commune.store, STOP)  # type: ignore[arg-type]
    commune.root.mkdir()
    with commune.file.open("wb") as file:
        file.truncate(40 << 20)
    assert commune.shelf().content().generation == 0


def test_sounds_nobody_names_any_more_leave_the_disk(commune: Commune) -> None:
    old, new = commune.hub.add(b"old", "audio/ogg"), commune.hub.add(b"new", "audio/ogg")
    commune.swap(1, bundle(old))
    commune.swap(2, bundle(new))
    assert commune.store.path_of(old.sha256) is None
    assert commune.store.path_of(new.sha256)


def test_a_file_cut_in_half_leaves_what_is_shown_and_is_fetched_again(commune: Commune) -> None:
    commune.swap(3, bundle(title="Cũ"))
    shelf = commune.shelf()
    assert shelf.content().generation == 3
    half = commune.file.read_bytes()[: commune.file.stat().st_size // 2]
    write_atomically(commune.file, half)
    assert shelf.content().procedures["1.001193"].title == "Cũ"
    assert generation_of(commune.root) == 0, "so the node fetches it again"
    assert len(commune.shelf().content().procedures) > 45, "after a start: what came with the release"


def test_a_bundle_nobody_signed_is_never_shown(commune: Commune) -> None:
    raw = msgspec.json.encode(bundle(title="Chuyển tiền vào đây"))
    signed = commune.plan(9, raw)
    for forged in (
        Signed(body=signed.body, signatures=[]),
        commune.plan(9, raw, signer=Town()),
        Signed(body=signed.body.replace('"generation":9', '"generation":8'), signatures=signed.signatures),
    ):
        commune.put(forged, raw, 9)
        assert commune.shelf().content().generation == 0


def test_a_bundle_other_than_the_signed_one_is_never_shown(commune: Commune) -> None:
    signed = commune.plan(9, bundle(title="Thật"))
    commune.put(signed, msgspec.json.encode(bundle(title="Giả")), 9)
    assert commune.shelf().content().generation == 0
    assert generation_of(commune.root) == 0


def test_an_older_bundle_never_takes_the_place_of_a_newer_one(commune: Commune) -> None:
    commune.swap(5, bundle(title="Mới"))
    shelf = commune.shelf()
    assert shelf.content().generation == 5
    raw = msgspec.json.encode(bundle(title="Cũ"))
    commune.put(commune.plan(4, raw), raw, 4)
    assert shelf.content().procedures["1.001193"].title == "Mới"


def test_content_is_shown_as_soon_as_the_trust_list_is_there(commune: Commune) -> None:
    commune.swap(2, bundle())
    commune.trust.unlink()
    shelf = commune.shelf()
    assert shelf.content().generation == 0
    keep_signed(commune.trust, commune.town.trust().signed)
    assert shelf.content().generation == 2

"""What the kiosks are told of announcements still to come."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from broker.contract.content import Bundle
from broker.hub import content
from broker.hub.announcing import workflow
from broker.hub.records import Occurrence, Play, Revision
from broker.link.media import MediaStore
from kiosk.content import shipped
from tests.hub.town import NOW, Town


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    content.set_base(tmp_path, msgspec.json.encode(shipped().bundle))
    return MediaStore(tmp_path / "media")


def told(town: Town, folder: Path, store: MediaStore) -> Bundle:
    with town.database.session() as db:
        sha256 = content.current(db, folder, store, "xã Vân Khê", NOW).sha256
    path = store.path_of(sha256)
    assert path is not None
    return msgspec.json.decode(path.read_bytes(), type=Bundle)


def test_what_was_approved_is_on_the_screens_before_it_is_said(
    town: Town, tmp_path: Path, store: MediaStore
) -> None:
    soon, later = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    revision = town.approved(starts=[soon, later, NOW + timedelta(days=9)])
    (one,) = told(town, tmp_path, store).approved
    assert one.starts == [soon, later]
    assert one.kind == "routine"
    assert one.text.startswith("Trạm y tế")
    with town.database.session() as db:
        workflow.withdraw(db, town.binh, revision, NOW)
    assert told(town, tmp_path, store).approved == []


def test_a_drill_is_no_news_and_an_emergency_that_was_ended_no_warning(
    town: Town, tmp_path: Path, store: MediaStore
) -> None:
    drill = town.approved(title="Cháy", starts=[NOW + timedelta(minutes=5)])
    warning = town.approved(title="Nước lên", starts=[NOW + timedelta(hours=1), NOW + timedelta(hours=2)])
    with town.database.session() as db:
        db.get_one(Revision, drill).drill = True
        db.get_one(Revision, warning).kind = "emergency"
        for row in db.scalars(select(Play)):
            row.started_at = NOW
    first = told(town, tmp_path, store)
    assert [one.title for one in first.heard] == ["Nước lên"]
    assert [one.title for one in first.approved] == ["Nước lên"]
    with (
        town.database.session() as db
    ):  # silence over the commune: the rest is cancelled, the revision stands
        rows = db.scalars(
            select(Occurrence).where(Occurrence.revision_id == warning).order_by(Occurrence.start)
        )
        rows.all()[-1].cancelled_at = NOW
    assert told(town, tmp_path, store).approved == []

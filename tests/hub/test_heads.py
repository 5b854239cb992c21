"""Heads of the audit log go to every node: hourly, at once after what matters, and never over a changed log."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from broker.contract import Identity
from broker.contract.hub import AuditPlan
from broker.hub import audit
from broker.hub.announcing.heads import EVERY, Watch, forget
from broker.hub.announcing.plans import Signer
from broker.hub.announcing.render import media_store
from broker.hub.announcing.send import Sender
from broker.hub.records import Database, note_change, write_audit
from broker.hub.signed_heads import SignedHead
from broker.hub.trusted import in_force
from broker.trust.audit import START, Head
from broker.trust.envelope import AuditBody, open_signed
from broker.trust.identity import load_hub_signer
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession
from tests.hub.test_audit import as_owner, recompute
from tests.hub.town import NOW, Town, hub_settings


class Studio:
    """A sender on a real database, and what it tells the nodes to keep."""

    def __init__(self, town: Town, data: Path) -> None:
        self.database: Database = town.database
        self.settings = hub_settings(data, town.keys.hub)
        self.clock = FakeClock(NOW)
        self.session: Any = FakeSession(Identity("hub", "announce"), self.settings, self.clock)
        self.signer = Signer(*load_hub_signer(town.keys.hub))
        self.start()

    def start(self) -> None:
        """As after a restart of the service."""
        self.sender = Sender(self.database, self.session, self.signer, media_store(self.settings))

    def write(self, action: str) -> Head:
        """One more entry; the head it makes."""
        with self.database.session() as db:
            write_audit(db, self.clock.now(), "binh", action, "x")
            note_change(db, "node", "thon-01", self.clock.now())
        with self.database.reading() as db:
            return audit.newest(db)

    def told(self) -> list[tuple[str, AuditBody]]:
        """What nodes are told in one look, believed as they believe it."""
        self.session.sent.clear()
        self.sender.step()
        with self.database.reading() as db:
            trust = in_force(db, self.settings)
        now: datetime = self.clock.now()
        return [
            (str(each.to), open_signed(each.message.signed, "audit", trust, "hub", now, AuditBody))
            for each in self.session.sent
            if isinstance(each.message, AuditPlan)
        ]


@pytest.fixture
def studio(town: Town, tmp_path: Path) -> Studio:
    return Studio(town, tmp_path / "hub")


def test_every_node_is_told_the_head_at_the_start(studio: Studio) -> None:
    with studio.database.reading() as db:
        head = audit.newest(db)
    told = studio.told()
    assert [to for to, _ in told] == ["thon-01.node", "thon-02.node", "thon-03.node"]
    for _, body in told:
        assert (body.generation, body.hash, body.commune) == (head.index, head.hash, "00/00000")
    assert studio.told() == []


def test_ordinary_entries_wait_for_the_hour(studio: Studio) -> None:
    studio.told()
    head = studio.write("account.signed-in")
    assert studio.told() == []
    studio.clock.advance(EVERY.total_seconds())
    assert {body.generation for _, body in studio.told()} == {head.index}


@pytest.mark.parametrize("action", ["announcement.approved", "node.revoked", "trust.taken", "play.stopped"])
def test_what_matters_most_is_told_at_once(studio: Studio, action: str) -> None:
    studio.told()
    studio.write("account.signed-in")
    head = studio.write(action)
    assert {(body.generation, body.hash) for _, body in studio.told()} == {(head.index, head.hash)}


def test_an_hour_without_entries_brings_no_new_head(studio: Studio) -> None:
    studio.told()
    studio.clock.advance(3 * EVERY.total_seconds())
    generations = {body.generation for _, body in studio.told()}
    with studio.database.reading() as db:
        assert generations <= {audit.newest(db).index}  # said again for a broker that forgot, not made anew


def test_an_approval_reaches_the_nodes_as_a_head(studio: Studio, town: Town) -> None:
    studio.told()
    town.approved()
    with studio.database.reading() as db:
        head = audit.newest(db)
    assert {(body.generation, body.hash) for _, body in studio.told()} == {(head.index, head.hash)}


def test_no_head_is_signed_over_a_log_that_was_computed_anew(studio: Studio) -> None:
    studio.told()
    recompute(studio.database, 2, "quan")
    studio.write("announcement.approved")
    assert studio.told() == []
    assert "Nhật ký" in studio.session.problems["audit-head"]


def test_an_edit_among_the_newest_rows_stops_the_next_head(studio: Studio) -> None:
    studio.told()
    head = studio.write("account.signed-in")
    as_owner(studio.database, f"UPDATE audit SET actor = 'quan' WHERE id = {head.index}")
    studio.write("announcement.approved")
    assert studio.told() == []
    assert "audit-head" in studio.session.problems


def test_who_changes_the_kept_plan_too_has_not_changed_the_file_beside_the_database(studio: Studio) -> None:
    studio.told()
    recompute(studio.database, 2, "quan")
    with studio.database.engine.begin() as db:
        db.execute(text("DELETE FROM plan WHERE kind = 'audit'"))
    studio.start()
    studio.write("announcement.approved")
    assert studio.told() == []
    assert "audit-head" in studio.session.problems


def test_a_cut_log_is_not_told_and_a_person_may_begin_anew(studio: Studio) -> None:
    studio.told()
    with studio.database.reading() as db:
        count = audit.newest(db).index
    as_owner(studio.database, f"DELETE FROM audit WHERE id > {count - 2}")
    head = studio.write("account.signed-in")
    studio.clock.advance(EVERY.total_seconds())
    assert studio.told() == []
    file = SignedHead(studio.settings.data_dir)
    assert file.read().index == count
    with studio.database.session() as db:
        forget(db, file)
    assert file.read() == START
    studio.write("announcement.approved")
    assert {body.generation for _, body in studio.told()} == {head.index + 1}
    assert "audit-head" not in studio.session.problems


def test_a_damaged_file_beside_the_database_stops_nothing(studio: Studio) -> None:
    studio.told()
    (studio.settings.data_dir / "audit-head.json").write_bytes(b"\0")
    head = studio.write("announcement.approved")
    assert {body.generation for _, body in studio.told()} == {head.index}


def test_the_daily_look_says_what_it_found_and_takes_it_back(studio: Studio) -> None:
    watch = Watch(studio.database, studio.session)
    assert watch.look()
    assert studio.session.problems == {}
    as_owner(studio.database, "UPDATE audit SET subject = 'y' WHERE id = 2")
    assert watch.look()
    assert "nguyên vẹn" in studio.session.problems["audit-log"]
    with studio.database.reading() as db:
        looked = audit.last_look(db)
    assert looked is not None
    assert studio.clock.now() - looked.at < timedelta(seconds=60)
    assert not looked.is_well
    as_owner(studio.database, "UPDATE audit SET subject = 'hoa' WHERE id = 2")

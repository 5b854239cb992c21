"""A node keeps the heads of the hub's audit log: believed by signature, never back, contradictions kept as proof."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from broker.contract import Identity
from broker.contract.hub import AuditPlan, Signed
from broker.contract.node import NodeHealth
from broker.link.config import Settings
from broker.trust.envelope import AuditBody, canonical, sign, verify
from edge.node.heads import CHANGED, DAYS, NEWEST, HeadBook, KeptHead, file_of, start_again, thinned
from edge.node.service import build
from tests.camera.town import NOW, Town, public_of
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession
from tests.settings import node_settings
from tests.until import until

COMMUNE = "00/00000"


def digest(index: int, history: str = "a") -> str:
    return history * (64 - len(f"{index}")) + f"{index}"


def said(town: Town, index: int, at: datetime = NOW, history: str = "a", **change: object) -> AuditPlan:
    """A head as the hub says it; `history` tells one version of the log from another."""
    fields = {"generation": index, "commune": COMMUNE, "hash": digest(index, history), "at": at} | change
    body = canonical(AuditBody(**fields))  # type: ignore[arg-type]
    signature = sign(body, "audit", "hub-1", town.hub)
    return AuditPlan(generation=index, signed=Signed(body=body, signatures=[signature]))


def kept(town: Town, index: int, at: datetime = NOW, kept_at: datetime | None = None) -> KeptHead:
    return KeptHead(index, digest(index), at, kept_at or at, said(town, index, at).signed)


class Node:
    """The service `node`, its workers in threads."""

    def __init__(self, folder: Path, town: Town) -> None:
        self.town = town
        self.settings: Settings = node_settings(folder)
        (self.settings.keys_dir / "root.pub").write_text(public_of(town.root))
        for name in ("ca.pem", "node.pem", "node.key"):
            (self.settings.keys_dir / name).write_text("")
        self.session = FakeSession(Identity("thon-01", "node"), self.settings, FakeClock(NOW))
        self._stop = threading.Event()
        workers = build(self.settings, self.session)  # type: ignore[arg-type]
        self._threads = [
            threading.Thread(target=each.run, args=(self._stop, lambda: None)) for each in workers
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(10)

    def book(self) -> HeadBook:
        """What is on the disk."""
        return HeadBook(file_of(self.settings))

    def keeps(self, *indexes: int) -> None:
        """Wait until exactly these are kept."""
        until(
            lambda: [each.index for each in self.book().heads] == list(indexes),
            20,
            lambda: [each.index for each in self.book().heads],
        )

    def hear(self, *plans: AuditPlan) -> None:
        """Let heads arrive after the trust list."""
        self.session.deliver(self.town.trust())
        for plan in plans:
            self.session.deliver(plan)


@pytest.fixture
def town() -> Town:
    return Town()


@pytest.fixture
def node(tmp_path: Path, town: Town) -> Iterator[Node]:
    found = Node(tmp_path, town)
    yield found
    found.close()


def test_heads_are_kept_and_said_with_the_health(node: Node, town: Town, tmp_path: Path) -> None:
    node.hear(said(town, 3), said(town, 8))
    node.keeps(3, 8)
    node.close()
    again = Node(tmp_path, town)  # after a restart, before any head is heard
    health = again.session.wait_for(NodeHealth)
    again.close()
    assert (health.audit_index, health.audit_hash) == (8, digest(8))
    assert health.audit_signed is not None
    assert verify(health.audit_signed.body, "audit", health.audit_signed.signatures[0], public_of(town.hub))
    assert msgspec.json.decode(health.audit_signed.body, type=AuditBody).hash == digest(8)


def test_a_node_that_keeps_nothing_yet_says_so(node: Node) -> None:
    health = node.session.wait_for(NodeHealth)
    assert (health.audit_index, health.audit_hash) == (0, "")


def test_a_head_that_comes_before_the_trust_list_is_believed_after_it(node: Node, town: Town) -> None:
    node.session.deliver(said(town, 5))
    node.session.deliver(town.trust())
    node.keeps(5)
    assert "head-refused" not in node.session.problems


def test_heads_of_strangers_and_of_another_commune_are_not_kept(node: Node, town: Town) -> None:
    node.hear(said(Town(), 4), said(town, 6, commune="00/00001"))
    until(lambda: "xã khác" in node.session.problems.get("head-refused", ""), 20)
    node.hear(said(town, 7))
    node.keeps(7)
    until(lambda: "head-refused" not in node.session.problems, 20)


def test_an_old_head_said_again_by_a_broker_is_no_trouble(node: Node, town: Town) -> None:
    hour = timedelta(hours=1)
    node.hear(said(town, 3), said(town, 9, NOW + hour), said(town, 3), said(town, 5, NOW + hour / 2))
    node.keeps(3, 9)
    node.hear(said(town, 12, NOW + 2 * hour))
    node.keeps(3, 9, 12)
    assert node.session.problems.get("audit-changed") is None


def test_a_log_computed_anew_is_a_problem_that_survives_a_restart(
    node: Node, town: Town, tmp_path: Path
) -> None:
    forged = said(town, 9, NOW + timedelta(hours=2), history="b")
    node.hear(said(town, 3), said(town, 9), forged)
    until(lambda: node.session.problems.get("audit-changed") == CHANGED, 20)
    node.keeps(3, 9)
    proof = node.book().conflict
    assert proof is not None
    assert proof.signed == forged.signed
    node.close()
    again = Node(tmp_path, town)
    until(lambda: again.session.problems.get("audit-changed") == CHANGED, 20)
    again.hear(said(town, 20, NOW + timedelta(hours=3), history="b"))
    again.keeps(3, 9, 20)
    again.close()
    assert again.session.problems.get("audit-changed") == CHANGED
    assert again.book().conflict == proof


def test_a_log_that_got_shorter_is_a_problem(node: Node, town: Town) -> None:
    node.hear(said(town, 9), said(town, 7, NOW + timedelta(hours=1), history="b"))
    until(lambda: node.session.problems.get("audit-changed") == CHANGED, 20)
    node.keeps(9)


def test_a_person_may_begin_a_new_book_and_the_old_one_stays(tmp_path: Path, town: Town) -> None:
    file = tmp_path / "heads.json"
    assert start_again(file, NOW) is None
    book = HeadBook(file)
    book.take(said(town, 9).signed, body(9), NOW)
    book.take(said(town, 7).signed, body(7, NOW + timedelta(hours=1), "b"), NOW)
    assert book.conflict is not None
    aside = start_again(file, NOW)
    assert aside is not None
    assert HeadBook(aside).conflict is not None
    fresh = HeadBook(file)
    assert (fresh.newest, fresh.conflict) == (None, None)


def body(index: int, at: datetime = NOW, history: str = "a") -> AuditBody:
    return AuditBody(generation=index, commune=COMMUNE, hash=digest(index, history), at=at)


def test_the_newest_and_the_first_of_each_day_are_kept(town: Town) -> None:
    one = kept(town, 1)
    heads = [
        msgspec.structs.replace(one, index=n, kept_at=NOW + timedelta(hours=n)) for n in range(1, 24 * 500)
    ]
    left = thinned(heads)
    assert left[-NEWEST:] == tuple(heads[-NEWEST:])
    days = {each.kept_at.date() for each in left}
    assert DAYS <= len(days) <= DAYS + 2
    assert len(left) <= NEWEST + DAYS
    assert left == tuple(sorted(left, key=lambda each: each.index))


def test_a_flood_of_heads_pushes_out_no_older_day(town: Town) -> None:
    one = kept(town, 1)
    old = [msgspec.structs.replace(one, index=n, kept_at=NOW + timedelta(days=n)) for n in range(1, 300)]
    flood = [
        msgspec.structs.replace(one, index=n, at=NOW + timedelta(days=n), kept_at=NOW + timedelta(days=300))
        for n in range(300, 2000)
    ]
    left = thinned([*old, *flood])
    assert left[: len(old)] == tuple(old)


def test_a_damaged_file_is_put_aside_and_the_node_goes_on(tmp_path: Path, town: Town) -> None:
    file = tmp_path / "heads.json"
    file.write_bytes(b'{"heads": [')
    book = HeadBook(file)
    assert book.newest is None
    assert book.take(said(town, 2).signed, body(2), NOW)
    assert (tmp_path / "heads.json.damaged").read_bytes() == b'{"heads": ['


def test_a_disk_that_takes_nothing_is_a_sentence_and_the_head_is_tried_again(
    tmp_path: Path, town: Town
) -> None:
    node = Node(tmp_path, town)
    blocked = file_of(node.settings)
    blocked.mkdir(parents=True)  # a rename over a folder fails, also for root
    node.hear(said(town, 4))
    until(lambda: "hết chỗ" in node.session.problems.get("head-disk", ""), 20)
    blocked.rmdir()
    node.keeps(4)
    until(lambda: "head-disk" not in node.session.problems, 20)
    node.close()

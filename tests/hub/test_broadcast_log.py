"""The broadcast log: what became of each play, sums that equal the receipts, days and months of Viet Nam."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract.message import encode, payload
from broker.contract.speaker import PlayReceipt
from broker.hub import receipts
from broker.hub.broadcast_log import GRACE, HEARD_LEVEL, Entry, entries
from broker.hub.broadcast_totals import Period, Sums, Totals, percent, sums_of
from broker.hub.broadcast_words import say_why
from broker.hub.console import stages
from broker.hub.console.aired import day_view
from broker.hub.records import Account, Announcement, Database, Occurrence, Play, Revision
from broker.hub.records.database import open_url
from broker.link.clock import LOCAL

NOW = datetime(2026, 11, 21, 12, tzinfo=LOCAL)
LATER = NOW + timedelta(days=40)
YEAR = Period.of("2026")
NODES = ("thon-01", "thon-02", "thon-03")


@dataclass
class Ledger:
    """One transaction that is never kept, and short ways to fill it."""

    db: Session

    def bulletin(self, name: str, kind: str = "routine", field: str = "", **more: Any) -> Revision:
        author = self.db.scalars(select(Account)).first()
        assert author is not None
        self.db.add(Announcement(id=name, created_at=NOW, author_id=author.id, field=field))
        self.db.flush()
        row = Revision(
            announcement_id=name, number=1, state="approved", kind=kind, title=f"Tin {name}", created_at=NOW,
            edited_at=NOW, author_id=author.id, decided_at=NOW, **more,
        )  # fmt: skip
        self.db.add(row)
        self.db.flush()
        return row

    def occurrence(self, revision: Revision, start: datetime, nodes: tuple[str, ...] = NODES[:1]) -> str:
        name = f"{revision.announcement_id}.1.{start:%Y%m%dT%H%M}"
        self.db.add(
            Occurrence(id=name, revision_id=revision.id, start=start, tolerance_s=120, duration_s=60.0)
        )
        for node in nodes:
            self.db.add(
                Play(
                    occurrence=name,
                    node=node,
                    announcement=revision.announcement_id,
                    revision=1,
                    planned_at=start,
                )
            )
        self.db.flush()
        return name

    def hear(self, occurrence: str, node: str, state: str, number: int = 0, **more: Any) -> PlayReceipt:
        """What ingest does with a receipt; without a number it stands in no chain."""
        row = self.db.get(Occurrence, occurrence)
        start = NOW if row is None else row.start
        said = PlayReceipt(
            occurrence=occurrence, announcement=occurrence.split(".")[0], revision=1, state=state,  # type: ignore[arg-type]
            at=more.pop("at", start), planned_at=more.pop("planned_at", start), number=number,
            book="ab" * 8 if number else "", **more,
        )  # fmt: skip
        receipts.take(self.db, node, said, encode(payload(said), NOW, "trusted"), NOW)
        self.db.flush()
        return said

    def entries(self, now: datetime = LATER, period: Period | None = YEAR) -> list[Entry]:
        assert period is not None
        return list(entries(self.db, period.since, period.until, now))

    def outcome(self, now: datetime = LATER) -> str:
        (entry,) = self.entries(now)
        return entry.outcome


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, town_file: Path) -> Iterator[Database]:
    path = tmp_path_factory.mktemp("ledger") / "hub.db"
    shutil.copy(town_file, path)
    found = open_url(f"sqlite:///{path}")
    yield found
    found.close()


@pytest.fixture
def ledger(records: Database) -> Iterator[Ledger]:
    with Session(records.engine) as db:
        yield Ledger(db)
        db.rollback()


def test_every_word_of_a_loudspeaker_has_its_place_in_the_log(ledger: Ledger) -> None:
    row = ledger.bulletin("a")
    began = {"started_at": NOW, "ended_at": NOW + timedelta(seconds=50), "played_ms": 50_000, "sound": "card"}
    said = {
        "played": ("played", began),
        "heard": ("played", began | {"proof_level": HEARD_LEVEL, "proof": "current"}),
        "filed": ("played", began | {"sound": "file"}),
        "cut": ("interrupted", began | {"played_ms": 9000, "reason": "power"}),
        "not-played": ("refused", {"reason": "quiet-hours"}),
        "unconfirmed": ("playing", {"started_at": NOW, "sound": "card"}),
    }
    starts = {}
    for hour, (outcome, (state, more)) in enumerate(said.items()):
        name = ledger.occurrence(row, NOW + timedelta(hours=hour))
        starts[name] = outcome
        ledger.hear(name, "thon-01", state, **more)
    silent = ledger.occurrence(row, NOW + timedelta(hours=20))
    aloud = ledger.occurrence(row, NOW + timedelta(hours=21))
    ledger.hear(aloud, "thon-01", "played", **(began | {"volume": 0}))
    found = {each.occurrence: each for each in ledger.entries()}
    assert {name: found[name].outcome for name in starts} == starts
    assert (found[silent].outcome, found[silent].is_delivered) == ("unconfirmed", False)
    assert found[aloud].outcome == "filed"
    assert [found[name].played_ms for name in starts] == [50_000, 50_000, 0, 9000, 0, 0]
    heard = next(each for each in found.values() if each.outcome == "heard")
    assert (heard.place, heard.village, heard.title, heard.author) == (
        "Đông 1",
        "Đông",
        "Tin a",
        heard.author,
    )
    assert stages.HEARD_LEVEL == HEARD_LEVEL


def test_a_late_word_changes_the_log_and_a_lost_one_never_counts_as_played(ledger: Ledger) -> None:
    name = ledger.occurrence(ledger.bulletin("a"), NOW)
    over = NOW + timedelta(seconds=180) + GRACE
    assert ledger.outcome(NOW - timedelta(seconds=1)) == "ahead"
    assert ledger.outcome(NOW) == ledger.outcome(over) == "under-way"
    assert ledger.outcome(over + timedelta(seconds=1)) == "unconfirmed"
    ledger.hear(name, "thon-01", "ready")
    (entry,) = ledger.entries()
    assert (entry.outcome, entry.is_delivered, sums_of([entry]).whole.played) == ("unconfirmed", True, 0)
    ledger.hear(name, "thon-01", "played", started_at=NOW, ended_at=NOW, played_ms=61_000, sound="card")
    assert ledger.outcome() == "played"


def test_a_play_that_gave_way_and_was_stopped_later_tells_both(ledger: Ledger) -> None:
    name = ledger.occurrence(ledger.bulletin("a"), NOW)
    began = {"started_at": NOW, "played_ms": 20_000, "sound": "file"}
    ledger.hear(
        name, "thon-01", "preempted", reason="preempted", ended_at=NOW + timedelta(seconds=20), **began
    )
    (only,) = ledger.entries()
    filed = "Điểm không có loa, tiếng chỉ ghi vào tệp."
    assert say_why(only) == f"Nhường cho bản tin quan trọng hơn. {filed}"
    stopped = NOW + timedelta(minutes=10)
    ledger.hear(name, "thon-01", "cancelled", at=stopped, reason="stopped", ended_at=stopped, **began)
    (both,) = ledger.entries()
    assert both.outcome == "filed"
    assert (
        say_why(both) == f"12:00:00: Nhường cho bản tin quan trọng hơn. 12:10:00: Đã dừng theo lệnh. {filed}"
    )


def test_what_was_called_off_in_time_is_no_failure_but_silence_after_an_order_is(ledger: Ledger) -> None:
    name = ledger.occurrence(ledger.bulletin("a"), NOW)
    row, play = ledger.db.get_one(Occurrence, name), ledger.db.get_one(Play, (name, "thon-01"))
    row.cancelled_at, play.state = NOW - timedelta(hours=1), "cancelled"
    assert ledger.outcome() == "cancelled"
    assert sums_of(ledger.entries()).whole == Totals(cancelled=1)
    row.cancelled_at = NOW + timedelta(seconds=20)  # it may have been sounding
    assert ledger.outcome() == "unconfirmed"
    row.cancelled_at, play.state, play.said_at = NOW - timedelta(hours=1), "ready", NOW - timedelta(hours=2)
    assert ledger.outcome(NOW + timedelta(seconds=30)) == "cancelled"
    assert ledger.outcome() == "unconfirmed"  # it had it, and never said that it let it be
    ledger.hear(name, "thon-01", "cancelled", reason="cancelled")
    assert ledger.outcome() == "cancelled"


def test_a_day_begins_at_midnight_of_viet_nam_and_a_node_cannot_move_a_play(ledger: Ledger) -> None:
    row = ledger.bulletin("a")
    midnight = datetime(2026, 12, 1, tzinfo=LOCAL)
    last = ledger.occurrence(row, midnight - timedelta(minutes=1))
    first = ledger.occurrence(row, midnight)
    ledger.hear(last, "thon-01", "played", planned_at=midnight + timedelta(days=90), sound="card")
    november, december = Period.of("2026-11"), Period.of("2026-12-01")
    assert [each.occurrence for each in ledger.entries(LATER, november)] == [last]
    assert [each.occurrence for each in ledger.entries(LATER, december)] == [first]
    assert list(sums_of(ledger.entries()).days) == [midnight.date() - timedelta(days=1), midnight.date()]


def test_a_play_the_hub_knows_nothing_of_stands_in_the_log_in_its_order(ledger: Ledger) -> None:
    row = ledger.bulletin("a", drill=True, kind="emergency")
    ledger.occurrence(row, NOW - timedelta(hours=1))
    ledger.occurrence(row, NOW + timedelta(hours=1))
    ledger.hear("x.1.strange", "thon-02", "played", sound="card", played_ms=10, planned_at=NOW)
    found = ledger.entries()
    assert [each.announcement for each in found] == ["a", "x", "a"]
    assert [each.kind for each in found] == ["drill", "", "drill"]
    assert (found[1].title, found[1].outcome, found[1].place) == ("", "played", "Bến 1")
    assert set(sums_of(found).fields) == {""}  # drills are of no field


STATES = ("fetching", "ready", "armed", "playing", "played", "interrupted", "preempted", "failed", "refused",
          "missed", "expired", "cancelled")  # fmt: skip
WORD = st.fixed_dictionaries(
    {
        "state": st.sampled_from(STATES),
        "played_ms": st.one_of(st.none(), st.integers(0, 900_000)),
        "sound": st.sampled_from(("card", "file")),
        "proof_level": st.integers(0, 3),
        "volume": st.one_of(st.none(), st.integers(0, 100)),
    }
)
PLAYS = st.lists(
    st.tuples(
        st.integers(0, 39 * 24),
        st.sampled_from(NODES),
        st.sampled_from(("routine", "priority", "emergency")),
        st.sampled_from(("", "health", "nature")),
        st.lists(WORD, max_size=3),
        st.randoms(use_true_random=False),
    ),
    max_size=7,
    unique_by=lambda each: each[:2],
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plays=PLAYS)
def test_sums_are_the_sums_of_receipts(records: Database, plays: list[Any]) -> None:
    with Session(records.engine) as db:
        ledger = Ledger(db)
        wanted = Totals(planned=len(plays))
        for number, (hour, node, kind, field, words, dice) in enumerate(plays):
            start = NOW - timedelta(days=20) + timedelta(hours=hour)
            name = ledger.occurrence(ledger.bulletin(f"b{number}", kind, field), start, (node,))
            chain = [(place, word) for place, word in enumerate(words, 10 * number + 1)]
            arrived = chain.copy()
            dice.shuffle(arrived)
            for place, word in [*arrived, *arrived[:1]]:  # out of order, and one of them twice
                ledger.hear(name, node, number=place, started_at=start, **word)
            _count(wanted, chain[-1][1] if chain else None)
        sums = sums_of(entries(db, YEAR.since, YEAR.until, LATER + timedelta(days=40)))  # type: ignore[union-attr]
        db.rollback()
    whole = sums.whole
    assert whole == wanted
    parts = (whole.played, whole.cut, whole.filed, whole.not_played, whole.unconfirmed, whole.under_way)
    assert sum(parts) == whole.planned
    assert whole.heard <= whole.played <= whole.delivered <= whole.planned
    for table in (sums.days, sums.kinds, sums.fields, sums.nodes, sums.bulletins):
        assert _added(table) == whole


def _count(wanted: Totals, last: dict[str, Any] | None) -> None:
    """The last word of a play, counted by hand."""
    if last is None:
        wanted.unconfirmed += 1
        return
    wanted.delivered += 1
    ms, is_loud = last["played_ms"] or 0, last["sound"] == "card" and last["volume"] != 0
    if last["state"] in ("fetching", "ready", "armed", "playing"):
        wanted.unconfirmed += 1
    elif last["state"] == "played" or (
        ms and last["state"] in ("interrupted", "preempted", "failed", "cancelled")
    ):
        wanted.played_ms += ms if is_loud else 0
        wanted.filed += not is_loud
        wanted.played += is_loud and last["state"] == "played"
        wanted.cut += is_loud and last["state"] != "played"
        wanted.heard += is_loud and last["state"] == "played" and last["proof_level"] >= 2
    elif last["state"] == "cancelled":
        wanted.planned -= 1
        wanted.delivered -= 1
        wanted.cancelled += 1
    else:
        wanted.not_played += 1


def _added(table: dict[Any, Totals]) -> Totals:
    found = Totals()
    for each in table.values():
        for name in vars(found):
            setattr(found, name, getattr(found, name) + getattr(each, name))
    return found


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(0, 0, None), (0, 9, 0), (1, 400, 1), (199, 200, 99), (200, 200, 100), (1, 3, 33)],
)
def test_a_percentage_is_whole_and_never_flatters(part: int, whole: int, said: int | None) -> None:
    assert percent(part, whole) == said


@pytest.mark.parametrize(
    ("text", "first", "last", "before", "after"),
    [
        ("2026", "2026-01-01", "2026-12-31", "2025", "2027"),
        ("2028-02", "2028-02-01", "2028-02-29", "2028-01", "2028-03"),
        ("2026-12", "2026-12-01", "2026-12-31", "2026-11", "2027-01"),
        ("2026-03-01", "2026-03-01", "2026-03-01", "2026-02-28", "2026-03-02"),
    ],
)
def test_a_day_a_month_a_year_and_their_neighbours(
    text: str, first: str, last: str, before: str, after: str
) -> None:
    period = Period.of(text)
    assert period is not None
    assert (period.first.isoformat(), period.last.isoformat(), period.name) == (first, last, text)
    assert (period.before().name, period.after().name) == (before, after)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "2026-13",
        "2026-02-30",
        "1999",
        "9999-12-31",
        "2026-1",
        "26-11-21",
        "2026-11-21-01",
        "２０２６",
        "-",
        "2" * 99,
    ],
)
def test_what_is_no_time_is_no_period(text: str) -> None:
    assert Period.of(text) is None


def test_an_empty_log_has_sums_of_nothing() -> None:
    assert sums_of([]) == Sums()


def test_repeats_of_an_emergency_are_one_group_of_the_day(ledger: Ledger) -> None:
    row = ledger.bulletin("kc", "emergency")
    midnight = NOW.replace(hour=0)
    starts = [midnight + timedelta(minutes=7 + 10 * n) for n in range(5)]
    names = [ledger.occurrence(row, start, NODES[:2]) for start in starts]
    ledger.occurrence(ledger.bulletin("a"), starts[1] + timedelta(minutes=2))
    for number, (name, start) in enumerate(zip(names[:3], starts, strict=False)):
        end = start + timedelta(seconds=30)
        began = {"started_at": start, "ended_at": end, "played_ms": 30_000, "sound": "card"}
        ledger.hear(name, "thon-01", "played", **began)
        if number:
            ledger.hear(name, "thon-02", "played", **began)
        else:
            ledger.hear(name, "thon-02", "missed", reason="next-due")
    for occurrence in ledger.db.scalars(select(Occurrence).where(Occurrence.id.in_(names[3:]))):
        occurrence.cancelled_at = starts[2] + timedelta(minutes=1)
    day = Period.of("2026-11-21")
    assert day is not None
    view = day_view(ledger.db, day, LATER)
    group, other = view.sittings
    assert group.clock == "00:07 – 00:27, 3 lần"
    assert group.said == "2 cụm loa, 10 lượt: 5 đã phát, chưa đo; 1 không phát; 4 đã huỷ"
    assert [(line.node, line.result) for line in group.lines] == [
        ("thon-02", "2 lần đã phát, chưa đo; 1 lần không phát"),
        ("thon-01", "3 lần đã phát, chưa đo"),
    ]
    assert group.lines[0].why == "Đã đến lần nhắc sau của tin khẩn cấp nên bỏ lần này."
    assert (other.clock, other.field, view.has_unsorted) == ("00:19", "Chưa xếp lĩnh vực", True)

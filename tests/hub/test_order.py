"""Two ưu tiên that meet, neighbours in turns: what the records keep and what the nodes are told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from broker.hub.announcing import bookings, order, plans
from broker.hub.announcing.plans import Signer
from broker.hub.announcing.rules import Rules, rules_of, set_rules
from broker.hub.announcing.turns import NO_TURNS, Point, Turns, colour, distance_m, neighbours
from broker.hub.declined import Declined
from broker.hub.records import Database, NodeRecord, Occurrence, Revision
from broker.hub.records.database import open_url
from broker.trust.envelope import Hours, PlayEntry, PlaysBody, Quiet
from broker.trust.keys import new_key
from tests.hub.town import NOW, Keys, Town, settle, settled

EVENING = NOW.replace(hour=17, minute=30)
SIGNER = Signer("hub-1", new_key())


@pytest.fixture
def town(tmp_path: Path, empty_file: Path, keys: Keys) -> Iterator[Town]:
    """The small commune, on SQLite alone: what is asked here is no matter of the database."""
    (tmp_path / "hub.db").write_bytes(empty_file.read_bytes())
    database: Database = open_url(f"sqlite:///{tmp_path / 'hub.db'}")
    settle(database)
    yield settled(database, keys)
    database.close()


def entries(town: Town, node: str = "thon-01") -> dict[str, PlayEntry]:
    """What a node is told, by announcement."""
    with town.database.session() as db:
        plan, _ = plans.plays_plan(db, SIGNER, db.get_one(NodeRecord, node), NOW)
    body = msgspec.json.decode(plan.signed.body, type=PlaysBody)
    return {each.announcement: each for each in body.plays}


def urgent(town: Town, minutes: float = 0.0, **change: object) -> Revision:
    """An approved ưu tiên of a minute and its chime, some minutes after half past five."""
    start = EVENING + timedelta(minutes=minutes)
    return town.revision(town.approved(kind="priority", starts=[start], **change))


def put_first(town: Town, revision: Revision, now: datetime = NOW) -> None:
    with town.database.session() as db:
        name = db.scalars(select(Occurrence.id).where(Occurrence.revision_id == revision.id)).one()
        order.put_first(db, town.hoa, name, now)


def test_two_urgent_ones_stand_together_and_nodes_are_told_who_waits(town: Town) -> None:
    first, second = urgent(town, title="Lũ"), urgent(town, title="Đò")
    told = entries(town)
    waits = {key: told[key.announcement_id].offset_ms for key in (first, second)}
    assert sorted(waits.values()) == [0, 74_000]
    late = max(waits, key=lambda key: waits[key])
    put_first(town, late)
    told = entries(town)
    assert told[late.announcement_id].offset_ms == 0
    assert told[late.announcement_id].order < 0
    other = first if late is second else second
    assert told[other.announcement_id].offset_ms == 74_000


def test_what_is_written_to_speak_first_or_after_does(town: Town) -> None:
    stands = urgent(town)
    first, after = urgent(town, 1, turn="first"), urgent(town, 1, turn="after")
    told = entries(town)
    offsets = [told[key.announcement_id].offset_ms / 1000 for key in (first, stands, after)]
    assert offsets == [0, 60 + 74, 2 * 74]


def test_an_order_that_keeps_somebody_waiting_too_long_is_declined(town: Town) -> None:
    long = urgent(town, 1, title="Dài", repeat=10, gap_s=25)
    with pytest.raises(Declined) as why:
        urgent(town, turn="after")
    assert why.value.code == "clash"
    early = urgent(town)
    assert entries(town)[long.announcement_id].offset_ms == 14_000
    put_first(town, early)
    with pytest.raises(Declined) as why:
        put_first(town, long)
    assert why.value.code == "waits-long"


def test_who_may_not_order_or_orders_nothing_is_told_so(town: Town) -> None:
    alone = urgent(town)
    routine = town.revision(town.approved(starts=[EVENING + timedelta(hours=1)]))
    for revision, code in ((alone, "no-queue"), (routine, "no-occurrence")):
        with pytest.raises(Declined) as why:
            put_first(town, revision)
        assert why.value.code == code
    other = urgent(town)
    with pytest.raises(Declined) as why:
        put_first(town, other, EVENING + timedelta(seconds=5))
    assert why.value.code == "begun"


def in_turns(town: Town, *nodes: str) -> None:
    """Some nodes stand 280 m from one another in a row, and the commune wants turns."""
    with town.database.session() as db:
        for n, name in enumerate(nodes):
            node = db.get_one(NodeRecord, name)
            node.latitude, node.longitude = 20.4 + n * 0.0025, 106.1
        set_rules(db, town.binh, Rules(is_in_turns=True), NOW)


def test_neighbours_are_told_their_turns_and_the_signed_tolerance_bears_them(town: Town) -> None:
    in_turns(town, "thon-01", "thon-02", "thon-03")
    shared = town.approved(villages=["dong", "ben", "ha"])
    name = town.revision(shared).announcement_id
    offsets = [entries(town, node)[name].offset_ms for node in ("thon-01", "thon-02", "thon-03")]
    assert sorted(offsets) == [0, 74_000, 148_000], "the three are all within 600 m of one another"
    with town.database.reading() as db:
        row = db.scalars(select(Occurrence)).one()
        assert row.tolerance_s >= 148 + 30
        [booking] = bookings.booked(db, NOW, EVENING + timedelta(hours=1))
    assert booking.spread_s == 148
    with pytest.raises(Declined) as why:
        town.submitted(starts=[EVENING + timedelta(minutes=3)])
    assert why.value.code == "clash", "the last turn still sounds"


def test_at_once_and_too_long_are_in_no_turns(town: Town) -> None:
    in_turns(town, "thon-01", "thon-02")
    long = town.approved(villages=["dong", "ben"], repeat=10, gap_s=60)
    now = town.approved(villages=["dong", "ben"], play_now=True, starts=[])
    for node in ("thon-01", "thon-02"):
        told = entries(town, node)
        assert told[town.revision(long).announcement_id].offset_ms == 0
        assert told[town.revision(now).announcement_id].offset_ms == 0


def test_turns_are_few_are_the_same_every_time_and_part_neighbours() -> None:
    row = {f"n{n}": Point(20 + n * 0.0045, 106, "dong") for n in range(7)}  # 500 m apart: each hears the next
    near = neighbours(row)
    turn = colour(near)
    assert max(turn.values()) == 1
    assert all(turn[one] != turn[other] for one in near for other in near[one])
    assert colour(neighbours(dict(reversed(row.items())))) == turn
    assert round(distance_m(Point(20, 106), Point(20.01, 106))) == 1112
    turns = Turns(row)
    assert turns.spread_s({"dong"}, 60, 120) == 70
    assert turns.spread_s({"dong"}, 60, 90) == 0, "not inside what is signed"
    assert turns.needs_s({"dong"}, 60) == 100
    assert turns.offset_s("n99", {"dong"}, 60, 120) == 0, "nobody knows where it stands"
    assert NO_TURNS.spread_s({"dong"}, 60, 900) == 0


def test_nodes_get_the_hours_of_the_kind_of_day_with_the_holidays_near(town: Town) -> None:
    holiday = Quiet(weekend=Hours(since="19:00", until="08:00"), holiday=Hours(since="12:00", until="13:00"))
    with town.database.session() as db:
        set_rules(db, town.binh, Rules(holiday, own_days=["2026-11-22"]), NOW)
        assert "2036-01-01" in rules_of(db).quiet.holidays
    with town.database.session() as db:
        plan, _ = plans.plays_plan(db, SIGNER, db.get_one(NodeRecord, "thon-01"), NOW)
        body = msgspec.json.decode(plan.signed.body, type=PlaysBody)
    assert {"2026-11-22", "2027-02-06"} <= set(body.quiet.holidays)
    assert "2028-01-01" not in body.quiet.holidays
    with pytest.raises(Declined) as why:
        town.submitted(starts=[NOW.replace(day=22, hour=12, minute=30)])
    assert "giờ yên tĩnh ngày lễ (12:00–13:00)" in str(why.value)


def test_only_who_answers_for_what_is_heard_changes_the_rules(town: Town) -> None:
    with town.database.session() as db, pytest.raises(Declined) as why:
        set_rules(db, town.hoa, Rules(session_limit_s=900), NOW)
    assert why.value.code == "no-right"

"""A loss is told only of what is really not here, whatever the source believed when it gave it up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from broker.contract.node import Lost
from broker.hub.gaps import note_hole, note_told
from broker.hub.records import Database, Gap, HighWater

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
MARK = ("thon-01.board", "e1", "tele")
Row = tuple[int, int, int | None, str]


def told(
    database: Database, first: int, last: int, count: int, *, upto: int = 0, holes: tuple[int, ...] = ()
) -> list[Row]:
    """What the records show of a loss when the hub had everything up to a position, but for the holes."""
    source, epoch, lane = MARK
    with database.session() as db:
        if upto:
            db.add(HighWater(source=source, epoch=epoch, lane=lane, upto=upto, at=NOW))
        for hole in holes:
            note_hole(db, MARK, hole, hole, NOW)
    with database.session() as db:
        lost = Lost(lane="tele", first=first, last=last, count=count, reason="quota")
        note_told(db, source, epoch, lost, NOW)
    with database.reading() as db:
        return [(g.first, g.last, g.count, g.reason) for g in db.scalars(select(Gap).order_by(Gap.id))]


def test_what_the_hub_had_before_it_was_given_up_is_not_lost(database: Database) -> None:
    """The acknowledgement was still on its way when the source's disk was full."""
    assert told(database, 1, 40, 40, upto=40) == []


def test_of_a_loss_that_the_hub_has_in_part_the_rest_is_lost(database: Database) -> None:
    assert told(database, 1, 40, 40, upto=25) == [(26, 40, 15, "quota")]


@pytest.mark.parametrize("count", [2, 40])
def test_holes_among_what_the_hub_has_are_what_was_lost(database: Database, count: int) -> None:
    assert told(database, 1, 40, count, upto=50, holes=(7, 9)) == [(1, 40, 2, "quota")]


def test_what_never_came_is_lost_as_it_was_told(database: Database) -> None:
    assert told(database, 41, 60, 13, upto=40) == [(41, 60, 13, "quota")]


def test_a_second_loss_among_the_same_positions_is_never_understated(database: Database) -> None:
    """Thinned, then given up altogether; the hole was seen between the two words of it."""
    assert told(database, 1, 40, 20) == [(1, 40, 20, "quota")]
    with database.session() as db:
        note_hole(db, MARK, 1, 40, NOW)
    assert told(database, 1, 40, 20, upto=41) == [(1, 40, 40, "quota")]


def test_what_never_had_a_position_is_added_up_beside_what_had(database: Database) -> None:
    assert told(database, 0, 0, 30, upto=40) == [(0, 0, 30, "quota")]
    assert told(database, 41, 60, 20) == [(0, 0, 30, "quota"), (41, 60, 20, "quota")]
    assert told(database, 0, 0, 5) == [(0, 0, 35, "quota"), (41, 60, 20, "quota")]

"""Finding alerts: each filter, pages that go on from the last row, and the index that bears them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from broker.hub.accounts import create_account
from broker.hub.alert_search import ON_A_PAGE, Wanted, find
from broker.hub.records import Alert
from tests.hub.town import NOW, PASSWORD, Town


def alert(number: int, **change: object) -> Alert:
    fields: dict[str, object] = {
        "kind": "motion",
        "node": "thon-01",
        "camera": "cong",
        "episode": f"e{number}",
        "started_at": NOW - timedelta(minutes=number),
        "raised_at": NOW,
    }
    return Alert(**(fields | change))


@pytest.fixture
def three(town: Town) -> Town:
    """One by an officer and true, one of another camera that was false, an old SOS button named as a camera."""
    with town.database.session() as db:
        ba = create_account(db, username="ba", full_name="Ba", password=PASSWORD, roles=["police"], now=NOW)
        closed = {"state": "closed", "closed_at": NOW}
        db.add(alert(1, **closed, close_reason="handled", officer_id=ba.id, escalated_at=NOW))
        db.add(alert(2, **closed, close_reason="animal", node="thon-02", unseen_at=NOW))
        db.add(alert(60 * 24 * 400, kind="sos", state="in-hand"))
    return town


def numbers(town: Town, wanted: Wanted) -> list[str]:
    with town.database.reading() as db:
        return [one.episode for one in find(db, wanted).rows]


OLD = f"e{60 * 24 * 400}"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), ["e1", "e2", OLD]),
        (Wanted(since=NOW - timedelta(minutes=1)), ["e1"]),
        (Wanted(until=NOW - timedelta(minutes=1)), ["e2", OLD]),
        (Wanted(node="thon-01", camera="cong"), ["e1"]),
        (Wanted(kind="sos"), [OLD]),
        (Wanted(officer=1_000), []),
        (Wanted(outcome="open"), [OLD]),
        (Wanted(outcome="in-hand"), [OLD]),
        (Wanted(outcome="closed"), ["e1", "e2"]),
        (Wanted(outcome="true"), ["e1"]),
        (Wanted(outcome="false"), ["e2"]),
        (Wanted(outcome="escalated"), ["e1"]),
        (Wanted(outcome="unseen"), ["e2"]),
        (Wanted(outcome="raised"), []),
        (Wanted(outcome="false", kind="motion", since=NOW - timedelta(days=1)), ["e2"]),
    ],
)
def test_each_filter(three: Town, wanted: Wanted, found: list[str]) -> None:
    assert numbers(three, wanted) == found


def test_an_officer_finds_the_own_ones(three: Town) -> None:
    with three.database.reading() as db:
        officer = find(db, Wanted(outcome="true")).rows[0].officer_id
    assert officer
    assert numbers(three, Wanted(officer=officer)) == ["e1"]


def test_pages_go_on_where_the_last_ended_though_alerts_of_one_moment_fill_them(town: Town) -> None:
    with town.database.session() as db:
        for n in range(2 * ON_A_PAGE + 7):
            db.add(alert(n, started_at=NOW - timedelta(minutes=n // 40)))
    seen: list[int] = []
    onward, pages = "", 0
    with town.database.reading() as db:
        while pages == 0 or onward:
            page = find(db, Wanted(), onward)
            seen += [one.id for one in page.rows]
            onward, pages = page.onward, pages + 1
    assert pages == 3
    assert len(seen) == len(set(seen)) == 2 * ON_A_PAGE + 7
    with town.database.session() as db:
        first = find(db, Wanted())
        db.add(alert(-5))  # one that comes meanwhile moves nothing
        db.flush()
        assert [one.id for one in find(db, Wanted(), first.onward).rows] == seen[ON_A_PAGE : 2 * ON_A_PAGE]


@pytest.mark.parametrize("name", ["x", "2026-11-21_", "_5", "2026-11-21T00:00:00_x", "9" * 80, "2026_-4"])
def test_a_damaged_name_of_a_page_is_the_first_page(three: Town, name: str) -> None:
    with three.database.reading() as db:
        assert len(find(db, Wanted(), name).rows) == 3


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("started_at <= '2026' AND (started_at < '2026' OR id < 9)", "ix_alert_started_at"),
        ("node = 'a' AND camera = 'b' AND started_at < '2026'", "ix_alert_camera_started"),
    ],
)
def test_the_pages_are_borne_by_an_index(town: Town, condition: str, index: str) -> None:
    if town.database.engine.dialect.name != "sqlite":
        pytest.skip("plans are read on SQLite")
    query = (
        f"EXPLAIN QUERY PLAN SELECT * FROM alert WHERE {condition} ORDER BY started_at DESC, id DESC LIMIT 51"
    )
    with town.database.reading() as db:
        plan = " ".join(str(row) for row in db.execute(text(query)))
    assert index in plan
    assert "TEMP B-TREE" not in plan

"""Hôm nay asks as little of a year of records as of a day: its questions do not grow with what is past or planned."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

from sqlalchemy import event, insert

from broker.hub.records import Announcement, Occurrence, Play, Revision
from tests.console.stage import NODES, NOW, VILLAGES, Stage


def fill(stage: Stage, days: range, hours: tuple[int, ...]) -> None:
    """Announcements that were played or are planned, some a day, on every loudspeaker."""
    author, everywhere = stage.people["hanh"].id, [code for code, *_ in VILLAGES]
    at = {"author_id": author, "created_at": NOW}
    tables: dict[Any, list[dict[str, Any]]] = {Announcement: [], Revision: [], Occurrence: [], Play: []}
    for number, (day, hour) in enumerate(
        ((day, hour) for day in days for hour in hours), 1000 + 10_000 * len(hours)
    ):
        start, key = NOW.replace(hour=hour, minute=0) + timedelta(days=day), f"bt-{number}"
        state = "played" if start < NOW else "ready"
        tables[Announcement].append({"id": key, **at})
        tables[Revision].append(
            {"id": number, "announcement_id": key, "number": 1, "state": "approved", "edited_at": start}
            | {"title": f"Bản tin {number}", "spoken": "Lời. " * 200, "villages": everywhere, **at}
        )
        occurrence = {"id": f"{key}.1", "revision_id": number, "start": start, "tolerance_s": 300}
        tables[Occurrence].append(occurrence | {"duration_s": 66.0})
        tables[Play] += [
            {"occurrence": f"{key}.1", "node": node, "announcement": key, "revision": 1, "planned_at": start}
            | {"state": state, "sound": "card"}
            for node, *_ in NODES
        ]
    with stage.database.session() as db:
        for table, rows in tables.items():
            db.execute(insert(table), rows)


def questions(stage: Stage, path: str) -> int:
    """How many statements the database is asked for one page."""
    client, asked, here = stage.client("binh"), [], threading.get_ident()

    def note(*told: Any) -> None:
        if threading.get_ident() == here:  # the live feed asks too, when it likes
            asked.append(told[2])

    client.get(path)  # what is read once for all pages has been read
    event.listen(stage.database.engine, "before_cursor_execute", note)
    try:
        assert client.get(path).status_code == 200
    finally:
        event.remove(stage.database.engine, "before_cursor_execute", note)
    return len(asked)


def test_a_year_of_records_is_no_more_to_ask_than_one_playing(stage: Stage) -> None:
    fill(stage, range(1), (18,))
    paths = ("/", "/week", "/tomorrow", "/approvals")
    few = {path: questions(stage, path) for path in paths}
    fill(stage, range(-60, 8), (6, 11, 17))
    page = stage.client("binh").get("/").get_data(as_text=True)
    assert "4 lượt phát" in page
    assert "Mai có 3 lượt phát, từ 06:00." in page
    assert {path: questions(stage, path) for path in paths} == few

"""Words for an emergency that nobody let speak: read and heard by the same people on every page."""

from __future__ import annotations

import msgspec

from broker.hub.announcing.render import media_store
from broker.hub.records import Revision
from tests.console.stage import Stage
from tests.console.urgent import alarmed, revision_of
from tests.fakes.house import a_second_of_nothing


def test_no_page_shows_the_villages_what_nobody_let_speak(stage: Stage) -> None:
    alarmed(stage)
    form: dict[str, object] = {
        "text": "Sạt lở ở dốc Gò. Bà con ra khỏi nhà ngay.",
        "villages": ["dong", "go"],
    }
    answer = stage.post(stage.client("hanh"), "/emergency/words", form, page="/emergency")
    key = str(answer.headers["Location"]).rpartition("/")[2]
    media = media_store(stage.settings).add(a_second_of_nothing(), "audio/ogg", 9_000)
    with stage.database.session() as db:
        db.get_one(Revision, revision_of(stage, key).id).audio = msgspec.to_builtins(media)
    pages = (f"/emergency/{key}", f"/announcements/{key}", f"/announcements/{key}/audio/{media.sha256}")
    for name in ("giup", "thon"):
        assert [stage.client(name).get(page).status_code for page in pages] == [403] * 3, name
    for name in ("hanh", "binh", "lanh"):
        assert [stage.client(name).get(page).status_code for page in pages] == [200] * 3, name

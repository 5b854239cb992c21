"""Citizens' words stay sealed until somebody with the right opens them, and that is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from broker.hub import feedback
from broker.hub.accounts import create_account
from broker.hub.declined import Declined
from broker.hub.records import Feedback, HelperCall, audit_rows
from broker.link.config import Settings
from broker.trust.seal import seal
from tests.hub.town import NOW, PASSWORD, Town, hub_settings

CODE = "4K7QM2XR8T"
WORDS: dict[str, Any] = {
    "code": CODE,
    "topic": "light",
    "spot": "village",
    "village": "dong",
    "text": "Đèn đường trước nhà văn hoá hỏng ba hôm nay.",
    "at": NOW.isoformat(),
    "language": "vi",
}


@pytest.fixture
def settings(town: Town, tmp_path: Path) -> Settings:
    return hub_settings(tmp_path, town.keys.hub)


def arrive(town: Town, words: dict[str, Any] | bytes = WORDS) -> None:
    """What ingest stores."""
    data = words if isinstance(words, bytes) else msgspec.json.encode(words)
    sealed = seal((town.keys.node / "hub-seal.pub").read_bytes(), data)
    with town.database.session() as db:
        db.add(Feedback(code=CODE, node="thon-01", at=NOW, received_at=NOW, sealed=sealed))


def test_words_are_opened_for_a_reader_and_the_reading_is_recorded(town: Town, settings: Settings) -> None:
    arrive(town)
    with town.database.session() as db:
        words = feedback.read(db, settings, town.hoa, CODE, NOW)
    assert words.text == WORDS["text"]
    assert (words.topic, words.village) == ("light", "dong")
    with town.database.reading() as db:
        last = list(audit_rows(db))[-1].entry
    assert (last.actor, last.action, last.subject) == ("hoa", "feedback.read", CODE)


def test_the_database_never_holds_the_words_in_the_open(
    town: Town, settings: Settings, tmp_path: Path
) -> None:
    arrive(town)
    with town.database.session() as db:
        feedback.read(db, settings, town.hoa, CODE, NOW)
    needle = "Đèn đường".encode()
    assert all(needle not in path.read_bytes() for path in tmp_path.glob("hub.db*"))


def test_who_may_not_read_does_not(town: Town, settings: Settings) -> None:
    arrive(town)
    with town.database.session() as db:
        police = create_account(
            db, username="ba", full_name="Ba", password=PASSWORD, roles=["police"], now=NOW
        )
        with pytest.raises(Declined) as found:
            feedback.read(db, settings, police, CODE, NOW)
    assert found.value.code == "no-right"


@pytest.mark.parametrize("bad", [b"not json", msgspec.json.encode(WORDS | {"code": "0000000000"})])
def test_words_that_cannot_be_believed_are_not_shown(town: Town, settings: Settings, bad: bytes) -> None:
    arrive(town, bad)
    with town.database.session() as db, pytest.raises(Declined) as found:
        feedback.read(db, settings, town.hoa, CODE, NOW)
    assert found.value.code == "unreadable"


def test_a_missing_key_or_code_gives_a_sentence(town: Town, settings: Settings, tmp_path: Path) -> None:
    arrive(town)
    with town.database.session() as db:
        with pytest.raises(Declined) as found:
            feedback.read(db, settings, town.hoa, "0000000000", NOW)
        assert found.value.code == "no-feedback"
        settings.keys.dir = str(tmp_path / "none")
        with pytest.raises(Declined) as found:
            feedback.read(db, settings, town.hoa, CODE, NOW)
        assert found.value.code == "no-seal-key"


def test_one_person_takes_it_and_answers(town: Town) -> None:
    arrive(town)
    with town.database.session() as db:
        feedback.take(db, town.hoa, CODE, NOW)
        with pytest.raises(Declined, match="Hoa đang xử lý"):
            feedback.take(db, town.lanh, CODE, NOW)
        with pytest.raises(Declined):
            feedback.answer(db, town.hoa, CODE, " ", NOW)
        row = feedback.answer(db, town.hoa, CODE, "Đã thay bóng đèn.", NOW)
    assert (row.state, row.answer) == ("answered", "Đã thay bóng đèn.")


def test_a_call_for_a_helper_is_taken_once(town: Town) -> None:
    with town.database.session() as db:
        db.add(HelperCall(call="c1", node="thon-01", at=NOW, page="home", received_at=NOW))
        feedback.take_call(db, town.hoa, "c1", NOW)
        assert feedback.take_call(db, town.binh, "c1", NOW).taken_by == town.hoa.id
        with pytest.raises(Declined):
            feedback.take_call(db, town.hoa, "c2", NOW)

"""Words asked in vain: counted once a day's telling, whatever the clock of the screen says."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest

from broker.contract.kiosk import MissedWords, SearchMissed
from broker.hub.records import SearchWord
from broker.hub.search_words import count_missed
from broker.link.clock import LOCAL
from tests.hub.town import NOW, Town

TODAY = NOW.astimezone(LOCAL).date()


def told(town: Town, on: date) -> SearchWord:
    with town.database.session() as db:
        count_missed(db, SearchMissed(on=on, words=[MissedWords(text="ba mat", count=3)]), NOW)
        db.flush()
        return db.get_one(SearchWord, "ba mat")


def test_a_word_keeps_its_first_and_last_day(town: Town) -> None:
    told(town, TODAY - timedelta(days=3))
    row = told(town, TODAY)
    assert (row.count, row.first_on, row.last_on) == (6, TODAY - timedelta(days=3), TODAY)


@pytest.mark.parametrize("wrong", [date(9999, 12, 31), date(1970, 1, 1), TODAY + timedelta(days=1)])
def test_a_day_of_a_wrong_clock_counts_as_today(town: Town, wrong: date) -> None:
    row = told(town, wrong)
    assert (row.first_on, row.last_on) == (TODAY, TODAY)


@pytest.mark.parametrize(
    "text", ["001099012345", "<script>", "ba\u202emat", "Ba Mat", "a\x00b", " ba", "ba  mat"]
)
def test_what_is_no_word_is_no_message(text: str) -> None:
    said = msgspec.json.encode({"on": TODAY, "words": [{"text": text, "count": 3}]})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(said, type=SearchMissed)

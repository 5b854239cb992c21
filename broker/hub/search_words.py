"""Words that people typed at screens and that found nothing: counted, and put to a procedure by an official."""

from __future__ import annotations

from sqlalchemy.orm import Session

from broker.contract.kiosk import SearchMissed
from broker.hub.records import SearchWord


def count_missed(db: Session, said: SearchMissed) -> None:
    """Add what a screen counted. The day is the screen's own; who asked is in nothing it says."""
    for each in said.words:
        row = db.get(SearchWord, each.text)
        if row is None:
            db.add(SearchWord(text=each.text, count=each.count, first_on=said.on, last_on=said.on))
        else:
            row.count += each.count
            row.first_on, row.last_on = min(row.first_on, said.on), max(row.last_on, said.on)

"""Words that people typed at screens and that found nothing: counted, and put to a procedure by an official."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from broker.contract.kiosk import SearchMissed
from broker.hub.records import SearchWord
from broker.link.clock import LOCAL

OLDEST: Final = timedelta(days=366)
"""What a screen kept longer than this was counted by a wrong clock."""


def count_missed(db: Session, said: SearchMissed, now: datetime) -> None:
    """Add what a screen counted, on its own day unless its clock was wrong. Who asked is in nothing it says."""
    today = now.astimezone(LOCAL).date()
    on = said.on if today - OLDEST <= said.on <= today else today
    for each in said.words:
        row = db.get(SearchWord, each.text)
        if row is None:
            db.add(SearchWord(text=each.text, count=each.count, first_on=on, last_on=on))
        else:
            row.count += each.count
            row.first_on, row.last_on = min(row.first_on, on), max(row.last_on, on)

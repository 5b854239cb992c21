"""What the commune decided for all announcements: hours of silence and the longest sitting."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from sqlalchemy.orm import Session

from broker.hub.declined import Declined
from broker.hub.records import note_change, put_setting, setting
from broker.trust.envelope import Quiet

_NAME = "announcing"


@dataclass(frozen=True)
class Rules:
    """Hours of silence (local time) and the longest sitting of ordinary announcements in seconds, 0: none."""

    quiet: Quiet = field(default_factory=Quiet)
    session_limit_s: int = 2700


def rules_of(db: Session) -> Rules:
    """The rules in force; the defaults where the commune has not edited them."""
    kept = setting(db, _NAME, None)
    return Rules() if kept is None else msgspec.convert(kept, Rules)


def put_rules(db: Session, quiet_since: str, quiet_until: str, session_limit_s: int, now: datetime) -> Rules:
    """Change the rules; nodes get them with their next plan. Raises Declined for times that are none."""
    try:
        rules = msgspec.convert(
            {"quiet": {"since": quiet_since, "until": quiet_until}, "session_limit_s": session_limit_s}, Rules
        )
    except msgspec.ValidationError as why:
        raise Declined("bad-rules", "Xin ghi giờ theo dạng 21:00 và số phút là số nguyên.") from why
    put_setting(db, _NAME, msgspec.to_builtins(rules), now)
    note_change(db, "plan", "*", now)
    return rules

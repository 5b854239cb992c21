"""What the commune decided for all announcements: hours of silence, how much a village may have to hear, turns."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from sqlalchemy.orm import Session

from broker.hub.announcing.public_days import public_days
from broker.hub.announcing.sittings import DAY_CEILING_S, SITTING_CEILING_S, Caps
from broker.hub.declined import Declined
from broker.hub.records import Account, note_change, put_setting, setting, write_audit
from broker.hub.roles import require_role
from broker.link.clock import LOCAL
from broker.trust.envelope import Hours, LocalDay, Quiet

SETTERS: Final = ("approver", "admin")
"""Who changes them: who answers for what is heard, and who looks after the machines."""
YEARS: Final = 10
"""Public holidays are known so many years ahead; each change of the rules looks ahead anew."""
_NAME = "announcing"


@dataclass(frozen=True)
class Rules:
    """Hours of silence (local time), limits of what is heard, 0 for none, and whether neighbours speak in turns."""

    quiet: Quiet = field(default_factory=Quiet)
    session_limit_s: Annotated[int, Meta(ge=0, le=SITTING_CEILING_S)] = 2700
    """The longest sitting of ordinary announcements."""
    sittings_a_day: Annotated[int, Meta(ge=0, le=24)] = 0
    day_limit_s: Annotated[int, Meta(ge=0, le=DAY_CEILING_S)] = 0
    """Seconds of ordinary announcements a village hears in one day."""
    is_in_turns: bool = False
    """Loudspeakers near one another speak one after the other, emergencies excepted."""
    own_days: Annotated[list[LocalDay], Meta(max_length=60)] = field(default_factory=list)
    """Days the commune keeps as holidays besides the public ones, `2026-11-20`."""

    @property
    def caps(self) -> Caps:
        """What a village may have to hear."""
        return Caps(self.session_limit_s, self.sittings_a_day, self.day_limit_s)


def rules_of(db: Session) -> Rules:
    """The rules in force; the defaults where the commune has not edited them."""
    kept = setting(db, _NAME, None)
    return Rules() if kept is None else msgspec.convert(kept, Rules)


def with_holidays(rules: Rules, today: date) -> Rules:
    """The rules with the days on which the hours of holidays hold; no days where holidays are like other days."""
    days: set[str] = set()
    if rules.quiet.holiday is not None:
        known = public_days(date(today.year, 1, 1), date(today.year + YEARS, 12, 31))
        days = {*(day.isoformat() for day in known), *rules.own_days}
    return replace(rules, quiet=msgspec.structs.replace(rules.quiet, holidays=sorted(days)))


def quiet_for(quiet: Quiet, today: date) -> Quiet:
    """Hours of silence as a plan carries them: with the holidays of this year and the next, which is enough."""
    years = (str(today.year), str(today.year + 1))
    return msgspec.structs.replace(quiet, holidays=[day for day in quiet.holidays if day[:4] in years])


def set_rules(db: Session, account: Account, rules: Rules, now: datetime) -> Rules:
    """Change the rules; nodes get them with their next plan. Declined: no right, or no hour left to speak in."""
    require_role(db, account, now, *SETTERS)
    for name, hours in hours_by_day(rules.quiet).items():
        if _silent_s(hours) > 23 * 3600:
            raise Declined(
                "always-quiet", f"Giờ yên tĩnh {name} gần hết cả ngày, loa sẽ không phát được bản tin nào."
            )
    before, after = rules_of(db), with_holidays(rules, now.astimezone(LOCAL).date())
    was, becomes = told(before), told(after)
    changed = {name: said for name, said in becomes.items() if was[name] != said}
    if changed:
        _keep(db, after, now)
        write_audit(db, now, account.username, "rules.changed", "announcing", changed)
    return after


def put_rules(db: Session, quiet_since: str, quiet_until: str, session_limit_s: int, now: datetime) -> Rules:
    """Set weekday hours and the longest sitting from the command line. Raises Declined for times that are none."""
    kept = msgspec.to_builtins(rules_of(db))
    kept["quiet"] |= {"since": quiet_since, "until": quiet_until}
    try:
        rules = msgspec.convert(kept | {"session_limit_s": session_limit_s}, Rules)
    except msgspec.ValidationError as why:
        raise Declined("bad-rules", "Xin ghi giờ theo dạng 21:00 và số phút là số nguyên.") from why
    _keep(db, rules, now)
    return rules


def hours_by_day(quiet: Quiet) -> dict[str, Hours]:
    """Hours of silence by kind of day, as people call it; days without hours of their own are not named."""
    found = {"ngày thường": Hours(since=quiet.since, until=quiet.until)}
    if quiet.weekend is not None:
        found["cuối tuần"] = quiet.weekend
    if quiet.holiday is not None:
        found["ngày lễ"] = quiet.holiday
    return found


def told(rules: Rules) -> dict[str, str]:
    """Rules as the audit log keeps them: hours, minutes, numbers."""
    weekend, holiday = rules.quiet.weekend, rules.quiet.holiday
    return {
        "quiet": f"{rules.quiet.since}–{rules.quiet.until}",
        "weekend": f"{weekend.since}–{weekend.until}" if weekend else "",
        "holiday": f"{holiday.since}–{holiday.until}" if holiday else "",
        "days": ",".join(rules.own_days),
        "sitting": str(rules.session_limit_s // 60),
        "sittings": str(rules.sittings_a_day),
        "minutes": str(rules.day_limit_s // 60),
        "turns": "yes" if rules.is_in_turns else "",
    }


def _keep(db: Session, rules: Rules, now: datetime) -> None:
    put_setting(db, _NAME, msgspec.to_builtins(rules), now)
    note_change(db, "plan", "*", now)


def _silent_s(hours: Hours) -> float:
    """Seconds of silence in a day of these hours."""
    since, until = (time.fromisoformat(each) for each in (hours.since, hours.until))
    seconds = (until.hour - since.hour) * 3600 + (until.minute - since.minute) * 60
    return seconds % 86_400

"""Which procedures are to be compared with their source again, and by when. Pure: the day is given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from broker.contract.content import Procedure
from broker.look.procedure import DUE_AFTER, STALE_AFTER, Standing, standing

NOTICE = timedelta(days=14)
"""So long before screens say less of a procedure, its review is asked for."""
HIDDEN = ("stale", "ended")
"""Standings in which screens show the name only, until somebody acts."""


@dataclass(frozen=True)
class Due:
    """Where a procedure stands, and what comes next if nobody does anything."""

    standing: Standing
    by: date | None
    """The first day on which screens say less of it than today; None when nothing comes any more."""
    then: Standing
    """What it is from that day on."""
    is_asked: bool
    """Whether somebody should look at it now."""

    @property
    def rank(self) -> tuple[int, date]:
        """What comes first: hidden, then already asked on the screen, then what is asked for soon, then the rest."""
        place = 0 if self.standing in HIDDEN else 1 if self.standing == "due" else 2 if self.is_asked else 3
        return place, self.by or date.min


def due_of(procedure: Procedure, today: date) -> Due:
    """When a procedure has to be looked at."""
    here = standing(procedure, today)
    if here in HIDDEN:
        return Due(here, None, here, is_asked=True)
    by, then = _next(procedure, today)
    is_soon = by is not None and by - today <= NOTICE and then != "fresh"
    return Due(here, by, then, is_asked=here == "due" or is_soon)


def first_day(found: Iterable[Due]) -> date | None:
    """The nearest day on which a procedure is said less of; None when there is none."""
    return min((each.by for each in found if each.by is not None and each.then != "fresh"), default=None)


def _next(procedure: Procedure, today: date) -> tuple[date | None, Standing]:
    """The next day that changes what is shown, and to what."""
    days = [procedure.checked_on + DUE_AFTER, procedure.checked_on + STALE_AFTER]
    if procedure.valid_from:
        days.append(procedure.valid_from)
    if procedure.valid_to and procedure.valid_to < date.max:
        days.append(procedure.valid_to + timedelta(days=1))
    here = standing(procedure, today)
    for day in sorted(day for day in days if day > today):
        if (then := standing(procedure, day)) != here:
            return day, then
    return None, here

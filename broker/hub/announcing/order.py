"""The commune's order among ưu tiên that meet (Circular 39/2020/TT-BTTTT: there the commune decides the order)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from broker.hub.announcing import planner
from broker.hub.announcing.bookings import booked, booking_of, turns_of
from broker.hub.announcing.planner import Booking
from broker.hub.announcing.rules import rules_of
from broker.hub.announcing.schedule import rank_of
from broker.hub.announcing.turns import Turns
from broker.hub.declined import Declined
from broker.hub.records import Account, Occurrence, Revision, note_change, write_audit
from broker.hub.roles import require_role
from broker.trust.envelope import Quiet, Tuning
from broker.trust.quiet import is_quiet

ORDERERS: Final = ("editor", "approver")
"""Who says which ưu tiên speaks first; nothing that was signed changes by it."""
FIRST: Final = -1000
LAST: Final = 1000
_REACH: Final = timedelta(hours=6)
"""So far around a start the queue is looked for; no queue is longer, for nobody waits beyond the tolerance."""


def place_of(turn: str) -> int:
    """The place of what is to speak "first" or "after" those it meets; 0 by the hour."""
    return {"first": FIRST, "after": LAST}.get(turn, 0)


def place_new(db: Session, revision: Revision) -> None:
    """Give the new occurrences of a revision their places among the ưu tiên they meet, as its writer chose."""
    if rank_of(revision) != "priority" or not revision.place:
        return
    for row in revision.occurrences:
        if row.cancelled_at is None:
            others = [each for each in _near(db, row.start) if each.announcement != revision.announcement_id]
            mine = replace(booking_of(row, turns_of(db)), place=revision.place)
            places = [
                each.place
                for each in planner.queue_of(mine, others)
                if each.announcement != mine.announcement
            ]
            step = -1 if revision.place < 0 else 1
            row.place = (min(places) if step < 0 else max(places)) + step if places else 0


def put_first(db: Session, account: Account, occurrence: str, now: datetime) -> Occurrence:
    """Let one ưu tiên speak before all others it meets. Nodes get the order with their next plan.

    Declined: no right, nothing to order, one that has begun, one that would then wait too long or into silence.
    """
    require_role(db, account, now, *ORDERERS)
    row = db.get(Occurrence, occurrence)
    if row is None or row.cancelled_at is not None or rank_of(row.revision) != "priority":
        raise Declined("no-occurrence", "Không tìm thấy lượt phát ưu tiên này.")
    others = [each for each in _near(db, row.start) if each.announcement != row.revision.announcement_id]
    queue = planner.queue_of(booking_of(row, turns_of(db)), others)
    if not queue:
        raise Declined("no-queue", "Lượt này không trùng với tin ưu tiên nào nên không cần xếp thứ tự.")
    if queue[0].begins <= now:
        raise Declined("begun", f"“{queue[0].title}” đã bắt đầu phát nên không đổi thứ tự được nữa.")
    row.place = min(each.place for each in queue) - 1
    db.flush()
    _refuse_bad(db, row)
    told = {
        "before": ",".join(
            each.announcement for each in queue if each.announcement != row.revision.announcement_id
        )
    }
    write_audit(db, now, account.username, "play.ordered", row.id, told)
    note_change(db, "announcement", row.revision.announcement_id, now)
    note_change(db, "plan", "*", now)
    return row


def lined_up(rows: Sequence[Occurrence], turns: Turns) -> dict[str, Booking]:
    """The approved ưu tiên among some occurrences as they will speak, by the occurrence's name."""
    urgent = [
        row
        for row in rows
        if rank_of(row.revision) == "priority"
        and row.cancelled_at is None
        and row.revision.state == "approved"
    ]
    stands = planner.line_up([booking_of(row, turns) for row in urgent])
    return {row.id: each for row, each in zip(urgent, stands, strict=True)}


def later_s(row: Occurrence, node: str, lined: Mapping[str, Booking], turns: Turns, tuning: Tuning) -> float:
    """How much after its hour an occurrence begins on one node: behind another ưu tiên, and in the node's turn.

    0 leaves the node to its own tuning; emergencies and "Phát ngay" are at once everywhere.
    """
    if rank_of(row.revision) == "emergency" or row.revision.play_now:
        return 0.0
    delay_s = lined[row.id].delay_s if row.id in lined else 0.0
    turn_s = turns.offset_s(node, row.revision.villages, row.duration_s, row.tolerance_s)
    if not delay_s and not turn_s:
        return 0.0
    return min(delay_s + (turn_s or tuning.offset_ms / 1000), float(planner.MOST_LATER_S))


def _near(db: Session, moment: datetime) -> list[Booking]:
    rows = booked(db, moment - _REACH, moment + _REACH, waiting=False)
    return [each for each in rows if each.kind == "priority"]


def _refuse_bad(db: Session, row: Occurrence) -> None:
    """Refuse an order in which somebody waits too long, meets another announcement or runs into silence.

    What waits for approval is not asked: it is looked at again then.
    """
    all_near = booked(db, row.start - _REACH, row.start + _REACH, waiting=False)
    mine = [each for each in all_near if (each.announcement, each.start) == _key(row)]
    rest = [each for each in all_near if (each.announcement, each.start) != _key(row)]
    met = planner.clashes(mine, rest)
    if met and planner.is_late(met[0][0]):
        raise Declined(
            "waits-long", f"“{met[0][0].title}” sẽ phải chờ quá lâu; xin giữ thứ tự cũ hoặc đổi giờ."
        )
    if met:
        raise Declined("clash", f"“{met[0][0].title}” sẽ trùng với “{met[0][1].title}”; xin giữ thứ tự cũ.")
    if _is_hushed(planner.line_up([*mine, *rest]), rules_of(db).quiet):
        raise Declined(
            "quiet-hours", "Đổi thứ tự như vậy thì có tin rơi vào giờ yên tĩnh; xin giữ thứ tự cũ."
        )


def _is_hushed(queue: Sequence[Booking], quiet: Quiet) -> bool:
    return any(each.delay_s and is_quiet(quiet, each.begins, each.end) for each in queue)


def _key(row: Occurrence) -> tuple[str, datetime]:
    return row.revision.announcement_id, row.start

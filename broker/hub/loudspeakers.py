"""Loudspeakers of the commune: how each is set, and the test chimes that people ask for."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from broker.hub.announcing.rules import rules_of
from broker.hub.declined import Declined
from broker.hub.records import (
    Account,
    NodeRecord,
    Occurrence,
    Play,
    ServiceSeen,
    SpeakerSeen,
    SpeakerTest,
    SpeakerTuning,
    note_change,
    write_audit,
)
from broker.hub.roles import require_role
from broker.hub.silence import silence_of
from broker.link.clock import LOCAL
from broker.trust.envelope import Quiet, Tuning
from broker.trust.quiet import hours_on, is_quiet

SETTERS: Final = ("approver", "admin")
"""Who sets loudspeakers and lets them chime: who answers for what is heard, and who looks after the machines."""
TEST_LASTS: Final = timedelta(seconds=30)
"""The chime with the seconds around it; it must be over before silence begins and before a play."""
REST: Final = timedelta(minutes=10)
"""Between two tests of one loudspeaker; the node keeps it too."""
ORDER_LASTS: Final = timedelta(seconds=120)
"""An order to test that did not reach its node by then is not sent any more."""


def tuning_of(db: Session, node: str) -> Tuning:
    """How the loudspeaker of a node is set; full volumes and no test where nobody has set it."""
    row = db.get(SpeakerTuning, node)
    if row is None:
        return Tuning()
    return Tuning(**{name: getattr(row, name) for name in Tuning.__struct_fields__})


def put_tuning(db: Session, account: Account, node: NodeRecord, tuning: Tuning, now: datetime) -> None:
    """Set a loudspeaker; its node gets it with its next plan.

    tuning: within the limits of its fields. Declined: no right, a weekly test in the hours of silence.
    """
    require_role(db, account, now, *SETTERS)
    if tuning.test_weekday is not None and _is_quiet(tuning, rules_of(db).quiet):
        raise Declined(
            "quiet-test", f"{tuning.test_at} nằm trong giờ yên tĩnh, xin chọn giờ khác để thử loa."
        )
    before = tuning_of(db, node.name)
    if before == tuning:
        return
    row = db.get(SpeakerTuning, node.name)
    if row is None:
        row = SpeakerTuning(node=node.name)
        db.add(row)
    for name in tuning.__struct_fields__:
        setattr(row, name, getattr(tuning, name))
    row.changed_at = now
    was = _told(before)
    changed = {name: said for name, said in _told(tuning).items() if was[name] != said}
    write_audit(db, now, account.username, "speaker.tuned", node.name, changed)
    note_change(db, "plan", node.name, now)
    note_change(db, "speaker", node.name, now)


def ask_test(db: Session, account: Account, node: NodeRecord, now: datetime) -> SpeakerTest:
    """Ask a loudspeaker for its test chime.

    Declined: no right, hours of silence, silence in the commune or in the house, a node that is away, a play that
    is near, a test in the last ten minutes. The node checks all of it again.
    """
    require_role(db, account, now, *SETTERS)
    refusal = refusal_of_test(db, node, now)
    if refusal:
        raise Declined("not-now", refusal)
    row = SpeakerTest(
        test=f"t-{secrets.token_hex(8)}", node=node.name, asked_at=now, account_id=account.id, is_weekly=False
    )
    db.add(row)
    db.flush()
    write_audit(db, now, account.username, "speaker.tested", node.name)
    note_change(db, "test", row.test, now)
    note_change(db, "speaker", node.name, now)
    return row


def refusal_of_test(db: Session, node: NodeRecord, now: datetime) -> str:
    """Why a loudspeaker should not chime now, as a sentence; empty when it may."""
    quiet = rules_of(db).quiet
    seen, life = db.get(SpeakerSeen, node.name), db.get(ServiceSeen, f"{node.name}.speaker")
    silence = silence_of(db, now)
    if node.retired_at is not None:
        return "Điểm này đã thu hồi."
    if life is None or life.state in ("lost", "stopped"):
        return "Điểm đang mất nối nên chưa kêu thử được; nối lại rồi thử."
    if is_quiet(quiet, now, now + TEST_LASTS):
        hours = hours_on(quiet, now.astimezone(LOCAL).date())
        return f"Đang trong giờ yên tĩnh, từ {hours.since} đến {hours.until}; loa không kêu thử."
    if silence is not None:
        until = silence.until.astimezone(LOCAL)
        return f"Cả xã đang im tiếng đến {until:%H:%M}; cho loa nói lại rồi mới kêu thử."
    if seen is not None and seen.silenced == "here":
        return "Khoá im lặng ở điểm đang bật; nhờ người ở thôn gạt khoá rồi thử."
    if _plays_near(db, node, now):
        return "Loa đang phát hoặc sắp phát bản tin; xong bản tin rồi thử."
    if _is_testing(db, node, now):
        return "Loa đang thử, chờ loa báo kết quả."
    last = _last_test(db, node, now)
    if last is not None:
        return f"Loa vừa thử lúc {last.astimezone(LOCAL):%H:%M}, mười phút sau mới thử lại được."
    return ""


def wanted_tests(db: Session, now: datetime) -> Sequence[SpeakerTest]:
    """Tests asked for that no command was sent for and that are still wanted, oldest first."""
    query = select(SpeakerTest).where(
        SpeakerTest.asked_at > now - ORDER_LASTS, SpeakerTest.sent_at.is_(None), SpeakerTest.at.is_(None)
    )
    return db.scalars(query.order_by(SpeakerTest.asked_at)).all()


def is_unheard(test: SpeakerTest, now: datetime) -> bool:
    """Whether a test was asked for so long ago that its answer is missing."""
    return test.at is None and test.asked_at is not None and now > test.asked_at + ORDER_LASTS + TEST_LASTS


def _told(tuning: Tuning) -> dict[str, str]:
    """A setting as the audit log keeps it: percents, milliseconds, "0 09:00" for Mondays at nine."""
    return {
        "routine": str(tuning.routine_percent),
        "priority": str(tuning.priority_percent),
        "emergency": str(tuning.emergency_percent),
        "offset": str(tuning.offset_ms),
        "test": "" if tuning.test_weekday is None else f"{tuning.test_weekday} {tuning.test_at}",
    }


def _is_quiet(tuning: Tuning, quiet: Quiet) -> bool:
    """Whether the weekly chime would touch the hours of silence of its day of the week; holidays come and go."""
    monday = datetime.fromisoformat(f"2026-01-05T{tuning.test_at}").replace(tzinfo=LOCAL)
    begin = monday + timedelta(days=tuning.test_weekday or 0)
    return is_quiet(msgspec.structs.replace(quiet, holidays=[]), begin, begin + TEST_LASTS)


def _plays_near(db: Session, node: NodeRecord, now: datetime) -> bool:
    """Whether something plays there, or will before a chime is over."""
    rows = db.execute(
        select(Play.state, Occurrence.start, Occurrence.duration_s)
        .join(Occurrence, Occurrence.id == Play.occurrence)
        .where(
            Play.node == node.name,
            Occurrence.cancelled_at.is_(None),
            Occurrence.start > now - timedelta(hours=2),
            Occurrence.start < now + TEST_LASTS * 2,
            Play.state.in_(("planned", "sent", "fetching", "ready", "armed", "playing")),
        )
    )
    return any(
        state == "playing" or start + timedelta(seconds=duration_s) > now for state, start, duration_s in rows
    )


def _is_testing(db: Session, node: NodeRecord, now: datetime) -> bool:
    """Whether a test was asked for and its answer may still come."""
    since = now - ORDER_LASTS - TEST_LASTS
    query = select(SpeakerTest.test).where(
        SpeakerTest.node == node.name, SpeakerTest.at.is_(None), SpeakerTest.asked_at >= since
    )
    return db.scalars(query.limit(1)).first() is not None


def _last_test(db: Session, node: NodeRecord, now: datetime) -> datetime | None:
    """When the loudspeaker was last tested or asked to within the rest; one that was not done does not count."""
    since = now - REST
    query = select(SpeakerTest).where(
        SpeakerTest.node == node.name,
        SpeakerTest.reason == "",
        or_(SpeakerTest.at > since, SpeakerTest.asked_at > since),
    )
    moments = [
        row.at or row.asked_at or now for row in db.scalars(query) if row.at or not is_unheard(row, now)
    ]
    return max(moments, default=None)

"""What loudspeakers of the console's commune have said of themselves: tests, amplifiers, uses, chains of receipts."""

from __future__ import annotations

from datetime import datetime, timedelta

from broker.hub import loudspeakers
from broker.hub.records import (
    AmplifierSeen,
    AmplifierTrouble,
    LocalUseSeen,
    NodeRecord,
    ReceiptBook,
    SpeakerSeen,
    SpeakerTest,
)
from broker.trust.envelope import Tuning
from tests.console.stage import Stage


def a_known_loudspeaker(stage: Stage) -> None:
    """Đông 1 has a card, an amplifier with relay and sensor, a past of tests and uses, and one alarm that is over."""
    at = stage.now()
    with stage.database.session() as db:
        seen = db.get_one(SpeakerSeen, "thon-01")
        seen.sound, seen.output, seen.ready = "card", "USB Audio", ["a", "b"]
        tuning = Tuning(routine_percent=70, offset_ms=600, test_weekday=5, test_at="09:00")
        me = stage.people["quan"]
        loudspeakers.put_tuning(db, me, db.get_one(NodeRecord, "thon-01"), tuning, at - timedelta(days=3))
        db.add(
            AmplifierSeen(
                node="thon-01", relay="off", current="none", current_a=0.02, at=at,
                seen_at=at - timedelta(seconds=20),
            )
        )  # fmt: skip
        db.add(_trouble("a1", "no-current", at - timedelta(days=6), minutes=2))
        for n, (use, what, ago_h, minutes) in enumerate(
            (("u1", "microphone", 22, 4), ("u2", "microphone", 70, 11), ("u3", "mute", 96, 95))
        ):
            since = at - timedelta(hours=ago_h, minutes=n)
            db.add(
                LocalUseSeen(
                    node="thon-01", use=use, what=what, started_at=since, ended_at=since + timedelta(minutes=minutes)
                )
            )  # fmt: skip
        for test in (
            a_test("t1", at - timedelta(hours=7), proof="heard", proof_level=3, proof_score=0.71),
            a_test("t2", at - timedelta(days=7), proof="inconclusive", proof_level=1, proof_score=0.24),
            a_test("t3", at - timedelta(days=14), proof="current", proof_level=2, underruns=2),
            a_test("t4", at - timedelta(days=21), reason="local-use"),
        ):
            db.add(test)
        db.add(
            ReceiptBook(
                node="thon-01", book="ab" * 16, number=1284, digest="cd" * 32,
                began_at=at - timedelta(days=41), said_at=at - timedelta(minutes=20),
            )
        )  # fmt: skip


def a_test(test: str, at: datetime, **change: object) -> SpeakerTest:
    """A weekly test of Đông 1 on its sound card, as its node told it."""
    row = SpeakerTest(
        test=test, node="thon-01", at=at, is_weekly=True, sound="card", volume=70, proof_level=0
    )
    for name, value in change.items():
        setattr(row, name, value)
    return row


def _trouble(alarm: str, what: str, since: datetime, minutes: int) -> AmplifierTrouble:
    return AmplifierTrouble(
        node="thon-01",
        alarm=alarm,
        what=what,
        started_at=since,
        ended_at=since + timedelta(minutes=minutes),
        received_at=since,
    )

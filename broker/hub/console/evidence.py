"""What is known of one loudspeaker, in words: how it stands, its tests, its amplifier, local uses, its receipts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from broker.hub.console.day import ALIVE
from broker.hub.console.faults import AMPLIFIER_SAID, is_file, service_trouble
from broker.hub.console.wording import ago, hm, lasting, number, when
from broker.hub.loudspeakers import is_unheard
from broker.hub.records import (
    Account,
    AmplifierSeen,
    AmplifierTrouble,
    LocalUseSeen,
    NodeRecord,
    ReceiptBook,
    ServiceSeen,
    SpeakerSeen,
    SpeakerTest,
)
from broker.hub.silence import follows, silence_of
from broker.trust.reasons import sentence

Weight = Literal["ok", "wait", "look", "bad", "plain"]
"""Shape and colour; what is over and needs nobody is plain."""
TEST_HZ = 16_000
"""Frames a second of the test chime (edge.speaker.testing)."""
SHOWN = 6
"""How many of the last tests, uses and alarms a page shows."""

DOING = {
    "idle": "Sẵn sàng",
    "fetching": "Đang tải âm thanh",
    "playing": "Đang phát",
    "testing": "Đang kêu thử",
}
_PROOFS: dict[str, tuple[Weight, str]] = {
    "heard": ("ok", "Nghe thấy bằng micro"),
    "loop-back": ("ok", "Nghe lại được ở dây của thiết bị âm thanh"),
    "current": ("ok", "Tăng âm có dòng điện trong lúc kêu"),
    "consumed": ("wait", "Máy đã phát đủ, chưa đo ngoài loa"),
    "inconclusive": ("look", "Không rõ: micro có nghe nhưng không chắc là tiếng loa này"),
}
_ENDED_BY = {
    "silenced": "xã ra lệnh im tiếng.",
    "stopped": "xã ra lệnh dừng.",
    "muted-here": "khoá im lặng ở điểm được bật.",
    "local-use": "người ở thôn nói vào micro.",
    "preempted": "đến giờ loa phát bản tin.",
}
"""Why a test that sounded did not come to its end."""
_LEVELS = {1: "consumed", 2: "current", 3: "heard"}
_RELAY = {"on": "đang bật", "off": "đang tắt", "unknown": "không đọc được"}
_CURRENT = {"flowing": "có", "none": "không", "unknown": "không có cảm biến"}
_USES = {"microphone": "Nói vào micro ở thôn", "mute": "Gạt khoá im lặng"}


@dataclass(frozen=True)
class Said:
    """One line: how it stands, what it says, and what else is worth knowing."""

    weight: Weight
    said: str
    more: str = ""


@dataclass(frozen=True)
class Moment:
    """Something with a time: a test, a use, an alarm."""

    at: datetime
    time: str
    line: Said


def said_when(changed_at: datetime | None, at: datetime) -> str:
    """When something was set, empty when never."""
    return when(changed_at, at) if changed_at else ""


def standing_of(db: Session, node: NodeRecord, at: datetime) -> Said:
    """How the loudspeaker stands at this moment: the worst that is known of it, else what it is doing."""
    life, seen = db.get(ServiceSeen, f"{node.name}.speaker"), db.get(SpeakerSeen, node.name)
    trouble = service_trouble(life, at)
    if trouble is not None and trouble[0] == "bad":
        return Said("bad", trouble[1])
    alarm = db.scalars(_troubles(node.name).where(AmplifierTrouble.ended_at.is_(None))).first()
    if alarm is not None:
        return Said("bad", AMPLIFIER_SAID.get(alarm.what, alarm.what))
    if seen is not None and seen.silenced:
        is_here = seen.silenced == "here"
        return Said("look", "Khoá im lặng ở điểm đang bật." if is_here else "Im theo lệnh của xã.")
    silence = silence_of(db, at)
    if silence is not None and follows(life.state if life else None, seen, silence) == "waiting":
        return Said("look", "Đã ra lệnh im, loa chưa báo đã im.")
    amplifier, board = db.get(AmplifierSeen, node.name), db.get(ServiceSeen, f"{node.name}.board")
    is_told = board is not None and board.state in ALIVE  # a board that is away knows nothing of this moment
    if amplifier is not None and amplifier.microphone and is_told:
        return Said("ok", "Người ở thôn đang nói vào micro.")
    if trouble is not None:
        return Said(trouble[0], trouble[1])
    if seen is None:
        return Said("wait", "Loa chưa báo gì.")
    if seen.sound == "none" and not seen.output:
        return Said("look", "Chưa mở được thiết bị âm thanh; xem dây và nguồn của nó.")
    if is_file(seen):
        return Said("look", "Không có loa: bản tin chỉ được ghi vào tệp.")
    return Said("ok", f"{DOING.get(seen.doing, seen.doing)}.")


def tests_of(db: Session, node: str, at: datetime) -> list[Moment]:
    """The last test chimes, newest first."""
    query = (
        select(SpeakerTest, Account.full_name)
        .outerjoin(Account, Account.id == SpeakerTest.account_id)
        .where(SpeakerTest.node == node)
        .order_by(func.coalesce(SpeakerTest.at, SpeakerTest.asked_at).desc())
        .limit(SHOWN)
    )
    found = [(row.at or row.asked_at or at, row, name or "") for row, name in db.execute(query)]
    return [Moment(moment, when(moment, at), say_test(row, name, at)) for moment, row, name in found]


def say_test(test: SpeakerTest, name: str, at: datetime) -> Said:
    """What came of a test, and who asked for it."""
    by = "Tự thử hằng tuần" if test.is_weekly else f"{name} cho kêu thử" if name else "Kêu thử"
    if test.at is None:
        if is_unheard(test, at):
            return Said("bad", "Loa không báo về", f"{by}. Có thể điểm mất nối hoặc đang tắt.")
        return Said("wait", "Đang thử, chờ loa báo về", f"{by}.")
    if test.reason and test.frames:
        lasted = lasting(test.frames / TEST_HZ)
        return Said(
            "look",
            f"Bị dừng sau {lasted}: {_ENDED_BY.get(test.reason) or _lower(sentence(test.reason))}",
            f"{by}.",
        )
    if test.reason:
        return Said("look", f"Không thử: {_lower(sentence(test.reason))}", f"{by}.")
    if test.sound != "card":
        return Said("bad", "Ghi vào tệp, điểm không có loa", f"{by}. Chưa ai nghe thấy.")
    weight, said = _PROOFS.get(
        test.proof or _LEVELS.get(test.proof_level, ""), ("look", "Máy chưa phát đủ tiếng")
    )
    details = [f"âm lượng {test.volume} %"]
    if test.proof_score is not None:
        details.append(f"khớp với tiếng đã phát {number(max(0.0, test.proof_score) * 100)} %")
    if test.underruns:
        details.append(f"ngắt quãng {test.underruns} lần")
    return Said(weight, said, f"{by}, {', '.join(details)}.")


def uses_of(db: Session, node: str, at: datetime) -> list[Moment]:
    """When people of the village used the amplifier themselves or kept it silent, newest first."""
    query = select(LocalUseSeen).where(LocalUseSeen.node == node)
    rows = db.scalars(query.order_by(LocalUseSeen.started_at.desc()).limit(SHOWN))
    return [
        Moment(
            row.started_at,
            _span(row.started_at, row.ended_at, at),
            Said("plain" if row.ended_at else "ok", _USES.get(row.what, row.what)),
        )
        for row in rows
    ]


def troubles_of(db: Session, node: str, at: datetime) -> list[Moment]:
    """The last alarms of the amplifier, newest first."""
    return [
        Moment(
            row.started_at,
            _span(row.started_at, row.ended_at, at),
            Said("plain" if row.ended_at else "bad", AMPLIFIER_SAID.get(row.what, row.what)),
        )
        for row in db.scalars(_troubles(node).limit(SHOWN))
    ]


def facts_of(db: Session, node: str, at: datetime) -> list[tuple[str, str]]:
    """Name and words of what the loudspeaker and its amplifier last said."""
    seen, amplifier = db.get(SpeakerSeen, node), db.get(AmplifierSeen, node)
    said: list[tuple[str, str]] = []
    if seen is not None:
        said.append(("Tiếng ra ở", "tệp, không có loa" if is_file(seen) else seen.output or "không rõ"))
        said.append(("Giữ sẵn", f"{len(seen.ready)} lượt phát"))
        if seen.missing:
            said.append(("Còn tải", f"{len(seen.missing)} âm thanh"))
        if seen.refused:
            said.append(("Từ chối", f"{len(seen.refused)} lượt phát"))
    if amplifier is None:
        board = db.get(ServiceSeen, f"{node}.board")
        is_there = board is not None and board.state in ALIVE
        why = "bo mạch đang chạy nhưng không nối với tăng âm" if is_there else "chưa nối bo mạch"
        return [*said, ("Tăng âm", f"{why}, không đo được")]
    flows = _CURRENT.get(amplifier.current, amplifier.current)
    if amplifier.current == "flowing" and amplifier.current_a is not None:
        flows = f"có, {number(amplifier.current_a, 1)} A"
    return [
        *said,
        ("Tăng âm", _RELAY.get(amplifier.relay, amplifier.relay)),
        ("Dòng điện", flows),
        ("Khoá micro", "đang bật" if amplifier.microphone else "tắt"),
        ("Khoá im lặng", "đang bật" if amplifier.mute else "tắt"),
        ("Bo mạch báo", ago(amplifier.seen_at, at)),
    ]


def chain_of(db: Session, node: str, at: datetime) -> Said:
    """Whether the receipts of the node follow one another without a hole."""
    query = select(ReceiptBook).where(ReceiptBook.node == node).order_by(ReceiptBook.said_at.desc())
    books = db.scalars(query).all()
    if not books:
        return Said("wait", "Chưa có tin báo nào.")
    newest = books[0]
    broken = next((book for book in books if book.broken_number is not None), None)
    whole = f"{number(newest.number)} tin báo, từ {when(newest.began_at, at)}"
    if broken is None:
        fresh = "Loa đã mở sổ mới vì sổ cũ hỏng hoặc máy được cài lại." if len(books) > 1 else ""
        return Said("ok", f"Liền mạch {whole}.", fresh)
    since = f" lúc {when(broken.broken_at, at)}" if broken.broken_at else ""
    which = "" if broken is newest else " của sổ trước"
    return Said(
        "look",
        f"Đứt ở tin số {number(broken.broken_number or 0)}{which}{since}.",
        f"Có tin bị mất hoặc không còn đúng như lúc ghi. Sổ bây giờ có {whole}.",
    )


def _troubles(node: str) -> Select[AmplifierTrouble]:
    return (
        select(AmplifierTrouble)
        .where(AmplifierTrouble.node == node)
        .order_by(AmplifierTrouble.started_at.desc())
    )


def _span(since: datetime, until: datetime | None, at: datetime) -> str:
    """ "17:02 đến 17:05, 3 phút"; "từ 17:02" while it lasts."""
    if until is None:
        return f"từ {when(since, at)}, chưa hết"
    return f"{when(since, at)} đến {hm(until)}, {lasting((until - since).total_seconds())}"


def _lower(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}"

"""The certificate of a drill: how long each loudspeaker took from the click to its first sound, and what proves it.

Pure. Click and command are times of the hub's clock; the first sample is of the node's own clock, with the error that
node states; the hub's hearing of it is again the hub's: together they bound what no single clock could.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from broker.hub.console.day import Commune
from broker.hub.console.stages import HEARD_LEVEL, is_spoken
from broker.hub.console.wording import hm, number
from broker.hub.records import NodeRecord, Occurrence, Play, Revision
from broker.trust.reasons import sentence

ANSWERS = timedelta(seconds=60)
"""A loudspeaker that has not told of its chime by then is named as one that did not answer."""
_OPEN = frozenset({"planned", "sent", "fetching", "ready", "armed"})
_PLAIN = frozenset(
    {
        "drill-waits", "quiet-hours", "quiet-hours-end", "silenced", "muted-here", "local-use", "busy", "preempted",
        "cancelled", "stopped", "session-limit", "day-limit",
    }
)  # fmt: skip
"""Reasons for which a loudspeaker keeps silent as it was told to: nothing of it is broken."""
_CLOCKS = {"trusted": "", "estimated": "giờ điểm chỉ ước chừng", "unknown": "điểm không rõ giờ"}
_PROOFS = {
    "heard": "Micro nghe thấy",
    "loop-back": "Dây nghe lại có tiếng",
    "current": "Tăng âm có dòng điện",
    "inconclusive": "Micro nghe nhưng không chắc",
    "consumed": "Chưa đo ngoài loa",
}
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Line:
    """One loudspeaker of the certificate; times in words, empty where they are not known."""

    node: str
    name: str
    village: str
    result: str
    weight: Literal["ok", "wait", "look", "bad"]
    sent: str
    """From the click to the command leaving the hub."""
    sounded: str
    """From the click to the first sample, by the node's clock."""
    error: str
    """How wrong that clock may be by its own statement."""
    told: str
    """From the click until the hub heard that it sounds: by one clock, so never more than this."""
    at_hand: str
    """Whether the template's own sound lies on the node."""
    proof: str
    sounded_s: float | None
    is_plain: bool = False
    """It answered that it keeps silent on purpose, for a reason that nobody has to mend."""


@dataclass(frozen=True)
class Certificate:
    """What one drill showed."""

    head: str
    weight: Literal["ok", "wait", "look", "bad"]
    clicked: datetime | None
    lines: Sequence[Line]
    silent: Sequence[str]
    """Names of the loudspeakers that did not answer or could not sound: somebody should go and look."""
    held: Sequence[str]
    """Those that kept silent as they should, each with its reason."""
    is_final: bool


def certificate_of(commune: Commune, revision: Revision, now: datetime) -> Certificate:
    """The certificate as far as it is known at `now`."""
    row = revision.occurrences[0] if revision.occurrences else None
    if row is None:
        return Certificate("Lượt diễn tập này không có cụm loa nào.", "bad", None, (), (), (), True)
    clicked = row.clicked_at or revision.decided_at or row.start
    plays = {play.node: play for play in row.plays}
    nodes = [node for node in commune.nodes if node.name in plays or node.village in revision.villages]
    late = now - clicked > ANSWERS or row.cancelled_at is not None
    lines = [_line(node, commune, plays.get(node.name), clicked, is_late=late) for node in nodes]
    lines.sort(key=lambda line: ({"bad": 0, "look": 1, "wait": 2, "ok": 3}[line.weight], line.name))
    silent = [line.name for line in lines if line.weight == "bad"]
    held = [f"{line.name}: {line.result}" for line in lines if line.is_plain]
    is_final = late or not any(line.weight == "wait" for line in lines)
    head, weight = _head(lines, row, is_final=is_final)
    return Certificate(head, weight, clicked, lines, silent, held, is_final)


def _line(node: NodeRecord, commune: Commune, play: Play | None, clicked: datetime, *, is_late: bool) -> Line:
    village = commune.names.get(node.village, node.village)
    if play is None or (play.started_at is None and play.state in _OPEN):
        result = "Không trả lời" if is_late else "Đang chờ"
        sent = _since(clicked, play.sent_at) if play else ""
        return Line(
            node.name, node.label, village, result, "bad" if is_late else "wait", sent, *("",) * 5, None
        )
    if play.started_at is None:
        why, is_plain = sentence(play.reason) or "Không kêu", play.reason in _PLAIN
        return Line(
            node.name,
            node.label,
            village,
            why,
            "look" if is_plain else "bad",
            _since(clicked, play.sent_at),
            *("",) * 5,
            None,
            is_plain,
        )
    is_done = is_spoken(play)
    result, weight = _result(play, is_done=is_done)
    sounded_s = (play.started_at - clicked).total_seconds()
    return Line(
        node=node.name,
        name=node.label,
        village=village,
        result=result,
        weight=weight,
        sent=_since(clicked, play.sent_at),
        sounded=_seconds(sounded_s),
        error=_error(play),
        told=_since(clicked, play.told_at),
        at_hand=_at_hand(play),
        proof=_proof(play),
        sounded_s=sounded_s,
    )


def _result(play: Play, *, is_done: bool) -> tuple[str, Literal["ok", "wait", "look", "bad"]]:
    if play.state == "playing":
        return "Đang kêu", "wait"
    if play.state == "played" and not is_done:
        return "Ghi vào tệp, không có loa", "look"
    if play.state == "played" and play.volume == 0:
        return "Âm lượng đặt ở 0 %", "bad"
    if play.state == "played":
        return ("Nghe thấy", "ok") if play.proof_level >= HEARD_LEVEL else ("Đã kêu", "ok")
    return sentence(play.reason) or "Kêu dở dang", "look"


def _at_hand(play: Play) -> str:
    if play.state != "played":
        return ""
    return "Chưa tải về" if play.reason == "no-audio" else "Có sẵn"


def _proof(play: Play) -> str:
    if play.sound == "file":
        return "Không ai nghe"
    said = _PROOFS.get(play.proof, "Chưa đo")
    return (
        f"{said}, {number(play.proof_score * 100)}\N{NO-BREAK SPACE}%"
        if play.proof_score is not None
        else said
    )


def _error(play: Play) -> str:
    said = _CLOCKS.get(play.clock, play.clock)
    if play.clock == "unknown" or play.clock_error_ms is None:
        return said or "không rõ sai số"
    error = f"±{_seconds(play.clock_error_ms / 1000)}"
    return f"{error}, {said}" if said else error


def _since(clicked: datetime, at: datetime | None) -> str:
    return "" if at is None else _seconds((at - clicked).total_seconds())


def _seconds(seconds: float) -> str:
    """ "0,42 giây"; finer than a second, since a drill is judged by that."""
    digits = 2 if abs(seconds) < 10 else 1 if abs(seconds) < 100 else 0
    return f"{number(seconds, digits).replace('-', _MINUS)} giây"


def _head(
    lines: Sequence[Line], row: Occurrence, *, is_final: bool
) -> tuple[str, Literal["ok", "wait", "look", "bad"]]:
    """The answer first: how many sounded, the slowest of them, who did not answer."""
    total, done = len(lines), [line for line in lines if line.weight == "ok"]
    filed = sum(line.weight == "look" for line in lines)
    held = sum(line.is_plain for line in lines)
    if not total:
        return "Không có cụm loa nào ở những thôn đã chọn.", "bad"
    if row.cancelled_at is not None and not done:
        return f"Đã huỷ lúc {hm(row.cancelled_at)}, chưa cụm nào kêu.", "look"
    if not is_final:
        heard = sum(line.sounded_s is not None for line in lines)
        return f"Đang diễn tập: {heard} trên {total} cụm loa đã báo kêu.", "wait"
    slowest = max((line.sounded_s for line in done if line.sounded_s is not None), default=None)
    slow = f" Chậm nhất {_seconds(slowest)} sau khi bấm." if slowest is not None else ""
    if len(done) == total:
        return f"Cả {total} cụm loa đã kêu.{slow}" if total > 1 else f"Cụm loa đã kêu.{slow}", "ok"
    if not done and held == total:
        return f"Chưa diễn tập được: cả {total} cụm loa giữ im theo quy định." if total > 1 else (
            "Chưa diễn tập được: cụm loa giữ im theo quy định."
        ), "look"
    if not done and filed == total and not held:
        return f"{total} điểm nhận lệnh và ghi vào tệp, vì không có loa.", "look"
    return f"{len(done)} trên {total} cụm loa đã kêu.{slow}", "bad" if len(done) + filed < total else "look"

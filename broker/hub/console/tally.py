"""How one playing stands over all its loudspeakers: one word, and a dot for each. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from markupsafe import Markup

from broker.hub.console.stages import Progress

Weight = Literal["ok", "wait", "look", "bad"]

_BROKEN: Final = frozenset({"interrupted", "preempted", "failed", "refused", "missed", "expired"})
_DOTS: Final = {weight: f'<i class="pip {weight}"></i>' for weight in ("ok", "wait", "look", "bad")}


@dataclass(frozen=True)
class Tally:
    """How many loudspeakers came how far."""

    total: int
    bad: int
    """Need a person."""
    got: int
    """Have the sound and will play, or came further."""
    heard: int
    filed: int
    played: int
    ended: int
    """Came to the end of it, into a loudspeaker or a file."""
    broken: int
    """Need a person because their play ended otherwise than it should."""
    playing: int


def tally_of(rows: Sequence[Progress]) -> Tally:
    """Count the rows of one playing."""
    return Tally(
        total=len(rows),
        bad=sum(row.needs_person for row in rows),
        got=sum(row.done >= 2 for row in rows),
        heard=sum(row.done >= 5 for row in rows),
        filed=sum(row.is_filed for row in rows),
        played=sum(row.done >= 4 for row in rows),
        ended=sum(row.state == "played" for row in rows),
        broken=sum(row.needs_person and row.state in _BROKEN for row in rows),
        playing=sum(row.state == "playing" for row in rows),
    )


def say_tally(all_of: Tally, *, is_cancelled: bool, is_past: bool) -> tuple[Weight, str]:
    """The one word for a planned playing, with its colour."""
    if is_cancelled and all_of.playing:
        return "look", "Đã ra lệnh dừng, chờ loa báo"
    if is_cancelled and not (all_of.total and all_of.ended == all_of.total):
        return "look", "Đã dừng theo lệnh"
    if not all_of.total:
        return "look", "Không có cụm loa nào"
    return _sounded(all_of) or _silent(all_of, is_past=is_past)


def _sounded(all_of: Tally) -> tuple[Weight, str] | None:
    """Where at least one loudspeaker speaks or has spoken."""
    total = all_of.total
    if all_of.heard == total:
        return "ok", f"{total}/{total} đã nghe thấy"
    if all_of.playing:
        done = f", {all_of.played}/{total} xong" if all_of.played else ""
        broken = f", {all_of.broken} cụm không được" if all_of.broken else ""
        return "look" if all_of.bad else "ok", f"Đang phát{done}{broken}"
    if all_of.played:
        heard = f", {all_of.heard} nghe thấy" if all_of.heard else ""
        return "look" if all_of.bad else "ok", f"{all_of.played}/{total} đã phát{heard}"
    return None


def _silent(all_of: Tally, *, is_past: bool) -> tuple[Weight, str]:
    total = all_of.total
    if all_of.filed:
        return "look", f"{all_of.filed}/{total} chỉ ghi vào tệp"
    if all_of.broken or (all_of.bad and is_past):
        return "bad", f"{all_of.bad}/{total} chưa phát trọn"
    weight: Weight = "ok" if all_of.got == total else "look" if all_of.bad else "wait"
    return weight, f"{all_of.got}/{total} cụm sẵn sàng"


def dots(rows: Sequence[Progress]) -> Markup:
    """A dot for each loudspeaker, those that need a person last. One that has the sound is as well as can be."""
    said = [
        _DOTS["ok" if row.weight == "wait" and row.done >= 2 else row.weight]
        for row in rows
        if not row.needs_person
    ]
    said += [_DOTS[row.weight] for row in rows if row.needs_person]
    return Markup("".join(said))  # noqa: S704 (only the words above)


def open_dots(count: int) -> Markup:
    """As many dots as loudspeakers it would be for, while it waits for approval."""
    return Markup(_DOTS["wait"] * count)  # noqa: S704 (only the word above)

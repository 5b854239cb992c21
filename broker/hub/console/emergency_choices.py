"""What there is to choose from on the red page: signed templates, villages with their loudspeakers, who may sign."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from broker.hub.cap.shelf import Prepared
from broker.hub.console.day import Commune
from broker.hub.console.faults import Fault
from broker.hub.console.wording import lasting, when
from broker.hub.records import EmergencyTemplate, NodeRecord

OWN = "own"
"""Value of the choice "Việc khác, tự viết"."""
EVERY_S, LASTS_S, REPEAT = 600, 7200, 3
"""How words that nobody signed beforehand are said: thrice, again every ten minutes, for two hours."""
_ICONS = MappingProxyType({"water": "river", "storm": "rain", "fire": "siren"})
"""Pictures of templates that are drawn under another name."""
_TIMES = ("", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín", "mười")
_TITLE_WORDS = 9
_TITLE_LETTERS = 110


@dataclass(frozen=True)
class Pick:
    """One template to press."""

    id: int
    icon: str
    title: str
    spoken: str
    villages: Sequence[str]
    how: str
    """ "Đọc ba lần, rồi nhắc lại mỗi 10 phút, tự hết sau 2 giờ."."""
    sound: str
    """Hash of its sound."""
    is_lone: bool = False
    """Whether this person alone signed it, so that somebody else has to let it speak."""


@dataclass(frozen=True)
class Place:
    """One village to tick, and what the script counts."""

    code: str
    name: str
    speakers: int
    silent: int
    """Loudspeakers of it that need a person now."""
    is_chosen: bool
    is_allowed: bool
    """Whether the template was signed for it."""


@dataclass(frozen=True)
class Warned:
    """A template that a warning of others made stand ready."""

    message: int
    template: int
    villages: Sequence[str]
    headline: str
    said: str
    """Who sent it, when, and until when it holds."""


def warned_of(
    found: Sequence[Prepared], templates: Sequence[EmergencyTemplate], at: datetime
) -> list[Warned]:
    """What stands ready by warnings, for templates that may be let speak now."""
    ids = {row.code: row.id for row in templates}
    return [
        Warned(
            one.message,
            ids[one.template],
            one.villages,
            one.headline,
            f"{one.sender} gửi {when(one.sent, at)}, có hiệu lực đến {when(one.until, at)}.",
        )
        for one in found
        if one.template in ids
    ]


def picks_of(
    templates: Sequence[EmergencyTemplate], icons: Collection[str], lone: Collection[int] = ()
) -> list[Pick]:
    """The templates to press, by title. icons: names that were drawn; lone: ids of those is_lone is true of."""
    return [
        Pick(
            row.id,
            _ICONS.get(row.icon, row.icon if row.icon in icons else "siren"),
            row.title,
            row.spoken,
            list(row.villages),
            say_how(row.repeat, row.every_s, row.lasts_s),
            str((row.audio or {}).get("sha256", "")),
            row.id in lone,
        )
        for row in templates
    ]


def places_of(
    commune: Commune, faults: Sequence[Fault], chosen: Collection[str], allowed: Collection[str] | None
) -> list[Place]:
    """Every village. allowed: those of the chosen template; None where any may be chosen."""
    away = {fault.node for fault in faults if fault.weight == "bad"}
    places = []
    for village in commune.villages:
        nodes: Sequence[NodeRecord] = commune.nodes_in([village.code])
        may = allowed is None or village.code in allowed
        places.append(
            Place(
                village.code,
                village.name,
                len(nodes),
                sum(node.name in away for node in nodes),
                village.code in chosen and may,
                may,
            )
        )
    return places


def say_places(places: Sequence[Place]) -> str:
    """Under the map: "2 cụm loa."; the script says the same as ticks change."""
    chosen = [place for place in places if place.is_chosen]
    if not chosen:
        return "Chưa chọn thôn nào."
    deaf = [place.name for place in chosen if not place.speakers]
    without = f" Chưa có loa: {', '.join(deaf)}." if deaf else ""
    return f"{sum(place.speakers for place in chosen)} cụm loa.{without}"


def say_how(repeat: int, every_s: int, lasts_s: int) -> str:
    """How often it is said: "Đọc ba lần, rồi nhắc lại mỗi 10 phút, tự hết sau 2 giờ."."""
    times = _TIMES[repeat] if 0 < repeat < len(_TIMES) else str(repeat)
    if not every_s:
        return f"Đọc {times} lần, không nhắc lại."
    return f"Đọc {times} lần, rồi nhắc lại mỗi {lasting(every_s)}, tự hết sau {lasting(lasts_s)}."


def title_of(text: str) -> str:
    """A name for words written in a hurry: their first sentence, or as much of it as a line holds."""
    first = re.split(r"(?<=[.!?…])\s|\n", text.strip(), maxsplit=1)[0]
    words = first.split()
    said = " ".join(words[:_TITLE_WORDS])[:_TITLE_LETTERS].rstrip(" ,;:.!?…")
    return f"{said}…" if len(said) < len(" ".join(words).rstrip(" ,;:.!?…")) else said

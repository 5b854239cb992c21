"""What a warning says, in Vietnamese words: for pages, and as the draft an editor begins from. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from broker.hub.announcing.checks import LONGEST_TEXT, LONGEST_TITLE
from broker.hub.announcing.workflow import Draft
from broker.hub.cap.message import Info
from broker.link.clock import LOCAL

CATEGORIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Geo": "thiên tai địa chất",
        "Met": "thời tiết, thuỷ văn nguy hiểm",
        "Safety": "an toàn của người dân",
        "Security": "an ninh trật tự",
        "Rescue": "cứu hộ, cứu nạn",
        "Fire": "cháy",
        "Health": "dịch bệnh, sức khoẻ",
        "Env": "ô nhiễm môi trường",
        "Transport": "giao thông",
        "Infra": "điện, nước, đường sá",
        "CBRNE": "hoá chất, phóng xạ, cháy nổ",
        "Other": "việc khẩn khác",
    }
)
SEVERITIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Extreme": "đặc biệt nguy hiểm",
        "Severe": "rất nguy hiểm",
        "Moderate": "nguy hiểm",
        "Minor": "ít nguy hiểm",
        "Unknown": "chưa rõ mức",
    }
)
"""In falling order."""
URGENCIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Immediate": "phải làm ngay",
        "Expected": "phải làm trong một giờ tới",
        "Future": "phải làm trong thời gian tới",
        "Past": "đã qua",
        "Unknown": "chưa rõ lúc nào",
    }
)
CERTAINTIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Observed": "đang xảy ra hoặc đã thấy",
        "Likely": "nhiều khả năng xảy ra",
        "Possible": "có thể xảy ra",
        "Unlikely": "ít khả năng xảy ra",
        "Unknown": "chưa rõ có xảy ra không",
    }
)
ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Shelter": "tìm chỗ trú an toàn",
        "Evacuate": "sơ tán theo hướng dẫn",
        "Prepare": "chuẩn bị sẵn sàng",
        "Execute": "làm theo phương án đã phổ biến",
        "Avoid": "tránh xa nơi nguy hiểm",
        "Monitor": "theo dõi các bản tin tiếp theo",
    }
)

_SENTENCE = re.compile(r"(?<=[.!?…])\s+")


def draft_of(info: Info, villages: Sequence[str]) -> Draft:
    """What an editor begins from: never an emergency, and no time to be played at.

    A part in Vietnamese is taken as it is. Of words in another language none is taken, because no machine here
    translates: the draft says what the message's own codes say, and the editor adds the rest.
    """
    is_pressing = info.severity in ("Extreme", "Severe") and info.urgency in ("Immediate", "Expected")
    return Draft(
        title=shortened(title_of(info), LONGEST_TITLE),
        text=shortened(_text_of(info), LONGEST_TEXT),
        kind="priority" if is_pressing else "routine",
        villages=list(villages),
    )


def title_of(info: Info) -> str:
    """A name for it in one line: the headline, or what kind of danger it is."""
    if info.is_vietnamese:
        return " ".join((info.headline or info.event).split())
    return f"Cảnh báo {kinds_of(info)}"


def kinds_of(info: Info) -> str:
    """Its categories in words."""
    return ", ".join(dict.fromkeys(CATEGORIES.get(each, "việc khẩn khác") for each in info.categories))


def shortened(text: str, most: int) -> str:
    """The text within `most` characters, cut after a sentence where that keeps half of it, else after a word."""
    if len(text) <= most:
        return text
    head = text[: most - 1]
    ends = [found.start() for found in _SENTENCE.finditer(head)]
    if ends and ends[-1] > most // 2:
        return head[: ends[-1]]
    return f"{head.rpartition(' ')[0] or head}…"


def _text_of(info: Info) -> str:
    if info.is_vietnamese:
        said = [info.headline, info.description, info.instruction]
        parts = [_sentence(" ".join(each.split())) for each in dict.fromkeys(said) if each]
        sender = _sentence(f"{info.sender_name} thông báo") if info.sender_name else ""
    else:
        advice = [ADVICE[each] for each in info.responses if each in ADVICE]
        parts = [
            _sentence(f"Có cảnh báo về {kinds_of(info)}, mức {SEVERITIES.get(info.severity, 'chưa rõ')}"),
            _sentence(f"Việc này {CERTAINTIES.get(info.certainty, 'chưa rõ')}"),
            _sentence(f"Bà con hãy {', '.join(advice)}") if advice else "",
        ]
        sender = ""
    return "\n".join(part for part in (sender, *parts, _until(info)) if part)


def _until(info: Info) -> str:
    if info.expires is None:
        return ""
    end = info.expires.astimezone(LOCAL)
    minutes = f"{end:%-M} phút " if end.minute else ""
    return f"Cảnh báo này có hiệu lực đến {end:%-H} giờ {minutes}ngày {end:%-d/%-m/%Y}."


def _sentence(text: str) -> str:
    return text if not text or text[-1] in ".!?…" else f"{text}."

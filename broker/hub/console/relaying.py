"""A relayed programme as the pages show it: what the form chose, what it lacks, and what a loudspeaker says of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from broker.hub import stations
from broker.hub.announcing.rules import Rules
from broker.hub.console.wording import hms, lasting
from broker.hub.declined import Declined
from broker.hub.records import Play
from broker.hub.stations import Relayed, Station

DEFAULT_MINUTES = 15
SHORT = {
    "no-relay": "chọn đài",
    "gone-station": "chọn lại đài",
    "relay-length": "ghi số phút tiếp sóng",
    "long-instead": "rút ngắn lời",
}
"""What is left to do, in a few words, by what is wrong."""

_MINUTES = re.compile(r"[0-9]{1,4}", re.ASCII)


def relay_of_form(form: MultiDict[str, str], listed: Sequence[Station]) -> Relayed | None:
    """The station and minutes chosen, as far as they were; None where the words themselves are to be heard."""
    if form.get("source") != "relay":
        return None
    one = next((each for each in listed if each.name == form.get("station")), Station("", ""))
    minutes = form.get("minutes", "").strip()
    return Relayed(one.address, one.name, int(minutes) * 60 if _MINUTES.fullmatch(minutes) else 0)


def problems_of(db: Session, relay: Relayed, instead_s: float, rules: Rules) -> list[Declined]:
    """What would keep a relay from being sent; `instead_s`: about how long the words without its station are."""
    try:
        stations.refuse_gone(db, relay)
        stations.refuse_unready(relay, instead_s, rules.session_limit_s)
    except Declined as why:
        return [why]
    return []


def say_relay(relay: Relayed | None) -> str:
    """ "Đài tỉnh, 30 phút"; empty for what is no relay."""
    return "" if relay is None else f"{relay.station}, {lasting(relay.length_s)}"


def say_play(play: Play) -> str:
    """What the row of one loudspeaker says of a relay; empty where it says what it says of any announcement."""
    if play.state in ("ready", "armed"):
        return "Đã có lời dự phòng, chờ đến giờ tiếp sóng."
    into = " Ghi vào tệp, điểm không có loa: chưa ai nghe thấy." if play.sound == "file" else ""
    if play.state == "playing":
        if play.reason == "relay-lost":
            return f"Không bắt được đài, đang đọc lời dự phòng.{into}"
        return f"Đang tiếp sóng{f' từ {hms(play.started_at)}' if play.started_at else ''}.{into}"
    if play.state == "played" and play.reason == "relay-lost" and into:
        return f"Không bắt được đài nên đọc lời dự phòng.{into}"
    if play.reason == "relay-ended":
        after = f" sau {lasting(play.played_ms / 1000)}" if play.played_ms else ""
        return f"Đài ngừng giữa chừng{after}, loa im từ lúc đó."
    return ""

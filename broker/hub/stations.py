"""Stations the commune may relay (tiếp sóng), and what a draft says of the one it takes.

They stand in the setting "stations" as [{"name", "address"}]. What a station says nobody has heard beforehand, so only
an approver or an admin puts one on the list, and a draft takes from the list and from nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.announcing.checks import visible
from broker.hub.announcing.planner import HEAD_S
from broker.hub.declined import Declined
from broker.hub.own_machine import is_own
from broker.hub.records import Account, Revision, put_setting, setting, write_audit
from broker.hub.roles import require_role
from broker.trust.envelope import Relay

SETTING = "stations"
KEEPERS = ("approver", "admin")
"""Who may change the list."""
MOST_STATIONS = 50
LONGEST_NAME = 80
LONGEST_ADDRESS = 500
SHORTEST_S, LONGEST_S = 60, 3540
"""Of one relay; the wire would take half a minute, people choose whole ones."""
INSTEAD = (
    "Thưa bà con, lúc này loa không bắt được sóng của đài nên chưa tiếp sóng được. "
    "Mong bà con thông cảm và đón nghe vào dịp khác."
)
"""Offered as what is said where the station cannot be had."""

_ADDRESS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
"""Characters of an address (RFC 3986): others are read in one way here and in another by whoever follows it."""
_HOST = re.compile(r"[a-z0-9.-]+|[0-9a-f:.]+")
_GONE = "Đài “{}” không còn trong danh sách của xã hoặc đã đổi địa chỉ, xin chọn lại đài."


class Station(msgspec.Struct, frozen=True):
    """A station as people call it, and where its stream is (http, https; snap for a live microphone)."""

    name: str
    address: str


class Relayed(msgspec.Struct, frozen=True):
    """Revision.relay: the station that is taken and for how long. A draft may lack any of the three."""

    address: str = ""
    station: str = ""
    length_s: int = 0


def stations_of(db: Session) -> list[Station]:
    """The list, by name."""
    return sorted(msgspec.convert(setting(db, SETTING, []), list[Station]), key=lambda one: one.name.lower())


def add_station(db: Session, account: Account, name: str, address: str, now: datetime) -> Station:
    """Put a station on the list. Raises Declined without a name, for one that is there, for a bad address."""
    require_role(db, account, now, *KEEPERS)
    made, kept = checked(name, address), stations_of(db)
    if any(one.name.lower() == made.name.lower() for one in kept):
        raise Declined(
            "same-station", f"Đã có đài “{made.name}”. Muốn đổi địa chỉ thì bỏ đài đó rồi thêm lại."
        )
    if len(kept) >= MOST_STATIONS:
        raise Declined("many-stations", f"Xã đã có {MOST_STATIONS} đài, xin bỏ bớt đài không dùng.")
    put_setting(db, SETTING, msgspec.to_builtins([*kept, made]), now)
    write_audit(db, now, account.username, "station.added", made.name, {"address": made.address})
    return made


def remove_station(db: Session, account: Account, name: str, now: datetime) -> Station:
    """Take a station away: nothing new is relayed from it. What was approved stays, as it was signed."""
    require_role(db, account, now, *KEEPERS)
    kept = stations_of(db)
    gone = next((one for one in kept if one.name == name), None)
    if gone is None:
        raise Declined("no-station", "Đài này không còn trong danh sách.")
    put_setting(db, SETTING, msgspec.to_builtins([one for one in kept if one != gone]), now)
    write_audit(db, now, account.username, "station.removed", gone.name, {"address": gone.address})
    return gone


def checked(name: str, address: str) -> Station:
    """A station, tidied. Pure. Raises Declined when it has no name or its address is none a node may follow."""
    called, where = " ".join(visible(name).split()), address.strip()
    if not any(char.isalnum() for char in called):
        raise Declined("no-station-name", "Xin ghi tên đài như bà con vẫn gọi.")
    if len(called) > LONGEST_NAME:
        raise Declined("long-station-name", f"Tên đài dài quá, xin viết nhiều nhất {LONGEST_NAME} chữ cái.")
    if len(where) > LONGEST_ADDRESS:
        raise Declined("long-address", f"Địa chỉ dài quá, nhiều nhất {LONGEST_ADDRESS} chữ cái.")
    parts = _parts(where)
    if parts is None or parts.scheme not in ("http", "https", "snap") or not parts.hostname:
        raise Declined(
            "bad-address",
            "Địa chỉ luồng phải bắt đầu bằng http://, https:// hoặc snap:// và viết liền, không dấu.",
        )
    if parts.username is not None or parts.password is not None:
        raise Declined(
            "secret-address",
            "Địa chỉ có tên và mật khẩu thì mọi điểm đều đọc được, xin dùng luồng công khai.",
        )
    if is_own(parts.hostname):
        raise Declined("own-address", "Địa chỉ này chỉ vào chính máy ở điểm, không phải một đài.")
    return Station(called, where)


def relay_of(kept: dict[str, Any] | None) -> Relayed | None:
    """What a revision keeps; None where it speaks for itself."""
    return None if kept is None else msgspec.convert(kept, Relayed)


def kept_relay(db: Session, relay: Relayed | None, kind: str) -> dict[str, Any] | None:
    """A relay as a draft keeps it. Raises Declined for an emergency, and for an address that is not on the list."""
    if relay is None:
        return None
    if kind == "emergency":
        raise Declined("relayed-emergency", "Tin khẩn cấp không tiếp sóng được, xin viết lời để loa đọc.")
    refuse_gone(db, relay)
    kept: dict[str, Any] = msgspec.to_builtins(relay)
    return kept


def refuse_gone(db: Session, relay: Relayed | None) -> None:
    """No station that was taken off the list or has another address since. Raises Declined."""
    if relay is None or not relay.station + relay.address:
        return
    if Station(relay.station, relay.address) not in stations_of(db):
        raise Declined("gone-station", _GONE.format(relay.station))


def refuse_unready(relay: Relayed, instead_s: float, limit_s: float) -> None:
    """What a relay must have before it is sent for approval. Pure. Raises Declined.

    instead_s: length of what is said without the station. limit_s: longest sitting, 0 for none.
    """
    if not relay.station or not relay.address:
        raise Declined("no-relay", "Xin chọn đài để tiếp sóng.")
    if not SHORTEST_S <= relay.length_s <= LONGEST_S:
        raise Declined("relay-length", f"Xin ghi số phút tiếp sóng, từ 1 đến {LONGEST_S // 60}.")
    if limit_s and relay.length_s + HEAD_S > limit_s:
        most = int((limit_s - HEAD_S) // 60)
        raise Declined(
            "relay-length", f"Một buổi phát của xã chỉ đủ để tiếp sóng {most} phút, xin ghi ngắn hơn."
        )
    refuse_long(relay, instead_s)


def refuse_long(relay: Relayed, instead_s: float) -> None:
    """Words for want of the station that would go on when the time for it is over. Pure. Raises Declined."""
    if instead_s > relay.length_s:
        raise Declined(
            "long-instead", "Lời đọc khi không bắt được đài dài hơn thời gian tiếp sóng, xin viết ngắn lại."
        )


def signed_relay(relay: Relayed | None) -> Relay | None:
    """A relay as the envelope carries it. Raises msgspec.ValidationError for one that is not ready."""
    return None if relay is None else msgspec.convert(msgspec.to_builtins(relay), Relay)


def users_of(db: Session, stations: Sequence[Station]) -> dict[str, list[Revision]]:
    """Approved announcements that still relay a station, by its name."""
    rows = db.scalars(select(Revision).where(Revision.state == "approved", Revision.relay.is_not(None)))
    found: dict[str, list[Revision]] = {one.name: [] for one in stations}
    for row in rows:
        relay = relay_of(row.relay)
        if relay is not None and Station(relay.station, relay.address) in stations:
            found[relay.station].append(row)
    return found


def _parts(address: str) -> SplitResult | None:
    """An address taken apart; None for what is none."""
    try:
        parts = urlsplit(address)
        is_good = parts.port != 0 and _HOST.fullmatch(parts.hostname or "") is not None
    except ValueError:  # a port or a bracket that is none
        return None
    return parts if is_good and _ADDRESS.fullmatch(address) is not None else None

"""Other ways for what was approved (kênh khác): webhooks, and what apprise can write to: e-mail, SMS gateways, chat.

A channel gets what is approved from then on, and that it was withdrawn. Nothing here speaks: a loudspeaker believes
signatures, never a channel.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from broker.hub.announcing.checks import visible
from broker.hub.declined import Declined
from broker.hub.own_machine import is_own
from broker.hub.records import Account, Channel, Delivery, Revision, note_change, write_audit
from broker.hub.records.announcement import KINDS
from broker.hub.roles import require_role

KEEPERS = ("admin",)
"""Addresses hold passwords of the commune's mail box or SMS account."""
MOST_CHANNELS = 20
LONGEST_NAME = 80
LONGEST_ADDRESS = 2000
FRESH = timedelta(hours=24)
"""What was approved longer ago goes to no channel any more: nobody is helped by yesterday's news."""
LOCAL_ONLY = ("syslog",)
"""Schemes of apprise that write on this machine and reach nobody."""
FILES = ("template", "keyfile", "attach", "file", "pgpkey", "subfile", "path", "sound_file")
"""Options of apprise's addresses that name files of this machine: a channel is no way to read them."""


def channels_of(db: Session) -> list[Channel]:
    """All that were not removed, by name."""
    query = select(Channel).where(Channel.removed_at.is_(None))
    return sorted(db.scalars(query), key=lambda one: one.name.lower())


def add_channel(
    db: Session, account: Account, name: str, address: str, kinds: Sequence[str], now: datetime
) -> Channel:
    """A new one. Raises Declined for a name or address that is none, and for no kind at all."""
    require_role(db, account, now, *KEEPERS)
    called, where, wanted = _checked(name, address, kinds)
    kept = channels_of(db)
    if any(one.name.lower() == called.lower() for one in kept):
        raise Declined("same-channel", f"Đã có kênh “{called}”, xin đặt tên khác.")
    if len(kept) >= MOST_CHANNELS:
        raise Declined("many-channels", f"Xã đã có {MOST_CHANNELS} kênh, xin bỏ bớt kênh không dùng.")
    row = Channel(
        kind=kind_of(where),
        name=called,
        address=where,
        secret=secrets.token_hex(16),
        kinds=wanted,
        created_at=now,
        changed_at=now,
    )
    db.add(row)
    db.flush()
    write_audit(db, now, account.username, "channel.added", called, {"address": masked(where)})
    note_change(db, "channel", str(row.id), now)
    return row


def switch_channel(db: Session, account: Account, channel: int, now: datetime, *, is_on: bool) -> Channel:
    """Let it rest, or work again. What was approved meanwhile is not sent after."""
    require_role(db, account, now, *KEEPERS)
    row = _channel(db, channel)
    row.disabled_at = None if is_on else (row.disabled_at or now)
    row.changed_at = now
    write_audit(db, now, account.username, "channel.on" if is_on else "channel.off", row.name)
    note_change(db, "channel", str(row.id), now)
    return row


def remove_channel(db: Session, account: Account, channel: int, now: datetime) -> Channel:
    """Take it away; its address and secret are forgotten, what was sent stays in the list."""
    require_role(db, account, now, *KEEPERS)
    row = _channel(db, channel)
    row.removed_at = row.changed_at = now
    row.address = row.secret = ""
    for each in db.scalars(
        select(Delivery).where(Delivery.channel_id == row.id, Delivery.state == "waiting")
    ):
        each.state, each.problem = "given-up", "Kênh đã bỏ."
    write_audit(db, now, account.username, "channel.removed", row.name)
    note_change(db, "channel", str(row.id), now)
    return row


def write_deliveries(db: Session, now: datetime) -> int:
    """Add what is to be told and was not yet. Returns how many were added."""
    channels = [one for one in channels_of(db) if one.disabled_at is None]
    if not channels:
        return 0
    approved = _fresh(db, "approved", Revision.decided_at, now)
    withdrawn = _fresh(db, "withdrawn", Revision.ended_at, now)
    told = {
        (row.channel_id, row.announcement, row.revision, row.what)
        for row in db.scalars(select(Delivery).where(Delivery.created_at > now - 2 * FRESH))
    }
    added = 0
    for channel in channels:
        for what, revision in [
            *(("approved", one) for one in approved),
            *(("withdrawn", one) for one in withdrawn),
        ]:
            key = (channel.id, revision.announcement_id, revision.number)
            if (*key, what) in told or not _concerns(channel, revision, what):
                continue
            if what == "withdrawn" and approved_delivery(db, *key) is None:
                continue
            db.add(
                Delivery(
                    channel_id=channel.id,
                    announcement=revision.announcement_id,
                    revision=revision.number,
                    what=what,
                    created_at=now,
                    next_at=now,
                )
            )
            added += 1
    return added


def approved_delivery(db: Session, channel: int, announcement: str, revision: int) -> Delivery | None:
    """The message that told a channel of a revision, however long ago; None when it was never to be told."""
    return db.scalars(
        select(Delivery).where(
            Delivery.channel_id == channel,
            Delivery.announcement == announcement,
            Delivery.revision == revision,
            Delivery.what == "approved",
        )
    ).first()


def lately(db: Session, count: int = 30) -> list[Delivery]:
    """The last messages, newest first."""
    return list(db.scalars(select(Delivery).order_by(Delivery.id.desc()).limit(count)))


def waiting_count(db: Session) -> int:
    """How many messages still wait to be accepted."""
    return db.scalar(select(func.count()).select_from(Delivery).where(Delivery.state == "waiting")) or 0


def kind_of(address: str) -> str:
    """webhook for a bare web address, apprise for everything else."""
    return "webhook" if address.lower().startswith(("http:", "https:")) else "apprise"


def masked(address: str) -> str:
    """An address without what opens it: scheme, host and port only, for pages and the audit log."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # a token where the port stands
        scheme = address.partition("://")[0]
        return f"{scheme}://…" if scheme.isalnum() else "…"
    # In apprise's addresses the host may itself be a token (tgram://TOKEN/chat): only those of the web and of mail are.
    where = host if parts.scheme in ("http", "https", "mailto", "mailtos") and host else "…"
    return f"{parts.scheme}://{where}{'' if port is None else f':{port}'}/…"


def _checked(name: str, address: str, kinds: Sequence[str]) -> tuple[str, str, list[str]]:
    called, where = " ".join(visible(name).split()), address.strip()
    if not any(char.isalnum() for char in called):
        raise Declined("no-channel-name", "Xin đặt tên cho kênh để mọi người biết tin đi đâu.")
    if len(called) > LONGEST_NAME:
        raise Declined("long-channel-name", f"Tên kênh dài quá, xin viết nhiều nhất {LONGEST_NAME} chữ cái.")
    if len(where) > LONGEST_ADDRESS:
        raise Declined("long-address", f"Địa chỉ dài quá, nhiều nhất {LONGEST_ADDRESS} chữ cái.")
    if not is_usable(where):
        raise Declined(
            "bad-address",
            "Địa chỉ này không gửi được. Xin ghi https://… cho webhook, mailto://… cho thư điện tử, "
            "hoặc địa chỉ của cổng tin nhắn theo hướng dẫn của Apprise.",
        )
    wanted = [kind for kind in KINDS if kind in kinds]
    if not wanted:
        raise Declined("no-kind", "Xin chọn ít nhất một loại bản tin để gửi.")
    return called, where, wanted


def is_usable(address: str) -> bool:
    """Whether something can be sent there: a web address, or one that apprise knows and that names no file of ours."""
    if any(char.isspace() or not char.isprintable() for char in address):
        return False
    try:
        parts = urlsplit(address)
        is_web = parts.scheme in ("http", "https")
        if is_web:
            return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    named = {name.lower().lstrip("+-:") for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if not parts.scheme or parts.scheme in LOCAL_ONLY or named & set(FILES):
        return False
    from apprise import Apprise  # a second to load: not before somebody adds such a channel

    return Apprise.instantiate(address) is not None


def leads_here(address: str, gateway: str = "") -> bool:
    """Whether a usable address leads to this very machine, or into its own wire; names are not looked up.

    gateway: the one door of it (host:port) that the settings let through, empty for none.
    """
    from apprise import Apprise

    parts, sender = urlsplit(address), Apprise.instantiate(address)
    hosts = {parts.hostname, getattr(sender, "host", None), getattr(sender, "smtp_host", None)}
    port = getattr(sender, "port", None)
    own = {host for host in hosts if isinstance(host, str) and is_own(host.strip("[]"))}
    return any(f"{host}:{port}" != gateway for host in own)


def _channel(db: Session, channel: int) -> Channel:
    row = db.get(Channel, channel)
    if row is None or row.removed_at is not None:
        raise Declined("no-channel", "Kênh này không còn nữa.")
    return row


def _fresh(
    db: Session, state: str, since: InstrumentedAttribute[datetime | None], now: datetime
) -> list[Revision]:
    """Revisions that came into a state lately; drills tell nobody anything."""
    query = select(Revision).where(Revision.state == state, since > now - FRESH, Revision.drill.is_(False))
    return list(db.scalars(query.order_by(Revision.id)))


def _concerns(channel: Channel, revision: Revision, what: str) -> bool:
    """Whether a channel that exists so long wants it."""
    at = revision.decided_at if what == "approved" else revision.ended_at
    return revision.kind in channel.kinds and at is not None and at >= channel.changed_at

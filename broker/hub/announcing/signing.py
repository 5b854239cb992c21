"""The envelope of an announcement: made for the approver's browser, and believed when it comes back signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from sqlalchemy.orm import Session

from broker.contract import Place
from broker.contract.hub import Media, Passkey, Signed
from broker.hub import stations, trusted
from broker.hub.announcing import emergency_times, schedule
from broker.hub.announcing.planner import TOLERANCE_S
from broker.hub.declined import Declined
from broker.hub.records import Account, ApproverKey, Revision
from broker.link.config import Settings
from broker.trust import reasons
from broker.trust.envelope import Envelope, Kind, Refused, Start, canonical, open_announcement
from broker.trust.passkey import sign_count_of

NOW_TOLERANCE_S = 600
""" "Phát ngay" may still begin this long after it was signed."""
SIGN_WITHIN = timedelta(minutes=10)
"""An envelope is offered for signing; after this long the approver looks at a new one."""


@dataclass(frozen=True)
class Desk:
    """Where approvals happen: which commune, and the folder with its trust list."""

    where: Place
    keys_dir: Path

    @classmethod
    def of(cls, settings: Settings) -> Desk:
        """The desk of this hub."""
        return cls(settings.where, settings.keys_dir)


def envelope_of(revision: Revision, desk: Desk, issued_at: datetime) -> Envelope:
    """What an approver is asked to sign. Declined while there is no sound yet."""
    if revision.audio is None:
        sentence = revision.audio_problem or "Âm thanh đang được tạo, xin chờ vài giây rồi thử lại."
        raise Declined("no-audio", sentence)
    relay = stations.relay_of(revision.relay)
    if relay is not None:
        stations.refuse_long(relay, (revision.audio.get("duration_ms") or 0) / 1000)
    starts, expires = _times(revision, issued_at)
    return Envelope(
        announcement=revision.announcement_id,
        revision=revision.number,
        commune=f"{desk.where.province}/{desk.where.commune}",
        kind=msgspec.convert(revision.kind, Kind),
        title=revision.title,
        spoken=revision.spoken,
        voice=revision.voice,
        audio=msgspec.convert(revision.audio, Media),
        villages=list(revision.villages),
        starts=starts,
        repeat=revision.repeat,
        gap_s=revision.gap_s,
        issued_at=issued_at,
        expires=expires,
        author=revision.author.username,
        relay=stations.signed_relay(relay),
    )


def _times(revision: Revision, issued_at: datetime) -> tuple[list[Start], datetime]:
    """When it may begin, and when it ends. An emergency is spoken at once and holds as long as was chosen."""
    length = schedule.length_s(revision)
    if revision.kind == "emergency":
        lasts_s = revision.lasts_s or TOLERANCE_S["emergency"]
        starts = emergency_times.starts_of(issued_at, revision.every_s, lasts_s, length)
        return starts, issued_at + timedelta(seconds=lasts_s)
    starts = schedule.starts_of(revision)
    if revision.recurrence:  # of a whole list, what passed while it waited is left out
        starts = [each for each in starts if each.at > issued_at]
        if not starts:
            raise Declined("past", "Mọi giờ phát của bản này đã qua, xin người soạn sửa lại giờ.")
    if revision.play_now:
        starts = [Start(at=issued_at, tolerance_s=max(NOW_TOLERANCE_S, TOLERANCE_S[revision.kind]))]
    last = max(each.at + timedelta(seconds=each.tolerance_s) for each in starts)
    return starts, last + timedelta(seconds=length)


def checked(
    db: Session, desk: Desk, account: Account, revision: Revision, signed: Signed, now: datetime
) -> Envelope:
    """The signed envelope, when it says exactly what was shown and one of this person's own keys signed it."""
    used = own_key(db, account, signed)
    try:
        envelope = open_announcement(signed, trusted.in_force(db, desk), now)
    except Refused as why:
        raise Declined(why.code, reasons.sentence(why.code)) from why
    refuse_stale(envelope.issued_at, now)
    if canonical(envelope_of(revision, desk, envelope.issued_at)) != signed.body:
        raise Declined("other-text", "Nội dung đã ký khác với bản đang chờ duyệt, xin mở lại trang duyệt.")
    note_counter(used, signed.signatures[0].passkey)
    return envelope


def own_key(db: Session, account: Account, signed: Signed) -> ApproverKey:
    """The key of this person that signed; a browser sends one signature. Declined for anybody else's."""
    own = {row.id: row for row in trusted.keys_of(db, account)}
    used = own.get(signed.signatures[0].key) if len(signed.signatures) == 1 else None
    if used is None:
        raise Declined("not-own-key", "Chữ ký không phải của khoá nào gắn với tài khoản này.")
    return used


def refuse_stale(issued_at: datetime, now: datetime) -> None:
    """What was offered for signing too long ago, or is not of this time at all."""
    if not now - SIGN_WITHIN <= issued_at <= now + timedelta(seconds=5):
        raise Declined("stale", "Trang duyệt đã mở quá lâu, xin mở lại rồi ký.")


def note_counter(key: ApproverKey, passkey: Passkey | None) -> None:
    """An authenticator that counts must have counted on; else somebody holds a copy of it (WebAuthn §6.1.1)."""
    if passkey is None:
        return
    counter = sign_count_of(passkey)
    if (counter or key.sign_count) and counter <= key.sign_count:
        raise Declined(
            "cloned-key", "Khoá này có dấu hiệu bị sao chép. Xin bỏ khoá, tạo khoá mới và báo người quản trị."
        )
    key.sign_count = counter

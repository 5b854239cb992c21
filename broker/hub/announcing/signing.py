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
from broker.hub.announcing import schedule
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
    starts = schedule.starts_of(revision)
    if revision.play_now:
        tolerance_s = max(NOW_TOLERANCE_S, TOLERANCE_S[revision.kind])
        starts = [Start(at=issued_at, tolerance_s=tolerance_s)]
    last = max(each.at + timedelta(seconds=each.tolerance_s) for each in starts)
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
        expires=last + timedelta(seconds=schedule.length_s(revision)),
        author=revision.author.username,
        relay=stations.signed_relay(relay),
    )


def checked(
    db: Session, desk: Desk, account: Account, revision: Revision, signed: Signed, now: datetime
) -> Envelope:
    """The signed envelope, when it says exactly what was shown and one of this person's own keys signed it."""
    own = {row.id: row for row in trusted.keys_of(db, account)}
    used = own.get(signed.signatures[0].key) if len(signed.signatures) == 1 else None
    if used is None:
        raise Declined("not-own-key", "Chữ ký không phải của khoá nào gắn với tài khoản này.")
    try:
        envelope = open_announcement(signed, trusted.in_force(db, desk), now)
    except Refused as why:
        raise Declined(why.code, reasons.sentence(why.code)) from why
    if not now - SIGN_WITHIN <= envelope.issued_at <= now + timedelta(seconds=5):
        raise Declined("stale", "Trang duyệt đã mở quá lâu, xin mở lại rồi ký.")
    if canonical(envelope_of(revision, desk, envelope.issued_at)) != signed.body:
        raise Declined("other-text", "Nội dung đã ký khác với bản đang chờ duyệt, xin mở lại trang duyệt.")
    _note_counter(used, signed.signatures[0].passkey)
    return envelope


def _note_counter(key: ApproverKey, passkey: Passkey | None) -> None:
    """An authenticator that counts must have counted on; else somebody holds a copy of it (WebAuthn §6.1.1)."""
    if passkey is None:
        return
    counter = sign_count_of(passkey)
    if (counter or key.sign_count) and counter <= key.sign_count:
        raise Declined(
            "cloned-key", "Khoá này có dấu hiệu bị sao chép. Xin bỏ khoá, tạo khoá mới và báo người quản trị."
        )
    key.sign_count = counter

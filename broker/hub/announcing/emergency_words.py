"""Free words for an emergency that no template fits: written by one person, signed by two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract.hub import Signature, Signed
from broker.hub import trusted
from broker.hub.announcing import checks, workflow
from broker.hub.announcing import emergency_times as times
from broker.hub.announcing.emergency_signers import believe, first_of, put_in_force, require_signer
from broker.hub.announcing.ending import name_of
from broker.hub.announcing.signing import Desk, envelope_of, note_counter, own_key, refuse_stale
from broker.hub.declined import Declined
from broker.hub.records import Account, NodeRecord, Revision, note_change, write_audit
from broker.speech.lexicon import Lexicon
from broker.trust import reasons
from broker.trust.envelope import Envelope, Refused, canonical, open_announcement

LONGEST_WORDS = 2000
"""Characters; nobody listens to more in an emergency."""
OTHER_TEXT = "Nội dung đã ký khác với bản đang chờ ký, xin mở lại trang rồi ký."


@dataclass(frozen=True)
class Words:
    """What somebody wrote for an emergency that no template fits. Villages are codes."""

    title: str = ""
    text: str = ""
    villages: Sequence[str] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    """What was chosen for doubtful words: found → spoken."""
    voice: str = "vi"
    repeat: int = 3
    gap_s: int = 5
    every_s: int = 600
    """It begins again so often; 0: it is said once."""
    lasts_s: int = 7200


def write(
    db: Session,
    account: Account,
    words: Words,
    lexicon: Lexicon,
    now: datetime,
    announcement: str | None = None,
) -> Revision:
    """Keep free words and hand them to the signers; `announce` makes their sound next.

    announcement: one whose words are written anew. Declined as workflow.save_draft and submit decline, and for words
    that are too long, repeats or a validity outside the limits.
    """
    times.refuse_rhythm(words.every_s, words.lasts_s)
    if len(words.text) > LONGEST_WORDS:
        raise Declined(
            "long-text", f"Tin khẩn cấp cần ngắn: {len(words.text)} chữ cái, nhiều nhất là {LONGEST_WORDS}."
        )
    draft = workflow.Draft(
        title=words.title,
        text=words.text,
        kind="emergency",
        villages=words.villages,
        play_now=True,
        repeat=words.repeat,
        gap_s=words.gap_s,
        voice=words.voice,
        answers=words.answers,
    )
    revision = workflow.save_draft(db, account, draft, now, announcement)
    revision.every_s, revision.lasts_s = words.every_s, words.lasts_s
    return workflow.hand_in(db, account, revision, lexicon, now)


def body_of(db: Session, desk: Desk, revision_id: int, now: datetime) -> str:
    """The canonical Envelope of free words to be signed: the second signs exactly what the first signed."""
    revision = _waiting(db, revision_id)
    first = first_of(db, desk, revision, now)
    if first is not None and revision.envelope is not None:
        return revision.envelope
    return canonical(envelope_of(revision, desk, now.replace(microsecond=0)))


def sign(
    db: Session,
    desk: Desk,
    account: Account,
    revision_id: int,
    signed: Signed,
    clicked_ms: int,
    now: datetime,
) -> Revision:
    """Take one of the two signatures of free words, with the text of `body_of`; the second lets them speak.

    Declined: no right, another's key, the first signer again, a text that is not the one offered, and a first
    signature that has lapsed (then the same person or another signs first anew).
    """
    revision = db.get(Revision, revision_id)
    if revision is not None and _is_in(signed, revision):
        own_key(db, account, signed)
        return revision  # the same request once more
    revision = _waiting(db, revision_id)
    require_signer(db, desk, account, now)
    used = own_key(db, account, signed)
    envelope = _half_believed(db, desk, signed, now)
    first = first_of(db, desk, revision, now)
    if first is None:
        _refuse_first(revision, desk, envelope, signed, now)
    elif signed.body != revision.envelope:
        raise Declined(
            "signed-meanwhile", f"{first.account.full_name} vừa ký trước, xin mở lại trang để ký tiếp."
        )
    elif first.account.id == account.id:
        raise Declined("same-signer", "Anh/chị đã ký rồi; tin này cần thêm một người khác ký.")
    note_counter(used, signed.signatures[0].passkey)
    if first is None:
        revision.envelope, revision.signatures = signed.body, msgspec.to_builtins(signed.signatures)
        note_change(db, "announcement", revision.announcement_id, now)
        told = {"key": used.id}
        write_audit(db, now, account.username, "emergency.signed-first", name_of(revision), told)
    else:
        both = Signed(body=signed.body, signatures=[first.signature, *signed.signatures])
        believe(db, desk, both, now)
        put_in_force(db, account, revision, envelope, both, clicked_ms, now)
        told = {"key": used.id, "first": first.account.username}
        write_audit(db, now, account.username, "emergency.signed-second", name_of(revision), told)
    return revision


def _waiting(db: Session, revision_id: int) -> Revision:
    revision = workflow.submitted(db, revision_id)
    if revision.kind != "emergency":
        raise Declined("not-emergency", "Bản tin này không phải tin khẩn cấp, xin ký ở trang duyệt.")
    with_node = db.scalars(select(NodeRecord.village).where(NodeRecord.retired_at.is_(None)))
    checks.refuse_unheard(revision.villages, set(with_node))
    return revision


def _is_in(signed: Signed, revision: Revision) -> bool:
    """Whether exactly this signature over exactly this text was taken already."""
    kept = msgspec.convert(revision.signatures, list[Signature])
    is_text = revision.envelope == signed.body and len(signed.signatures) == 1
    return is_text and signed.signatures[0] in kept


def _half_believed(db: Session, desk: Desk, signed: Signed, now: datetime) -> Envelope:
    """What one person signed: good in all but that it needs a second. Declined for anything else."""
    try:
        open_announcement(signed, trusted.in_force(db, desk), now)
    except Refused as why:
        if why.code == "one-signer":
            return msgspec.json.decode(signed.body, type=Envelope)
        raise Declined(why.code, reasons.sentence(why.code)) from why
    raise Declined("other-text", OTHER_TEXT)


def _refuse_first(revision: Revision, desk: Desk, envelope: Envelope, signed: Signed, now: datetime) -> None:
    """Refuse a text that is not what would be offered for a first signature now."""
    if signed.body == revision.envelope:
        raise Declined(
            "first-lapsed",
            "Chữ ký thứ nhất không còn giá trị: đã để quá lâu hoặc người ký không còn quyền. "
            "Xin mở lại trang và cùng ký lại.",
        )
    refuse_stale(envelope.issued_at, now)
    if canonical(envelope_of(revision, desk, envelope.issued_at)) != signed.body:
        raise Declined("other-text", OTHER_TEXT)

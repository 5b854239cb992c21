"""Emergency templates: written on a quiet day, heard and signed by an emergency signer, ready for one year.

Every function works in the caller's transaction and raises Declined with one Vietnamese sentence when it cannot be
done. Who wrote a template never signs it; a new wording is a new number, and only the newest signed one is used.
One signature makes it ready for everybody but its signer, a second one by somebody else for all.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

import msgspec
from dateutil.relativedelta import relativedelta
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broker.contract.hub import Media, Signed
from broker.hub import trusted
from broker.hub.announcing import checks
from broker.hub.announcing import emergency_times as times
from broker.hub.announcing.emergency_signers import (
    holders_of,
    require_signer,
    template_people,
    template_signed,
)
from broker.hub.announcing.emergency_words import LONGEST_WORDS
from broker.hub.announcing.render import spoken_of
from broker.hub.announcing.signing import Desk, note_counter, own_key, refuse_stale
from broker.hub.declined import Declined
from broker.hub.records import Account, EmergencyTemplate, Village, note_change, write_audit
from broker.hub.roles import require_role
from broker.speech.lexicon import Lexicon
from broker.speech.voice import VOICES
from broker.trust import reasons
from broker.trust.envelope import Refused, Template, TrustedKey, canonical, open_signed, signers_of

WRITERS = ("editor", "approver")
ICONS: Final = MappingProxyType(
    {
        "water": "river",
        "storm": "rain",
        "fire": "siren",
        "people": "people",
        "health": "health",
        "horn": "horn",
    }
)
"""Pictures a template may have, and under which name each is drawn."""
MOST_MONTHS = 13
"""The longest a template may be let speak after it was signed; then somebody hears it again."""
LONGEST_NOTE = 500
"""Characters of why a template is given back."""
MOST_TEMPLATES = 24
"""Templates in use; nobody finds the right one among more."""


@dataclass(frozen=True)
class Wording:
    """What somebody filled in. Villages are codes: where it may ever be let speak."""

    title: str = ""
    text: str = ""
    icon: str = "horn"
    villages: Sequence[str] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    """What was chosen for doubtful words: found → spoken."""
    voice: str = "vi"
    repeat: int = 3
    gap_s: int = 5
    every_s: int = 600
    lasts_s: int = 7200


def save(
    db: Session, account: Account, wording: Wording, now: datetime, template_id: int | None = None
) -> EmergencyTemplate:
    """Keep a wording as a draft: in the draft itself while it is this person's, else as a new number.

    template_id: the one that is worded anew; None begins a new template. What waits or is a draft under the same
    code is superseded; what is signed stays in use until the new number is signed.
    """
    require_role(db, account, now, *WRITERS)
    checks.refuse_unstorable(wording.title, wording.text, "emergency", wording.repeat, wording.gap_s)
    if len(wording.text) > LONGEST_WORDS:
        long = len(wording.text)
        raise Declined("long-text", f"Mẫu cần ngắn: {long} chữ cái, nhiều nhất là {LONGEST_WORDS}.")
    times.refuse_rhythm(wording.every_s, wording.lasts_s)
    if wording.icon not in ICONS or wording.voice not in VOICES:
        raise Declined("bad-choice", "Xin chọn hình và giọng đọc trong danh sách.")
    answers = {checks.visible(found): checks.visible(said).strip() for found, said in wording.answers.items()}
    checks.refuse_long_answers(answers)
    row = None if template_id is None else one_of(db, template_id)
    if row is None or row.state != "draft" or row.author_id != account.id:
        row = _new(db, account, row, now)
    row.title, row.text = checks.visible(wording.title).strip(), checks.visible(wording.text)
    row.icon, row.voice, row.villages = wording.icon, wording.voice, sorted(set(wording.villages))
    row.answers = {found: said for found, said in answers.items() if said}
    row.repeat, row.gap_s = wording.repeat, wording.gap_s
    row.every_s, row.lasts_s = wording.every_s, wording.lasts_s
    row.spoken, row.audio, row.audio_problem, row.edited_at = "", None, "", now
    db.flush()
    note_change(db, "template", row.code, now)
    return row


def submit(
    db: Session, account: Account, template_id: int, lexicon: Lexicon, now: datetime
) -> EmergencyTemplate:
    """Hand a draft to the signers: its spoken text is fixed, its sound made next by `announce`.

    Declined: doubts left, nothing to say, no village or one the commune does not have.
    """
    row = one_of(db, template_id)
    if row.state != "draft" or row.author_id != account.id:
        raise Declined("not-draft", "Mẫu này không phải bản nháp của anh/chị; xin mở ra sửa rồi lưu trước.")
    require_role(db, account, now, *WRITERS)
    spoken = spoken_of(row.text, row.answers, lexicon)
    checks.refuse_unspeakable(row.title, spoken, row.answers)
    checks.refuse_villages(row.villages, set(db.scalars(select(Village.code))))
    row.state, row.spoken, row.edited_at, row.note = "submitted", spoken.text, now, ""
    _decided(db, account, row, "template.submitted", now)
    return row


def body_of(db: Session, desk: Desk, template_id: int, months: int, now: datetime) -> str:
    """The canonical Template to be signed (domain `template`). months: how long it may be let speak, 1 to 13.

    Of one that is ready it is the very text that was signed first, and months say nothing.
    """
    row = one_of(db, template_id)
    if row.state == "ready":
        _refuse_whole(db, desk, row, now)
        return row.body or ""
    row = _submitted(db, template_id)
    if row.audio is None:
        raise Declined("no-audio", row.audio_problem or "Âm thanh đang được tạo, xin chờ vài giây.")
    if not 1 <= months <= MOST_MONTHS:
        raise Declined("bad-months", f"Mẫu có hiệu lực từ 1 đến {MOST_MONTHS} tháng, xin chọn lại.")
    issued_at = now.replace(microsecond=0)
    return canonical(_template(row, desk, issued_at, issued_at + relativedelta(months=months)))


def sign(
    db: Session, desk: Desk, account: Account, template_id: int, signed: Signed, now: datetime
) -> EmergencyTemplate:
    """Make a template ready with the text of `body_of`, signed by an emergency signer who did not write it.

    One that is ready gets its second signature so, by somebody else, and stays as it is.
    Declined: the author, no right, another's key, a text that is not the one offered, one offered too long ago, one
    who signed it before, a third signature.
    """
    row = one_of(db, template_id)
    if row.state == "ready":
        return _sign_second(db, desk, account, row, signed, now)
    row = _submitted(db, template_id)
    require_signer(db, desk, account, now)
    if row.author_id == account.id:
        raise Declined("author-signs", "Người viết không tự ký được; xin nhờ người khác có quyền ký.")
    used = own_key(db, account, signed)
    try:
        template = open_signed(signed, "template", trusted.in_force(db, desk), "emergency", now, Template)
    except Refused as why:
        raise Declined(why.code, reasons.sentence(why.code)) from why
    refuse_stale(template.issued_at, now)
    is_short = template.issued_at < template.expires <= template.issued_at + relativedelta(months=MOST_MONTHS)
    if not is_short or canonical(_template(row, desk, template.issued_at, template.expires)) != signed.body:
        raise Declined("other-text", "Nội dung đã ký khác với mẫu đang chờ ký, xin mở lại trang.")
    note_counter(used, signed.signatures[0].passkey)
    for older in _of_code(db, row.code):
        if older.state == "ready":
            older.state, older.ended_at = "superseded", now
    row.state, row.signed_at, row.signer_id, row.expires = "ready", now, account.id, template.expires
    row.body, row.signatures = signed.body, msgspec.to_builtins(signed.signatures)
    _decided(
        db, account, row, "template.signed", now, {"key": used.id, "until": template.expires.isoformat()}
    )
    note_change(db, "plan", "*", now)
    return row


def _sign_second(
    db: Session, desk: Desk, account: Account, row: EmergencyTemplate, signed: Signed, now: datetime
) -> EmergencyTemplate:
    """Put a second person's signature beside the first; one that no longer stands makes room."""
    _refuse_whole(db, desk, row, now)
    require_signer(db, desk, account, now)
    if row.author_id == account.id:
        raise Declined("author-signs", "Người viết không tự ký được; xin nhờ người khác có quyền ký.")
    used = own_key(db, account, signed)
    if signed.body != row.body:
        raise Declined("other-text", "Nội dung đã ký khác với mẫu đang dùng, xin mở lại trang.")
    trust = trusted.in_force(db, desk)
    try:
        open_signed(signed, "template", trust, "emergency", now, Template)
    except Refused as why:
        raise Declined(why.code, reasons.sentence(why.code)) from why
    if holders_of(db, desk, account, now) & template_people(db, desk, row, now):
        raise Declined("same-signer", "Anh/chị đã ký mẫu này rồi; cần thêm một người khác ký.")
    note_counter(used, signed.signatures[0].passkey)
    standing = [
        one
        for one in template_signed(row).signatures
        if signers_of(Signed(body=signed.body, signatures=[one]), trust, "emergency", now, "template")
    ]
    row.signatures = msgspec.to_builtins([*standing, *signed.signatures])
    _decided(db, account, row, "template.signed-second", now, {"key": used.id})
    return row


def _refuse_whole(db: Session, desk: Desk, row: EmergencyTemplate, now: datetime) -> None:
    """Refuse more signatures where two people signed, and where the template's time is over."""
    if len(template_people(db, desk, row, now)) >= 2:
        raise Declined("signed-already", "Mẫu này đã đủ hai người ký.")
    if row.expires is None or row.expires <= now:
        raise Declined("template-expired", f"Mẫu “{row.title}” đã hết hạn, xin bấm gia hạn.")


def send_back(
    db: Session, account: Account, template_id: int, now: datetime, note: str = ""
) -> EmergencyTemplate:
    """Give a template that waits back to who wrote it, with why; they may take it back themselves."""
    row = _submitted(db, template_id)
    note = checks.visible(note).strip()
    if len(note) > LONGEST_NOTE:
        raise Declined("long-note", f"Lời nhắn dài quá, nhiều nhất {LONGEST_NOTE} chữ.")
    if row.author_id != account.id:
        require_role(db, account, now, "approver")
    row.state, row.spoken, row.audio, row.audio_problem = "draft", "", None, ""
    row.note = note
    _decided(db, account, row, "template.returned", now)
    return row


def renew(
    db: Session, account: Account, template_id: int, lexicon: Lexicon, now: datetime
) -> EmergencyTemplate:
    """Hand a signed template to the signers once more as it is, under a new number; it stays in use meanwhile.

    Whoever renews it counts as who wrote it, so that somebody else signs. Its sound stays where its words do.
    """
    old = one_of(db, template_id)
    if old.state != "ready":
        raise Declined("not-ready", "Chỉ mẫu đã ký mới gia hạn được.")
    wording = Wording(**{name: getattr(old, name) for name in Wording.__dataclass_fields__})
    row = submit(db, account, save(db, account, wording, now, old.id).id, lexicon, now)
    if (row.spoken, row.voice) == (old.spoken, old.voice):
        row.audio = old.audio
    return row


def retire(db: Session, account: Account, template_id: int, now: datetime) -> EmergencyTemplate:
    """Take a template out of use. An author may drop what is not signed yet; the rest is for approvers."""
    row = one_of(db, template_id)
    if row.state not in ("draft", "submitted", "ready"):
        raise Declined("over", "Mẫu này đã thôi dùng rồi.")
    if row.author_id != account.id or row.state == "ready":
        require_role(db, account, now, "approver")
    row.state, row.ended_at = "retired", now
    _decided(db, account, row, "template.retired", now)
    note_change(db, "plan", "*", now)
    return row


def one_of(db: Session, template_id: int) -> EmergencyTemplate:
    """A template by its id. Raises Declined when there is none."""
    row = db.get(EmergencyTemplate, template_id)
    if row is None:
        raise Declined("no-template", "Không tìm thấy mẫu khẩn cấp này.")
    return row


def in_use(db: Session) -> list[EmergencyTemplate]:
    """Drafts, those that wait and those that are signed, by title; those past their end too."""
    query = select(EmergencyTemplate).where(EmergencyTemplate.state.in_(("draft", "submitted", "ready")))
    return sorted(db.scalars(query), key=lambda row: (row.title.casefold(), row.code, row.number))


def holds_until(row: EmergencyTemplate, believed: Sequence[TrustedKey]) -> datetime | None:
    """Until when a signed template will be believed: its own end, or that of its signers' keys, whichever is sooner.

    believed: the keys of the list in force. Of two signers the one whose key ends last counts: until then others may
    let it speak.
    """
    keys = {one["key"] for one in row.signatures}
    ends = [one.until for one in believed if one.key in keys]
    return min([row.expires, *([max(ends)] if ends else [])]) if row.expires is not None else None


def kept_sounds(db: Session, village: str, now: datetime) -> list[Media]:
    """Sounds the loudspeakers of a village have at hand: those of the templates that may be let speak there."""
    query = select(EmergencyTemplate).where(
        EmergencyTemplate.state == "ready", EmergencyTemplate.expires > now
    )
    rows = [row for row in db.scalars(query.order_by(EmergencyTemplate.id)) if village in row.villages]
    found = {row.audio["sha256"]: msgspec.convert(row.audio, Media) for row in rows if row.audio}
    return list(found.values())[-64:]


def _new(db: Session, account: Account, old: EmergencyTemplate | None, now: datetime) -> EmergencyTemplate:
    if old is None:
        count = db.scalar(
            select(func.count(func.distinct(EmergencyTemplate.code))).where(
                EmergencyTemplate.state.in_(("draft", "submitted", "ready"))
            )
        )
        if (count or 0) >= MOST_TEMPLATES:
            raise Declined("many-templates", f"Đã có {count} mẫu, xin thôi dùng bớt rồi thêm mẫu mới.")
        code, number = f"mk-{secrets.token_hex(5)}", 1
    else:
        rows = _of_code(db, old.code)
        code, number = old.code, rows[-1].number + 1
        for each in rows:
            if each.state in ("draft", "submitted"):
                each.state, each.ended_at = "superseded", now
    row = EmergencyTemplate(code=code, number=number, author_id=account.id, created_at=now, edited_at=now)
    db.add(row)
    return row


def _of_code(db: Session, code: str) -> list[EmergencyTemplate]:
    query = select(EmergencyTemplate).where(EmergencyTemplate.code == code)
    return list(db.scalars(query.order_by(EmergencyTemplate.number)))


def _submitted(db: Session, template_id: int) -> EmergencyTemplate:
    row = one_of(db, template_id)
    if row.state == "ready":
        raise Declined("signed-already", "Mẫu này đã được ký rồi.")
    if row.state != "submitted":
        raise Declined("not-waiting", "Mẫu này không còn chờ ký, xin mở bản mới nhất.")
    return row


def _template(row: EmergencyTemplate, desk: Desk, issued_at: datetime, expires: datetime) -> Template:
    return Template(
        template=row.code,
        revision=row.number,
        commune=trusted.commune_of(desk),
        title=row.title,
        spoken=row.spoken,
        voice=row.voice,
        audio=msgspec.convert(row.audio, Media),
        villages=list(row.villages),
        repeat=row.repeat,
        gap_s=row.gap_s,
        every_s=row.every_s,
        lasts_s=row.lasts_s,
        issued_at=issued_at,
        expires=expires,
        author=row.author.username,
    )


def _decided(
    db: Session,
    account: Account,
    row: EmergencyTemplate,
    action: str,
    now: datetime,
    told: Mapping[str, str] | None = None,
) -> None:
    detail = {"title": row.title, **(told or {})}
    write_audit(db, now, account.username, action, f"{row.code}.{row.number}", detail)
    note_change(db, "template", row.code, now)

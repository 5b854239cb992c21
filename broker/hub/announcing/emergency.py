"""Emergencies: a template that one person lets speak, free words that two people sign, drills, and how they end.

Every function works in the caller's transaction and raises Declined with one Vietnamese sentence when it cannot be
done. Who may sign is said by the trust list (role `emergency`), and checked again on every node.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract.hub import Signature, Signed
from broker.hub import trusted
from broker.hub.announcing import checks, schedule
from broker.hub.announcing import emergency_times as times
from broker.hub.announcing.emergency_running import (
    Running,
    Waiting,
    cancel,
    names_of,
    running,
    running_one,
    waiting,
)
from broker.hub.announcing.emergency_signers import (
    First,
    believe,
    first_of,
    may_sign,
    needs_other,
    put_in_force,
    require_signer,
    signers,
    template_signed,
)
from broker.hub.announcing.emergency_words import Words, body_of, sign, write
from broker.hub.announcing.ending import name_of
from broker.hub.announcing.planner import total_s
from broker.hub.announcing.signing import Desk, note_counter, own_key, refuse_stale
from broker.hub.declined import Declined
from broker.hub.records import (
    Account,
    Announcement,
    EmergencyTemplate,
    NodeRecord,
    Revision,
    Village,
    write_audit,
)
from broker.trust import reasons
from broker.trust.envelope import Envelope, Refused, Template, canonical, open_signed

__all__ = [
    "First",
    "Running",
    "Waiting",
    "Words",
    "body_of",
    "cancel",
    "first_of",
    "may_sign",
    "names_of",
    "needs_other",
    "ready_templates",
    "require_signer",
    "running",
    "running_one",
    "sign",
    "signers",
    "trigger",
    "trigger_body",
    "trouble_of",
    "waiting",
    "write",
]

_NAME = re.compile(r"(kc|dt)-[0-9a-f]{10}")
_GONE = "Mẫu khẩn cấp này không còn dùng, xin mở lại trang và chọn mẫu khác."


def ready_templates(db: Session, now: datetime, desk: Desk | None = None) -> list[EmergencyTemplate]:
    """Templates that may be let speak: the newest number of each code, signed and not past its end.

    desk: leaves out those whose signer the commune does not believe any more, as the nodes would.
    """
    query = (
        select(EmergencyTemplate)
        .where(EmergencyTemplate.state == "ready", EmergencyTemplate.expires > now)
        .order_by(EmergencyTemplate.code, EmergencyTemplate.number)
    )
    newest = {row.code: row for row in db.scalars(query)}
    rows = sorted(newest.values(), key=lambda row: (row.title.casefold(), row.code))
    return rows if desk is None else [row for row in rows if not trouble_of(db, desk, row, now)]


def trouble_of(db: Session, desk: Desk, row: EmergencyTemplate, now: datetime) -> str:
    """Why loudspeakers would not believe a ready template now, as a sentence; empty when they would."""
    try:
        open_signed(template_signed(row), "template", trusted.in_force(db, desk), "emergency", now, Template)
    except Refused as why:
        return f"Mẫu này không dùng được nữa, cần người khác ký lại. {reasons.sentence(why.code)}"
    except Declined as why:
        return str(why)
    return ""


def trigger_body(
    db: Session,
    desk: Desk,
    account: Account,
    template_id: int,
    villages: Collection[str],
    now: datetime,
    *,
    drill: bool = False,
) -> str:
    """The canonical Envelope that lets a template speak in these villages, or walks it as a drill, to be signed.

    Declined: no right, a template that is gone or not believed, no village or one that is not its own, somebody
    who alone signed it, the same already speaking there, villages without any loudspeaker, a drill where an
    emergency speaks.
    """
    require_signer(db, desk, account, now)
    row = _template(db, desk, template_id, now)
    _refuse_places(db, row, villages)
    if drill:
        _refuse_drill(db, villages, now)
    else:
        _refuse_running(db, row, villages, now)
        _refuse_alone(db, desk, account, row, now)
    name = f"{'dt' if drill else 'kc'}-{secrets.token_hex(5)}"
    return canonical(_envelope(row, account, name, villages, now.replace(microsecond=0), drill=drill))


def trigger(
    db: Session, desk: Desk, account: Account, signed: Signed, clicked_ms: int, now: datetime
) -> Revision:
    """Let speak what was signed with the text of `trigger_body`; the same text again gives the same revision.

    clicked_ms: from the button to the request, as the browser measured it.
    Declined: everything trigger_body declines, another's key, a text that is not the one offered, one too old.
    """
    envelope = _decoded(signed)
    known = db.get(Announcement, envelope.announcement)
    if known is not None:
        return _again(known, account, signed)
    require_signer(db, desk, account, now)
    used = own_key(db, account, signed)
    believe(db, desk, signed, now)
    refuse_stale(envelope.issued_at, now)
    row = _template(db, desk, _named(db, envelope), now)
    _refuse_places(db, row, envelope.villages)
    offered = _envelope(
        row, account, envelope.announcement, envelope.villages, envelope.issued_at, drill=envelope.drill
    )
    is_named = _NAME.fullmatch(envelope.announcement)
    if is_named is None or canonical(offered) != signed.body:
        raise Declined("other-text", "Nội dung đã ký khác với mẫu đang dùng, xin mở lại trang rồi phát.")
    if envelope.drill:
        _refuse_drill(db, envelope.villages, now)
    else:
        _refuse_running(db, row, envelope.villages, now)
    note_counter(used, signed.signatures[0].passkey)
    revision = _written(db, account, row, envelope, now)
    put_in_force(db, account, revision, envelope, signed, clicked_ms, now)
    told = {
        "key": used.id,
        "template": f"{row.code}.{row.number}",
        "villages": ",".join(envelope.villages),
    }
    if envelope.drill:
        write_audit(db, now, account.username, "emergency.drilled", name_of(revision), told)
    else:
        write_audit(db, now, account.username, "emergency.spoken", name_of(revision), told)
    return revision


def _decoded(signed: Signed) -> Envelope:
    """The envelope as it came, before anything of it is believed."""
    try:
        return msgspec.json.decode(signed.body, type=Envelope)
    except (ValueError, RecursionError) as why:
        raise Declined("malformed", reasons.sentence("malformed")) from why


def _again(known: Announcement, account: Account, signed: Signed) -> Revision:
    """The same request once more: what it brought about. Raises Declined for another text under its name."""
    revision = known.revisions[0]
    kept = msgspec.convert(revision.signatures, list[Signature])
    if revision.author_id != account.id or revision.envelope != signed.body or kept != signed.signatures:
        raise Declined("replayed", "Lượt phát này đã có rồi, xin mở lại trang khẩn cấp.")
    return revision


def _named(db: Session, envelope: Envelope) -> int:
    """Id of the template that an envelope carries. Raises Declined when it carries none of ours."""
    if envelope.template is not None:
        query = select(EmergencyTemplate.id).where(EmergencyTemplate.body == envelope.template.body)
        found = db.scalar(query)
        if found is not None:
            return found
    raise Declined("no-template", _GONE)


def _template(db: Session, desk: Desk, template_id: int, now: datetime) -> EmergencyTemplate:
    """A template that may be let speak now. Raises Declined for any other."""
    row = db.get(EmergencyTemplate, template_id)
    if row is None or row.state != "ready":
        raise Declined("no-template", _GONE)
    if row.expires is None or row.expires <= now:
        raise Declined("template-expired", f"Mẫu “{row.title}” đã hết hạn, cần người có quyền ký lại.")
    trouble = trouble_of(db, desk, row, now)
    if trouble:
        raise Declined("template-unbelieved", trouble)
    return row


def _refuse_places(db: Session, row: EmergencyTemplate, villages: Collection[str]) -> None:
    """No village, one that left the commune, one the template was not signed for; words nobody would hear."""
    checks.refuse_villages(sorted(villages), set(db.scalars(select(Village.code))))
    if not set(villages) <= set(row.villages):
        raise Declined("template-villages", f"Mẫu “{row.title}” không dành cho thôn đã chọn, xin chọn lại.")
    with_node = db.scalars(select(NodeRecord.village).where(NodeRecord.retired_at.is_(None)))
    checks.refuse_unheard(villages, set(with_node))


def _refuse_drill(db: Session, villages: Collection[str], now: datetime) -> None:
    """Where an emergency holds nobody rehearses one: whoever reads of a drill would take the words for a drill too."""
    for each in running(db, now):
        if not each.is_drill and set(villages) & set(each.villages):
            raise Declined(
                "emergency-runs",
                f"Đang phát khẩn cấp “{each.revision.title}” ở đó nên không diễn tập. "
                "Xin đợi tin ấy hết hoặc huỷ, hoặc chọn thôn khác.",
            )


def _refuse_alone(db: Session, desk: Desk, account: Account, row: EmergencyTemplate, now: datetime) -> None:
    """Whoever alone signed a template would be one person saying anything; every node refuses that, too."""
    if needs_other(db, desk, account, row, now):
        others = [each.full_name for each in signers(db, desk, now, without=account.id)]
        call = f" Xin gọi ngay: {', '.join(others)}." if others else " Xã chưa có ai khác được phát khẩn cấp."
        raise Declined(
            "one-signer", f"Mẫu “{row.title}” mới một mình anh/chị ký nên phải người khác phát.{call}"
        )


def _refuse_running(db: Session, row: EmergencyTemplate, villages: Collection[str], now: datetime) -> None:
    """The same template speaks in all of these villages already: twice at once nobody would understand it."""
    for each in running(db, now):
        used = db.get(EmergencyTemplate, each.revision.template_id or 0)
        is_same = used is not None and used.code == row.code and not each.is_drill
        if is_same and set(villages) <= set(each.villages):
            who = ", ".join(each.by)
            raise Declined(
                "running-already",
                f"Tin này đang phát ở đó rồi, do {who} cho phát. Muốn phát lại thì huỷ lượt ấy.",
            )


def _envelope(
    row: EmergencyTemplate,
    account: Account,
    name: str,
    villages: Collection[str],
    issued_at: datetime,
    *,
    drill: bool,
) -> Envelope:
    """What is signed to let a template speak: all of its words, nothing of one's own but where and when."""
    signed = template_signed(row)
    template = msgspec.json.decode(signed.body, type=Template)
    length = total_s((template.audio.duration_ms or 0) / 1000, template.repeat, template.gap_s)
    starts = times.starts_of(issued_at, template.every_s, template.lasts_s, length)
    expires = issued_at + timedelta(seconds=template.lasts_s)
    if drill:
        starts = [times.drill_start(issued_at, template.lasts_s)]
        expires = min(expires, issued_at + timedelta(seconds=times.DRILL_WITHIN_S + schedule.DRILL_S))
    return Envelope(
        announcement=name,
        revision=1,
        commune=template.commune,
        kind="emergency",
        title=template.title,
        spoken=template.spoken,
        voice=template.voice,
        audio=template.audio,
        villages=sorted(set(villages)),
        starts=starts,
        repeat=template.repeat,
        gap_s=template.gap_s,
        issued_at=issued_at,
        expires=expires,
        author=account.username,
        template=signed,
        drill=drill,
    )


def _written(
    db: Session, account: Account, row: EmergencyTemplate, envelope: Envelope, now: datetime
) -> Revision:
    """The announcement of a template that was let speak, in the records."""
    db.add(Announcement(id=envelope.announcement, created_at=now, author_id=account.id))
    revision = Revision(
        announcement_id=envelope.announcement,
        number=1,
        state="submitted",
        kind="emergency",
        title=row.title,
        text=row.text,
        spoken=row.spoken,
        answers=row.answers,
        voice=row.voice,
        villages=envelope.villages,
        play_now=True,
        starts=[],
        repeat=row.repeat,
        gap_s=row.gap_s,
        template_id=row.id,
        drill=envelope.drill,
        every_s=row.every_s,
        lasts_s=row.lasts_s,
        author_id=account.id,
        created_at=now,
        edited_at=now,
        submitted_at=now,
        audio=row.audio,
    )
    db.add(revision)
    db.flush()
    return revision

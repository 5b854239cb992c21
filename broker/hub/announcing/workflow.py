"""The life of an announcement: draft, submitted, approved by a signature, returned, withdrawn, stopped.

Every function works in the caller's transaction and raises Declined with one Vietnamese sentence when it cannot
be done. Who wrote it never approves it; what an approver signed is checked here again and on every node.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract.hub import Signed
from broker.hub import phrases, stations
from broker.hub.announcing import checks, recurrence, schedule
from broker.hub.announcing.bookings import booked, bookings_of, turns_of, with_turns
from broker.hub.announcing.ending import end, name_of, stop, withdraw
from broker.hub.announcing.order import place_new, place_of
from broker.hub.announcing.recurring_days import Rule
from broker.hub.announcing.render import spoken_of
from broker.hub.announcing.rules import rules_of
from broker.hub.announcing.signing import Desk, checked, envelope_of
from broker.hub.declined import Declined
from broker.hub.recordings import Track, estimated_once_s, kept_tracks, tracks_of
from broker.hub.records import (
    Account,
    Announcement,
    NodeRecord,
    Revision,
    Village,
    note_change,
    write_audit,
)
from broker.hub.roles import require_role, require_villages
from broker.speech.lexicon import Lexicon
from broker.trust.envelope import MOST_STARTS, Start, canonical

_FRESH_ID = re.compile(r"bt-[0-9a-f]{10}", re.ASCII)
__all__ = [
    "WRITERS",
    "Draft",
    "approve",
    "envelope_for",
    "hand_in",
    "newest_revision",
    "put_in_force",
    "return_with_note",
    "save_draft",
    "stop",
    "submit",
    "submitted",
    "withdraw",
]

WRITERS = ("editor", "approver", "village")
"""Who may write announcements, a village person for the own village only."""
UNREADABLE = "Giờ phát đã lưu không đọc được, xin chọn lại giờ phát."


@dataclass(frozen=True)
class Draft:
    """What an editor filled in. Texts are made NFC; starts are aware times."""

    title: str = ""
    text: str = ""
    kind: str = "routine"
    villages: Sequence[str] = ()
    starts: Sequence[datetime] = ()
    play_now: bool = False
    repeat: int = 1
    gap_s: int = 5
    voice: str = "vi"
    answers: Mapping[str, str] = field(default_factory=dict)
    tracks: Sequence[Track] = ()
    """What is heard, in order; none is the text alone."""
    turn: str = ""
    """Where it meets another ưu tiên: "first" or "after"; "" by the hour."""
    relay: stations.Relayed | None = None
    """Set for a relayed programme; text and tracks are then what is heard where the station cannot be had."""
    recurrence: Rule | None = None
    """Said again and again by this rule; `starts` then follow from it."""
    fresh_id: str = ""
    """Id for a new announcement, chosen when its page was opened: saved twice it is still one announcement."""


def save_draft(
    db: Session, account: Account, draft: Draft, now: datetime, announcement: str | None = None
) -> Revision:
    """Keep what was written: in the newest revision while it is this person's draft, else in a new one.

    announcement: None begins a new announcement. Saving over a submitted revision supersedes it.
    """
    require_role(db, account, now, *WRITERS)
    require_villages(db, account, now, list(draft.villages), *WRITERS)
    checks.refuse_unstorable(draft.title, draft.text, draft.kind, draft.repeat, draft.gap_s)
    answers = {checks.visible(found): checks.visible(said).strip() for found, said in draft.answers.items()}
    checks.refuse_long_answers(answers)
    phrases.refuse_removed(db, draft.tracks)
    latest = newest_revision(db, announcement) if announcement else _saved_before(db, account, draft.fresh_id)
    if latest is not None and latest.author_id != account.id:
        require_role(db, account, now, "editor", "approver")  # a village person leaves others' words alone
    if latest is not None and latest.state == "draft" and latest.author_id == account.id:
        revision = latest
    else:
        revision = _new_revision(db, account, latest, now, draft.kind, draft.fresh_id)
    revision.title = checks.visible(draft.title).strip()
    revision.text = checks.visible(draft.text)
    revision.relay = stations.kept_relay(db, draft.relay, draft.kind)
    revision.kind = draft.kind if draft.relay is None else "routine"
    revision.villages = sorted(set(draft.villages))
    revision.place = place_of("after" if draft.play_now else draft.turn)
    revision.play_now = draft.play_now
    rule = None if draft.play_now else draft.recurrence
    starts = draft.starts if rule is None else recurrence.expand(rule, now)[: MOST_STARTS + 1]
    revision.recurrence = recurrence.kept_rule(rule)
    revision.starts = [] if draft.play_now else schedule.kept_starts(starts, revision.kind)
    revision.repeat = draft.repeat if draft.relay is None else 1
    revision.gap_s, revision.voice = draft.gap_s, draft.voice
    revision.tracks = kept_tracks(draft.tracks, draft.text)
    revision.answers = {found: said for found, said in answers.items() if said}
    revision.spoken, revision.audio, revision.audio_problem = "", None, ""
    revision.edited_at = now
    db.flush()
    note_change(db, "announcement", revision.announcement_id, now)
    return revision


def newest_revision(db: Session, announcement: str) -> Revision:
    """The newest revision of an announcement. Raises Declined when there is none."""
    query = select(Revision).where(Revision.announcement_id == announcement).order_by(Revision.number.desc())
    found = db.scalars(query.limit(1)).first()
    if found is None:
        raise Declined("no-announcement", "Không tìm thấy bản tin này, có thể nó đã được gỡ.")
    return found


def submit(db: Session, account: Account, revision_id: int, lexicon: Lexicon, now: datetime) -> Revision:
    """Send a draft for approval: fixes the spoken text; the sound is made next by `announce`.

    Declined: doubts left, nothing to say, no village, no time, a time in the past or in quiet hours, a clash
    (with the next free times in the sentence), a sitting that grows too long.
    """
    revision = _revision(db, revision_id)
    _refuse_emergency(revision)
    return hand_in(db, account, revision, lexicon, now)


def hand_in(db: Session, account: Account, revision: Revision, lexicon: Lexicon, now: datetime) -> Revision:
    """What submit and announcing.emergency share: the draft is checked, its spoken text fixed, and it waits."""
    if revision.state != "draft":
        raise Declined("not-draft", "Bản này không còn là bản nháp; xin mở bản mới nhất để sửa.")
    if revision.author_id != account.id:
        raise Declined("not-author", "Chỉ người soạn mới gửi duyệt được; hãy lưu thành bản của mình trước.")
    require_role(db, account, now, *WRITERS)
    require_villages(db, account, now, list(revision.villages), *WRITERS)
    spoken = spoken_of(revision.text, revision.answers, lexicon)
    checks.refuse_unspeakable(revision.title, spoken, revision.answers)
    tracks = tracks_of(revision.tracks)
    phrases.refuse_removed(db, tracks)
    kept_tracks(tracks, spoken.text)
    _refuse_relay(db, revision, estimated_once_s(spoken.text, tracks))
    known = set(db.scalars(select(Village.code)))
    checks.refuse_villages(revision.villages, known)
    with_node = db.scalars(select(NodeRecord.village).where(NodeRecord.retired_at.is_(None)))
    checks.refuse_unheard(revision.villages, set(with_node))
    revision.spoken = spoken.text
    rule = recurrence.rule_of(revision.recurrence)
    if rule is None and revision.recurrence is not None:
        raise Declined("again", UNREADABLE)
    if rule is not None:  # what has passed since it was written is no start any more
        revision.starts = schedule.kept_starts(recurrence.refuse_rule(rule, now), revision.kind)
    if not revision.play_now:
        checks.refuse_starts([each.at for each in schedule.starts_of(revision)], now)
    with_turns(db, revision)
    _refuse_times(db, revision, now, waiting=True)
    revision.state, revision.submitted_at = "submitted", now
    revision.audio, revision.audio_problem, revision.return_note = None, "", ""
    write_audit(db, now, account.username, "announcement.submitted", name_of(revision))
    note_change(db, "announcement", revision.announcement_id, now)
    return revision


def return_with_note(db: Session, account: Account, revision_id: int, note: str, now: datetime) -> Revision:
    """Give a submitted revision back to its author with a word why."""
    require_role(db, account, now, "approver")
    revision = submitted(db, revision_id)
    if not note.strip():
        raise Declined("no-note", "Xin ghi vài chữ để người soạn biết cần sửa gì.")
    revision.state, revision.return_note, revision.decided_at = "returned", note.strip()[:2000], now
    revision.approver_id = account.id
    write_audit(db, now, account.username, "announcement.returned", name_of(revision))
    note_change(db, "announcement", revision.announcement_id, now)
    return revision


def envelope_for(db: Session, desk: Desk, revision_id: int, now: datetime) -> str:
    """The canonical text an approver's browser is to sign (domain `announcement`)."""
    revision = submitted(db, revision_id)
    _refuse_emergency(revision)
    stations.refuse_gone(db, stations.relay_of(revision.relay))
    return canonical(envelope_of(revision, desk, now.replace(microsecond=0)))


def approve(
    db: Session, desk: Desk, account: Account, revision_id: int, signed: Signed, now: datetime
) -> Revision:
    """Approve a submitted revision with the text from `envelope_for`, signed by this person's own key.

    Declined: the author, another's key, a key the trust list does not give this right, a text that is not the
    one shown, times that have passed or clash meanwhile, a revision that is no longer the newest.
    """
    require_role(db, account, now, "approver")
    revision = submitted(db, revision_id)
    _refuse_emergency(revision)
    if revision.author_id == account.id:
        raise Declined("author-approves", "Người soạn không tự duyệt được; xin nhờ người duyệt khác.")
    stations.refuse_gone(db, stations.relay_of(revision.relay))
    envelope = checked(db, desk, account, revision, signed, now)
    if not revision.play_now:
        checks.refuse_starts([each.at for each in envelope.starts], now)
    _refuse_times(db, revision, now, waiting=False)
    put_in_force(db, account, revision, envelope.starts, signed, now)
    told = {"key": ",".join(one.key for one in signed.signatures)}
    if envelope.relay is not None:
        told["station"] = envelope.relay.station
    write_audit(db, now, account.username, "announcement.approved", name_of(revision), told)
    return revision


def put_in_force(
    db: Session, account: Account, revision: Revision, starts: Sequence[Start], signed: Signed, now: datetime
) -> None:
    """What was signed and checked stands from now on, not an older revision; the caller writes the audit log."""
    for older in db.scalars(
        select(Revision).where(
            Revision.announcement_id == revision.announcement_id, Revision.state == "approved"
        )
    ):
        end(db, older, "superseded", now)
    revision.state, revision.decided_at, revision.approver_id = "approved", now, account.id
    revision.envelope, revision.signatures = signed.body, msgspec.to_builtins(signed.signatures)
    schedule.write_occurrences(db, revision, starts, now)
    place_new(db, revision)
    note_change(db, "announcement", revision.announcement_id, now)
    note_change(db, "plan", "*", now)


def _saved_before(db: Session, account: Account, fresh_id: str) -> Revision | None:
    """What was begun under this id already by the same person: the answer to the first saving was lost on its way."""
    begun = db.get(Announcement, fresh_id) if _FRESH_ID.fullmatch(fresh_id) else None
    return newest_revision(db, fresh_id) if begun is not None and begun.author_id == account.id else None


def _new_revision(
    db: Session, account: Account, latest: Revision | None, now: datetime, kind: str, fresh_id: str
) -> Revision:
    if latest is None:
        name = f"{'kc' if kind == 'emergency' else 'bt'}-{secrets.token_hex(5)}"
        if kind != "emergency" and _FRESH_ID.fullmatch(fresh_id) and db.get(Announcement, fresh_id) is None:
            name = fresh_id
        announcement = Announcement(id=name, created_at=now, author_id=account.id)
        db.add(announcement)
        db.flush()
        name, number = announcement.id, 1
    else:
        if latest.state == "submitted":
            end(db, latest, "superseded", now)
        latest.announcement.latest = number = latest.number + 1
        name = latest.announcement_id
    revision = Revision(
        announcement_id=name, number=number, author_id=account.id, created_at=now, edited_at=now, starts=[]
    )
    db.add(revision)
    return revision


def _revision(db: Session, revision_id: int) -> Revision:
    revision = db.get(Revision, revision_id)
    if revision is None:
        raise Declined("no-announcement", "Không tìm thấy bản tin này, có thể nó đã được gỡ.")
    return revision


def submitted(db: Session, revision_id: int) -> Revision:
    """A revision that waits for its signature. Raises Declined for any other."""
    revision = _revision(db, revision_id)
    if revision.state in ("superseded", "draft") or revision.announcement.latest != revision.number:
        raise Declined("not-newest", "Bản này đã được sửa lại; xin mở bản mới nhất.")
    if revision.state == "approved":
        raise Declined("approved-already", "Bản tin này đã được duyệt rồi.")
    if revision.state != "submitted":
        raise Declined("not-waiting", "Bản tin này không còn chờ duyệt.")
    return revision


def _refuse_emergency(revision: Revision) -> None:
    """Emergencies have a way of their own, with their own signers: announcing.emergency."""
    if revision.kind == "emergency":
        raise Declined("emergency-way", "Tin khẩn cấp viết và ký ở trang Phát khẩn cấp, xin mở trang đó.")


def _refuse_relay(db: Session, revision: Revision, instead_s: float) -> None:
    """Refuse a relay that lacks something; `instead_s` is about how long the words without its station are."""
    relay = stations.relay_of(revision.relay)
    if relay is not None:
        stations.refuse_unready(relay, instead_s, rules_of(db).session_limit_s)
        stations.refuse_gone(db, relay)


def _refuse_times(db: Session, revision: Revision, now: datetime, *, waiting: bool) -> None:
    """Refuse quiet hours, clashes and sittings that grow too long; for "Phát ngay" as of now."""
    moments = [now] if revision.play_now else [each.at for each in schedule.starts_of(revision)]
    wanted = bookings_of(revision, moments, turns_of(db))
    until = max(each.end for each in wanted) + timedelta(days=14)
    others = booked(db, now, until, without=revision.announcement_id, waiting=waiting)
    checks.refuse_times(wanted, others, rules_of(db), now, interrupts=revision.play_now)

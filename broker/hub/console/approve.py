"""Duyệt: hear it, read it, sign it in the approver's own browser; or give it back with a word why."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from broker.hub import recordings, stations, trusted
from broker.hub.announcing import signing, workflow
from broker.hub.console import access
from broker.hub.console.approvals import Turn, done_note, turn_of
from broker.hub.console.day import commune_of, start_of
from broker.hub.console.desk import desk, now
from broker.hub.console.drafting import KINDS
from broker.hub.console.revisions import changes_for_signer
from broker.hub.console.signatures import passkeys_of, signed_of_form
from broker.hub.console.times import times_of_revision
from broker.hub.console.tracks import rows_of, say_missing
from broker.hub.console.wording import lasting, when
from broker.hub.declined import Declined
from broker.hub.records import Account, Revision, write_audit
from broker.speech.languages import SPOKEN
from broker.trust.passkey import use_of

pages = Blueprint("approve", __name__)


@pages.get("/announcements/<key>/approve")
@access.allow("approver")
def page(key: str) -> str | AnyResponse:
    """The page to hear, read and sign; what no longer waits goes to its progress."""
    return _page(key)


@pages.get("/announcements/<key>/envelope")
@access.allow("approver")
def envelope(key: str) -> Response:
    """Exactly the text to be signed; 409 with a sentence while it cannot be signed."""
    with desk().database.reading() as db:
        revision = workflow.newest_revision(db, key)
        try:
            body = workflow.envelope_for(db, signing.Desk.of(desk().settings), revision.id, now())
        except Declined as why:
            return Response(str(why), 409, {"X-Code": why.code}, mimetype="text/plain")
    return Response(body, mimetype="text/plain")


@pages.post("/announcements/<key>/approve")
@access.allow("approver")
def sign(key: str) -> AnyResponse | tuple[str | AnyResponse, int]:
    """Take what the approver's browser signed.

    Form: body, key, signature, for a passkey also authenticator and client (base64), heard (yes or skipped), for a
    relay answers (yes: whoever signs knows that nobody can hear the station beforehand).
    What somebody recorded for this announcement is never signed unheard, an emergency neither: no rule of ours reads
    a recording, and whoever is in a hurry has the words spoken by a machine.
    queue: 1 where the person goes through all that waits (broker.hub.console.approvals); then the next one follows.
    """
    heard = "yes" if request.form.get("heard") == "yes" else "skipped"
    try:
        signed = signed_of_form()
        with desk().database.session() as db:
            revision, turn = workflow.newest_revision(db, key), _turn(db, key)
            account = _me(db)
            if heard != "yes" and _must_be_heard(revision):
                raise Declined("unheard", "Bản tin có bản ghi âm, xin nghe hết rồi mới ký.")
            if revision.relay is not None and request.form.get("answers") != "yes":
                raise Declined("unanswered", "Xin đánh dấu là anh/chị hiểu không ai nghe trước được đài.")
            workflow.approve(db, signing.Desk.of(desk().settings), account, revision.id, signed, now())
            write_audit(db, now(), account.username, "announcement.heard", key, {"heard": heard})
    except Declined as why:
        return _page(key, trouble=str(why)), 409
    return _onward(key, turn, "approved")


@pages.post("/announcements/<key>/return")
@access.allow("approver")
def send_back(key: str) -> AnyResponse | tuple[str | AnyResponse, int]:
    """Give it back to its author."""
    try:
        with desk().database.session() as db:
            revision, turn = workflow.newest_revision(db, key), _turn(db, key)
            workflow.return_with_note(db, _me(db), revision.id, request.form.get("note", ""), now())
    except Declined as why:
        return _page(key, trouble=str(why)), 409
    return _onward(key, turn, "returned")


def _turn(db: Session, key: str) -> Turn | None:
    """Where this one stands in the queue, for whoever goes through it."""
    return turn_of(db, key) if request.values.get("queue") == "1" else None


def _onward(key: str, turn: Turn | None, note: str) -> AnyResponse:
    """After deciding: the next one of the queue, or what becomes of this one."""
    if turn is not None:
        return redirect(url_for("approvals.after", key=key, at=turn.place))
    return redirect(url_for("progress.announcement", key=key, note=note))


def _page(key: str, trouble: str = "") -> str | AnyResponse:
    at = now()
    with desk().database.reading() as db:
        revision = workflow.newest_revision(db, key)
        if revision.kind == "emergency":  # two people sign it, on a page of its own
            return redirect(url_for("emergency_one.one", key=key))
        if revision.state != "submitted" and not trouble:
            onward = "approvals.after" if request.values.get("queue") == "1" else "progress.announcement"
            return redirect(url_for(onward, key=key))
        changes, turn = changes_for_signer(db, revision), _turn(db, key)
        commune = commune_of(db)
        use = use_of(desk().settings.console_address)
        keys = trusted.usable_keys(db, desk().settings, _me(db), at)
        heard = recordings.tracks_of(revision.tracks)
        relay = stations.relay_of(revision.relay)
        lacking = [] if relay else recordings.missing(commune.villages, revision.villages, heard)
        return render_template(
            "approve.html",
            here="approvals" if turn else "today",
            revision=revision,
            trouble=trouble,
            has_key=bool(keys),
            passkeys=passkeys_of(keys, use),
            use=use,
            kind=KINDS.get(revision.kind, revision.kind),
            names=commune.names,
            where=commune.say_places(revision.villages),
            unheard=commune.warn_unheard(revision.villages),
            starts=_starts(revision),
            times=times_of_revision(revision, at),
            tracks=rows_of(db, heard) if revision.tracks else [],
            has_others=any(track.language != SPOKEN for track in heard),
            missing=say_missing(lacking),
            must_hear=_must_be_heard(revision),
            relay=relay,
            relay_lasts=lasting(relay.length_s) if relay else "",
            turn=turn,
            done=done_note(db, request.args.get("done", "")),
            changes=changes,
            sent=f"{revision.author.full_name} gửi {when(revision.submitted_at or revision.edited_at, at)}",
        )


def _must_be_heard(revision: Revision) -> bool:
    """Whether somebody recorded a part of it; fixed phrases were heard when they were made."""
    heard = recordings.tracks_of(revision.tracks)
    return any(not track.is_text and track.phrase is None for track in heard)


def _starts(revision: Revision) -> list[str]:
    """Every start that is to be signed, as the script writes them again from the text itself."""
    if revision.play_now:
        return ["Ngay khi ký"]
    at = now()
    return [when(start_of(item), at) for item in revision.starts]


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)

"""Khoá ký của tôi: an approver makes keys to sign with, sees whether the loudspeakers believe them, takes them back.

Secrets are made and stay on the approver's side: in an authenticator (passkey), or in a file that the browser
locks with a PIN. Only public halves come here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from broker.contract.hub import Signature
from broker.hub import people, trusted
from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.console.keyring import own_key
from broker.hub.declined import Declined
from broker.hub.records import Account, ApproverKey
from broker.trust.approvers import clean_public
from broker.trust.envelope import verify
from broker.trust.keys import IdentityError
from broker.trust.passkey import PasskeyError, PasskeyUse, challenge_in, creation_options, register, use_of

pages = Blueprint("mykeys", __name__)

NOTES = {
    "made": "Đã ghi nhận khoá. Loa tin khoá này sau khi xã ký danh sách tin cậy mới.",
    "removed": "Đã bỏ khoá. Trung tâm không nhận chữ ký của khoá ấy nữa.",
}
CHALLENGE_S = 600
"""An authenticator's answer is taken this long after it was asked."""
PAGE_S = 24 * 3600
"""A key file's proof is taken this long after its page was opened: somebody looks for a stick meanwhile."""
_NONCE = 16


@pages.get("/my-keys")
@access.allow("approver")
def page() -> str:
    """The person's keys, and two ways to make another."""
    return _page()


@pages.get("/my-keys/passkey")
@access.allow("approver")
def ask() -> Response | tuple[Response, int]:
    """What the browser is to ask its authenticator, as JSON."""
    use = _use()
    with desk().database.reading() as db:
        account = _me(db)
        known = [row.credential for row in trusted.keys_of(db, account) if row.credential]
    person = (str(account.id).encode(), account.username, account.full_name)
    return jsonify(creation_options(use, desk().commune_name, person, _challenge(account.id, now()), known))


@pages.post("/my-keys/passkey")
@access.allow("approver")
def add_passkey() -> AnyResponse | tuple[str, int]:
    """Note a passkey. Form: answer (the browser's RegistrationResponseJSON), label."""
    try:
        use = _use()
        answer = _answer()
        challenge = _own_challenge(answer)
        try:
            made = register(use, challenge, answer)
        except PasskeyError as why:
            current_app.logger.warning("%s", why, extra={"event": "passkey-refused"})
            raise Declined("bad-key", "Máy chưa tạo được khoá đúng loại, xin thử lại.") from why
        with desk().database.session() as db:
            row = trusted.add_key(
                db,
                desk().settings,
                _me(db),
                kind="passkey",
                public=made.public,
                label=request.form.get("label", ""),
                now=now(),
                by=access.visitor().username,
                credential=made.credential,
                use=use,
            )
            row.sign_count = made.sign_count
    except Declined as why:
        return _page(trouble=str(why)), 409
    return redirect(url_for("mykeys.page", note="made", _anchor=row.id))


@pages.post("/my-keys/file")
@access.allow("approver")
def add_file() -> AnyResponse | tuple[str, int]:
    """Note the public half of a key file. Form: public (PEM), label, challenge of the page, proof: its signature."""
    public = request.form.get("public", "")[:2000]
    try:
        _refuse_unproven(public)
        with desk().database.session() as db:
            row = trusted.add_key(
                db,
                desk().settings,
                _me(db),
                kind="file",
                public=public,
                label=request.form.get("label", ""),
                now=now(),
                by=access.visitor().username,
            )
    except Declined as why:
        return _page(trouble=str(why)), 409
    return redirect(url_for("mykeys.page", note="made", _anchor=row.id))


@pages.post("/my-keys/<key>/remove")
@access.allow("approver")
def remove(key: str) -> AnyResponse | tuple[str, int]:
    """Take one of the own keys back."""
    try:
        with desk().database.session() as db:
            if key not in {row.id for row in trusted.keys_of(db, _me(db))}:
                raise Declined("no-key", "Không tìm thấy khoá này, có thể nó đã được bỏ.")
            if people.is_last_key(db, desk().settings, _me(db), key, now()):
                raise Declined(
                    "last-key",
                    "Đây là khoá duy nhất của xã đang được tin. Xin tạo khoá khác và chờ xã ký danh sách tin cậy, "
                    "rồi hãy bỏ khoá này.",
                )
            trusted.remove_key(db, key, access.visitor().username, now())
    except Declined as why:
        return _page(trouble=str(why)), 409
    return redirect(url_for("mykeys.page", note="removed"))


def _page(trouble: str = "") -> str:
    at, settings = now(), desk().settings
    with desk().database.reading() as db:
        account = _me(db)
        rows = trusted.keys_of(db, account)
        believed = _believed(db)
        only = [row.id for row in rows if people.is_last_key(db, settings, account, row.id, at)]
    keys = [own_key(row, believed.get(row.id), settings.console_address, at) for row in rows]
    good = {each.id for each in keys if each.weight in ("ok", "look") and each.id in believed}
    return render_template(
        "mykeys.html",
        here="my-keys",
        account=account,
        keys=keys,
        headline=_headline(rows, good),
        only=only,
        waiting=any(each.weight == "wait" for each in keys),
        use=use_of(settings.console_address),
        address=settings.console_address,
        challenge=_text_of(_challenge(account.id, at, "file")),
        is_full=len(rows) >= trusted.MOST_KEYS,
        trouble=trouble,
        note=NOTES.get(request.args.get("note", ""), ""),
    )


def _headline(rows: list[ApproverKey], good: set[str]) -> str:
    if not rows:
        return "Anh/chị chưa có khoá ký."
    if not good:
        return "Khoá của anh/chị đang chờ xã ký."
    return "Anh/chị ký duyệt được." if len(good) == 1 else f"Anh/chị ký duyệt được bằng {len(good)} khoá."


def _believed(db: Session) -> dict[str, Any]:
    try:
        return {one.key: one for one in trusted.in_force(db, desk().settings).keys}
    except Declined:
        return {}


def _use() -> PasskeyUse:
    use = use_of(desk().settings.console_address)
    if use is None:
        raise Declined(
            "needs-https", "Khoá trong máy cần trang mở bằng https với một tên miền; xin dùng tệp khoá."
        )
    return use


def _answer() -> dict[str, Any]:
    try:
        answer = json.loads(request.form.get("answer", ""))
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise Declined("bad-key", "Máy chưa tạo được khoá, xin thử lại.")
    return answer


def _challenge(account: int, at: datetime, kind: str = "passkey") -> bytes:
    """A challenge that this hub can recognise as its own, for this person and this hour, without keeping it."""
    head = secrets.token_bytes(_NONCE) + int(at.timestamp()).to_bytes(8, "big")
    return head + _mark(account, head, kind)


def _own_challenge(answer: dict[str, Any]) -> bytes:
    """The challenge in an answer, when it was given to this person a short while ago. Raises Declined."""
    try:
        challenge = challenge_in(answer)
    except PasskeyError as why:
        raise _stale() from why
    _refuse_foreign(challenge, "passkey", CHALLENGE_S)
    return challenge


def _refuse_unproven(public: str) -> None:
    """Raise Declined unless whoever sends a public key has just signed this page's challenge with its secret half."""
    text = request.form.get("challenge", "")[:200]
    try:
        public = clean_public(public)
    except IdentityError as why:
        raise Declined("bad-key", "Khoá gửi lên không đúng loại, xin tạo lại.") from why
    try:
        challenge = base64.urlsafe_b64decode(text)
        proof = base64.b64decode(request.form.get("proof", "")[:200], validate=True)
    except ValueError as why:
        raise _stale() from why
    _refuse_foreign(challenge, "file", PAGE_S)
    if not verify(text, "key", Signature(key="", value=proof), public):
        raise Declined("bad-key", "Máy gửi khoá mà không có tệp khoá trong tay, xin tạo khoá lại.")


def _refuse_foreign(challenge: bytes, kind: str, most_s: int) -> None:
    """Raise Declined for a challenge that was not given to this person for this, or too long ago."""
    head, mark = challenge[: _NONCE + 8], challenge[_NONCE + 8 :]
    if not hmac.compare_digest(mark, _mark(access.visitor().id, head, kind)):
        raise _stale()
    if not 0 <= now().timestamp() - int.from_bytes(head[_NONCE:], "big") <= most_s:
        raise _stale()


def _stale() -> Declined:
    return Declined("stale", "Trang mở đã lâu, xin bấm tạo khoá lần nữa.")


def _mark(account: int, head: bytes, kind: str) -> bytes:
    secret: bytes = current_app.config["SECRET_KEY"]
    return hmac.new(secret, b"%s\0%d\0" % (kind.encode(), account) + head, hashlib.sha256).digest()


def _text_of(challenge: bytes) -> str:
    return base64.urlsafe_b64encode(challenge).decode()


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)

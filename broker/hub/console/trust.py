"""Danh sách tin cậy: whom the loudspeakers believe, what waits for the commune's signature, and signing it.

The root key is opened in the browser of whoever holds it and never comes here; what it signed does.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from flask import Blueprint, Response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from broker.contract.hub import Signature, Signed
from broker.hub import next_list, trusted
from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.console.keyring import ShownKey, believed_key, code_of, day_of, leaving_key, waiting_key
from broker.hub.console.wording import count, hm
from broker.hub.declined import Declined
from broker.hub.records import Account, ApproverKey, NodeRecord, SpeakerSeen, TrustList
from broker.trust.envelope import ROOT_KEY_ID, TrustBody, TrustedKey
from broker.trust.identity import load_root
from broker.trust.keys import IdentityError, key_id

pages = Blueprint("trust", __name__)

READERS = ("admin", "leader", "auditor", "approver")
SIGNERS = ("admin", "leader")
"""Who may bring a new list; that the root key signed it is what counts."""
MOST_SHOWN = 20
NOTES = {"taken": "Đã nhận danh sách mới. Trung tâm đang gửi đến các điểm."}


@dataclass(frozen=True)
class Behind:
    """A node that does not say it holds the newest list."""

    label: str
    said: str


@dataclass(frozen=True)
class Past:
    """One list of the past."""

    generation: int
    said: str
    changes: Sequence[str]


@pages.get("/trust")
@access.allow(*READERS)
def page() -> str:
    """Who is believed, what waits, where the list has arrived, and every list before."""
    return _page()


@pages.get("/trust/arrival")
@access.allow(*READERS)
def arrival() -> str:
    """The part of the page that says where the newest list has arrived."""
    with desk().database.reading() as db:
        believed = _in_force(db)
        behind, arrived = _arrival(db, believed.generation if believed else 0)
    generation = believed.generation if believed else 0
    return render_template("_trust-arrival.html", generation=generation, behind=behind, arrived=arrived)


@pages.get("/trust/proposal")
@access.allow(*SIGNERS)
def proposal() -> Response:
    """Exactly the text the root key is to sign. Arguments add, remove, emergency: key ids, each may come often."""
    try:
        with desk().database.reading() as db:
            body = next_list.proposal(
                db,
                desk().settings,
                now(),
                add=request.args.getlist("add"),
                remove=request.args.getlist("remove"),
                emergency=request.args.getlist("emergency"),
            )
    except (Declined, IdentityError) as why:
        sentence = (
            str(why) if isinstance(why, Declined) else "Trung tâm thiếu khoá của mình, xin báo kỹ thuật."
        )
        return Response(sentence, 409, mimetype="text/plain")
    return Response(body, mimetype="text/plain")


@pages.post("/trust")
@access.allow(*SIGNERS)
def take() -> AnyResponse | tuple[str, int]:
    """Put a signed list in force. Form: body, signature (base64 of r and s)."""
    try:
        with desk().database.session() as db:
            trusted.take(db, desk().settings, _signed(), access.visitor().username, now())
    except Declined as why:
        return _page(trouble=str(why)), 409
    return redirect(url_for("trust.page", note="taken"))


def _page(trouble: str = "") -> str:
    at = now()
    with desk().database.reading() as db:
        believed = _in_force(db)
        rows = {row.id: row for row in db.scalars(select(ApproverKey))}
        owners = {row.id: row for row in db.scalars(select(Account))}
        waits = (
            next_list.pending(db, desk().settings, at)
            if believed or not _newest(db)
            else next_list.Pending((), ())
        )
        behind, arrived = _arrival(db, believed.generation if believed else 0)
        past = _past(db)
        following = next_list.next_generation(db)
    add = [waiting_key(row, owners[row.account_id]) for row in waits.add]
    drop = [leaving_key(gone, rows, at) for gone in waits.drop]
    leaving = {each.id for each in drop}
    shown = [believed_key(key, rows, owners, at) for key in (believed.keys if believed else ())]
    people = [each for each in shown if each.kind != "hub" and each.id not in leaving]
    return render_template(
        "trust.html",
        here="trust",
        headline=_headline(people, bool(believed)),
        lede=_lede(add, drop),
        add=add,
        drop=drop,
        people=people,
        hub=[each for each in shown if each.kind == "hub"],
        generation=believed.generation if believed else 0,
        following=following,
        in_force=_keys_json(believed.keys if believed else ()),
        behind=behind,
        arrived=arrived,
        past=past,
        root=_root(),
        may_sign=access.visitor().is_any(*SIGNERS),
        trouble=trouble,
        note=NOTES.get(request.args.get("note", ""), ""),
    )


def _in_force(db: Session) -> TrustBody | None:
    try:
        return trusted.in_force(db, desk().settings)
    except Declined:
        return None


def _newest(db: Session) -> bool:
    return trusted.signed_in_force(db) is not None


def _headline(people: Sequence[ShownKey], has_list: bool) -> str:
    if not has_list:
        return "Xã chưa có danh sách tin cậy."
    names = {each.holder for each in people if each.weight != "bad"}
    if not names:
        return "Chưa ai làm cho loa nói được."
    return f"{count(len(names))} người làm cho loa nói được."


def _lede(add: Sequence[ShownKey], drop: Sequence[ShownKey]) -> str:
    if add and drop:
        return (
            f"{count(len(add))} khoá chờ thêm, {len(drop)} khoá chờ bỏ: cần khoá gốc của xã ký danh sách mới."
        )
    if add:
        return f"{count(len(add))} khoá đang chờ: cần khoá gốc của xã ký danh sách mới."
    if drop:
        return f"{count(len(drop))} khoá cần bỏ: cần khoá gốc của xã ký danh sách mới."
    return "Loa chỉ phát bản tin do khoá trong danh sách này ký."


def _arrival(db: Session, generation: int) -> tuple[list[Behind], int]:
    """Nodes that lack the newest list, and how many hold it."""
    query = (
        select(NodeRecord, SpeakerSeen.trust_generation)
        .outerjoin(SpeakerSeen, SpeakerSeen.node == NodeRecord.name)
        .where(NodeRecord.retired_at.is_(None))
        .order_by(NodeRecord.name)
    )
    behind, arrived = [], 0
    for node, held in db.execute(query):
        if held == generation:
            arrived += 1
        else:
            behind.append(
                Behind(node.label, f"đang giữ danh sách số {held}" if held else "chưa nhận danh sách nào")
            )
    return behind, arrived


def _past(db: Session) -> list[Past]:
    rows = db.scalars(select(TrustList).order_by(TrustList.generation.desc()).limit(MOST_SHOWN + 1)).all()
    names = {row.username: row.full_name for row in db.scalars(select(Account))}
    bodies = [msgspec.json.decode(row.body, type=TrustBody) for row in rows]
    befores = [*bodies[1:], None]
    found = []
    for row, body, before in zip(rows[:MOST_SHOWN], bodies, befores, strict=False):
        who = names.get(row.brought_by, "lệnh ở máy trung tâm")
        said = f"{hm(row.brought_at)} ngày {day_of(row.brought_at)}, {who} đưa lên"
        found.append(Past(row.generation, said, _changes(before, body)))
    return found


def _changes(before: TrustBody | None, after: TrustBody) -> list[str]:
    old = {one.key: one for one in (before.keys if before else ())}
    new = {one.key: one for one in after.keys}
    said = [f"Thêm {_name(one)}" for key, one in new.items() if key not in old]
    said += [f"Bỏ {_name(one)}" for key, one in old.items() if key not in new]
    for one in (new[key] for key in old if key in new):
        if old[one.key].roles != one.roles:
            more = "emergency" in one.roles
            said.append(f"{one.holder}: {'thêm' if more else 'bỏ'} quyền ký tin khẩn cấp")
        if old[one.key].until != one.until:
            said.append(f"Khoá của {one.holder} dùng đến {day_of(one.until)}")
    return said or ["Không đổi"]


def _name(key: TrustedKey) -> str:
    return f"khoá của {key.holder}" if "hub" not in key.roles else "khoá của trung tâm xã"


def _keys_json(keys: Sequence[TrustedKey]) -> str:
    """The keys in force as the proposal spells them, so that the script sees whether anything changes."""
    return msgspec.json.encode(list(keys), order="sorted").decode()


def _root() -> dict[str, str | tuple[str, ...]]:
    """Id and comparison number of the commune's root key; empty when the hub has lost its public half."""
    try:
        public = load_root(desk().settings.keys_dir)
        return {"key": key_id(public), "code": code_of(public)}
    except (IdentityError, ValueError):
        return {"key": "", "code": ()}


def _signed() -> Signed:
    try:
        value = base64.b64decode(request.form.get("signature", ""), validate=True)
        if len(value) != 64:
            raise ValueError
    except (binascii.Error, ValueError) as why:
        raise Declined("bad-signature", "Chữ ký gửi lên không đọc được, xin ký lại.") from why
    return Signed(body=request.form.get("body", ""), signatures=[Signature(key=ROOT_KEY_ID, value=value)])

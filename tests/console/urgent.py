"""Hands for tests of emergencies: two people whose keys let one speak, signed templates, what a browser sends."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import msgspec
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from broker.contract.hub import Signed
from broker.hub.accounts import create_account
from broker.hub.announcing import emergency_templates as templates
from broker.hub.announcing.render import media_store
from broker.hub.announcing.signing import Desk
from broker.hub.records import (
    Account,
    ApproverKey,
    EmergencyTemplate,
    Occurrence,
    Play,
    Revision,
    note_change,
)
from broker.trust.envelope import sign
from broker.trust.keys import public_pem
from tests.console.stage import Stage
from tests.fakes.house import a_second_of_nothing
from tests.hub.town import LEXICON, PASSWORD, PLACE

FLOOD_SAYS = (
    "Nước sông Vân đang lên nhanh. Bà con thôn Bến, thôn Hạ, thôn Đông đến ngay trường tiểu học Vân Khê. "
    "Mang thuốc và giấy tờ. Giúp người già, trẻ nhỏ đi trước."
)
FLOOD = ("Nước lên, sơ tán", "water", FLOOD_SAYS, ("ben", "ha", "dong"))
FIRE = (
    "Cháy",
    "fire",
    "Đang có cháy ở gần nhà bà con. Ai ở gần đám cháy ra khỏi nhà ngay, không quay lại lấy đồ. Gọi một một bốn.",
    ("dong", "ben", "trung", "doai", "thuong", "go", "moi", "ha"),
)
SIGNERS = {"hung": ("Trần Văn Hùng", "k-lanh"), "cuong": ("Đặng Hữu Cường", "k-cuong")}


def alarmed(stage: Stage) -> dict[str, int]:
    """Give the commune two emergency signers and two ready templates; the templates' ids by "flood" and "fire"."""
    at = stage.now()
    with stage.database.session() as db:
        for username, (name, key) in SIGNERS.items():
            account = create_account(
                db, username=username, full_name=name, password=PASSWORD, roles=["approver"], now=at
            )
            db.flush()
            public = public_pem(stage.keys.private[key])
            db.add(
                ApproverKey(id=key, account_id=account.id, kind="file", label="", public=public, made_at=at)
            )
    with stage.database.reading() as db:
        stage.people = {each.username: each for each in db.scalars(select(Account))}
    return {"flood": _ready(stage, *FLOOD), "fire": _ready(stage, *FIRE)}


def _ready(stage: Stage, title: str, icon: str, text: str, villages: Sequence[str]) -> int:
    at, desk = stage.now(), Desk(PLACE, stage.keys.hub)
    media = media_store(stage.settings).add(a_second_of_nothing(), "audio/ogg", 22_000)
    wording = templates.Wording(title=title, icon=icon, text=text, villages=villages)
    with stage.database.session() as db:
        row = templates.save(db, stage.people["hanh"], wording, at)
        templates.submit(db, stage.people["hanh"], row.id, LEXICON, at)
        row.audio = msgspec.to_builtins(media)
        body = templates.body_of(db, desk, row.id, 12, at)
        signed = Signed(
            body=body, signatures=[sign(body, "template", "k-cuong", stage.keys.private["k-cuong"])]
        )
        templates.sign(db, desk, stage.people["cuong"], row.id, signed, at)
        return row.id


def signed_too(stage: Stage, template: int, who: str = "hung", key: str = "k-lanh") -> None:
    """One more signature over a template that is ready."""
    at, desk = stage.now(), Desk(PLACE, stage.keys.hub)
    with stage.database.session() as db:
        body = templates.body_of(db, desk, template, 12, at)
        signed = Signed(body=body, signatures=[sign(body, "template", key, stage.keys.private[key])])
        templates.sign(db, desk, stage.people[who], template, signed, at)


def fields_for(stage: Stage, body: str, key: str = "k-lanh", clicked_ms: int = 140) -> dict[str, object]:
    """What a browser sends that signed `body` with a key file."""
    value = sign(body, "announcement", key, stage.keys.private[key]).value
    return {
        "body": body,
        "key": key,
        "signature": base64.b64encode(value).decode(),
        "authenticator": "",
        "client": "",
        "clicked_ms": str(clicked_ms),
    }


def body_of(
    stage: Stage, client: FlaskClient, template: int, villages: Sequence[str], *, drill: bool = False
) -> TestResponse:
    """The text to be signed, as the page's script asks for it."""
    form: dict[str, object] = {"template": str(template), "villages": list(villages)}
    if drill:
        form["drill"] = "1"
    return stage.post(client, "/emergency/body", form, page="/emergency", headers={"X-Part": "1"})  # type: ignore[no-any-return]


def speak(
    stage: Stage,
    template: int,
    villages: Sequence[str] = ("dong", "ben"),
    *,
    who: str = "hung",
    key: str = "k-lanh",
    drill: bool = False,
) -> str:
    """Let a template speak through the pages; the announcement's id."""
    client = stage.client(who)
    text = body_of(stage, client, template, villages, drill=drill).get_data(as_text=True)
    answer = stage.post(client, "/emergency/speak", fields_for(stage, text, key), page="/emergency")
    assert answer.status_code == 302, answer.get_data(as_text=True)
    return str(answer.headers["Location"]).rpartition("/")[2]


def revision_of(stage: Stage, key: str) -> Revision:
    """The newest revision as it stands, with its occurrences."""
    with stage.database.reading() as db:
        found = db.scalars(
            select(Revision).where(Revision.announcement_id == key).order_by(Revision.number.desc())
        ).first()
        assert found is not None
        list(found.occurrences)
        return found


def told(stage: Stage, key: str, node: str, state: str, *, of: int = 0, **change: object) -> None:
    """What ingest writes of the `of`-th playing of an emergency when a receipt of a loudspeaker comes."""
    occurrence = revision_of(stage, key).occurrences[of].id
    with stage.database.session() as db:
        play = db.get_one(Play, (occurrence, node))
        play.state, play.said_at = state, stage.now()
        for name, value in change.items():
            setattr(play, name, value)
        note_change(db, "play", f"{occurrence} {node}", stage.now())


def occurrences_of(stage: Stage, key: str) -> list[Occurrence]:
    """All its playings."""
    return list(revision_of(stage, key).occurrences)


def template_of(stage: Stage, template: int) -> EmergencyTemplate:
    """A template as it stands."""
    with stage.database.reading() as db:
        return db.get_one(EmergencyTemplate, template)

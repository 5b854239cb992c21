"""Emergencies in the small commune of the tests: templates through their signature, triggers, free words."""

from __future__ import annotations

from datetime import datetime

import msgspec

from broker.contract.hub import Media, Signed
from broker.hub.announcing import emergency, emergency_templates
from broker.hub.announcing.emergency import Words
from broker.hub.announcing.emergency_templates import Wording
from broker.hub.records import Account, EmergencyTemplate, Revision
from broker.trust.envelope import Domain, sign
from tests.hub.town import LEXICON, NOW, Town

FLOOD = Wording(
    title="Nước lên, sơ tán",
    text="Nước sông đang lên nhanh. Bà con đến ngay trường tiểu học.",
    icon="water",
    villages=("ben", "dong", "ha"),
)
FIRE = Words(title="Cháy chợ", text="Chợ đang cháy. Bà con tránh xa chợ.", villages=("ben", "dong"))


def signed_by(town: Town, body: str, key: str, domain: Domain = "announcement") -> Signed:
    """What that key's browser sends back."""
    return Signed(body=body, signatures=[sign(body, domain, key, town.keys.private[key])])


def sound(number: int) -> dict[str, object]:
    """What the renderer makes: twenty seconds."""
    made = Media(sha256=f"{number:064x}", size=1000, type="audio/ogg", duration_ms=20_000)
    return dict(msgspec.to_builtins(made))


def handed_in(town: Town, wording: Wording = FLOOD, now: datetime = NOW) -> int:
    """A template by Hoa that waits for its signature, with sound; its id."""
    with town.database.session() as db:
        row = emergency_templates.save(db, town.hoa, wording, now)
        emergency_templates.submit(db, town.hoa, row.id, LEXICON, now)
        row.audio = sound(9000 + row.id)
        return row.id


def ready(town: Town, wording: Wording = FLOOD, now: datetime = NOW, key: str = "k-lanh") -> int:
    """A template that Lành signed for twelve months; its id."""
    row = handed_in(town, wording, now)
    with town.database.session() as db:
        body = emergency_templates.body_of(db, town.desk, row, 12, now)
        signed = signed_by(town, body, key, "template")
        emergency_templates.sign(db, town.desk, by_key(town, key), row, signed, now)
    return row


def signed_too(town: Town, template: int, key: str = "k-cuong", now: datetime = NOW) -> EmergencyTemplate:
    """The template with one more signature, through the same text."""
    with town.database.session() as db:
        body = emergency_templates.body_of(db, town.desk, template, 12, now)
        signed = signed_by(town, body, key, "template")
        return emergency_templates.sign(db, town.desk, by_key(town, key), template, signed, now)


def by_key(town: Town, key: str) -> Account:
    """Whose key it is."""
    return {"k-lanh": town.lanh, "k-cuong": town.cuong, "k-binh": town.binh}[key]


def spoken(town: Town, template: int, now: datetime = NOW, *, drill: bool = False, **how: object) -> Revision:
    """The template as Cường let it speak in Đông and Bến."""
    villages = how.get("villages", ("dong", "ben"))
    with town.database.session() as db:
        body = emergency.trigger_body(db, town.desk, town.cuong, template, villages, now, drill=drill)  # type: ignore[arg-type]
        return emergency.trigger(db, town.desk, town.cuong, signed_by(town, body, "k-cuong"), 1500, now)


def written(town: Town, words: Words = FIRE, now: datetime = NOW) -> int:
    """Free words by Hoa with their sound; the revision's id."""
    with town.database.session() as db:
        revision = emergency.write(db, town.hoa, words, LEXICON, now)
        revision.audio = sound(8000 + revision.id)
        return revision.id


def sign_words(town: Town, revision: int, key: str, now: datetime = NOW) -> Revision:
    """One of the two signatures of free words."""
    with town.database.session() as db:
        body = emergency.body_of(db, town.desk, revision, now)
        signed = signed_by(town, body, key)
        return emergency.sign(db, town.desk, by_key(town, key), revision, signed, 800, now)


def template_of(town: Town, template: int) -> EmergencyTemplate:
    """A template as it stands."""
    with town.database.reading() as db:
        return db.get_one(EmergencyTemplate, template)

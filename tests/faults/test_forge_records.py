"""Whoever owns the hub's database writes into it what he likes, and the hub's own services carry it to the node.

A whole commune of processes: rows are written behind the back of every rule, `announce` signs the plan and sends it,
and the node refuses; so it does with other bytes in the place of an approved sound. What an approver truly signed
sounds before and after.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
from sqlalchemy import func, select

from broker.contract.hub import Media, Signature
from broker.hub.announcing.render import media_store
from broker.hub.records import (
    Account,
    Announcement,
    ApproverKey,
    Occurrence,
    Play,
    Revision,
    SpeakerSeen,
    TrustList,
    note_change,
)
from broker.link.config import load
from broker.speech.opus import opus_bytes
from broker.speech.sound import Pcm
from broker.trust.enrolment import SETTINGS_FILE
from broker.trust.envelope import Envelope, Start, TrustedKey, canonical, occurrence_id, open_trust, sign
from broker.trust.identity import load_hub_signer, load_root
from broker.trust.keyfile import unlock
from tests.faults.commune import Commune
from tests.faults.forge_field import COMMUNE_HZ, FORGER_HZ, holds_tone
from tests.faults.forge_people import Person, by
from tests.until import until

pytestmark = pytest.mark.timeout(300)

HEARD_S = 90.0
NEEDED = ("hub.ingest", "hub.announce", "hub.web")


def sound_of(hertz: int) -> bytes:
    """A short tone as the hub would render it."""
    t = np.arange(4800) / 16_000
    return opus_bytes(Pcm((np.sin(2 * np.pi * hertz * t) * 9000).astype(np.int16), 16_000), 32_000)


class Owner:
    """Writes rows as the database's owner does: no rule of the hub is asked."""

    def __init__(self, commune: Commune) -> None:
        self.commune = commune
        self.house = commune.stage.houses[0]
        self.settings = load(commune.stage.layout.hub / SETTINGS_FILE)
        self.forger = Person("kẻ giả mạo", ("approver",))
        key, private = unlock(commune.stage.key_file.read_bytes(), commune.secrets.pin)
        self.approver = key, private
        self.tones = {hertz: self._tone(hertz) for hertz in (COMMUNE_HZ, FORGER_HZ)}
        self._dice = random.Random(3)

    def _tone(self, hertz: int) -> Media:
        return media_store(self.settings).add(sound_of(hertz), "audio/ogg", 300)

    def sound_that_the_hub_swapped(self) -> Media:
        """An approved sound in whose place the hub's store holds the forger's."""
        store = media_store(self.settings)
        media = store.add(sound_of(COMMUNE_HZ + 110), "audio/ogg", 300)
        store.place_of(media.sha256).write_bytes(sound_of(FORGER_HZ))
        return media

    def envelope(self, hertz: int, **change: object) -> Envelope:
        """An announcement for the village of the node, now."""
        now = datetime.now(UTC).replace(microsecond=0)
        place = self.settings.place
        whole = Envelope(
            announcement=f"W{self._dice.getrandbits(40):010x}",
            revision=1,
            commune=f"{place.province}/{place.commune}",
            kind="routine",
            title="Thông báo",
            spoken="Mời bà con ra nhà văn hoá.",
            voice="vi",
            audio=self.tones[hertz],
            villages=[self.house.village],
            starts=[Start(at=now, tolerance_s=900)],
            repeat=1,
            gap_s=0,
            issued_at=now,
            expires=now + timedelta(hours=1),
            author="an",
        )
        return msgspec.structs.replace(whole, **change)

    def signed_by_approver(self, body: str) -> Signature:
        """What the approver's stick signs."""
        return sign(body, "announcement", *self.approver)

    def write(
        self, envelope: Envelope, signatures: Sequence[Signature], start: datetime | None = None
    ) -> str:
        """Put an approved announcement into the records; returns its occurrence."""
        start = start or envelope.starts[0].at
        now = datetime.now(UTC)
        name = occurrence_id(envelope.announcement, 1, start)
        with self.commune.database.session() as db:
            author = db.scalars(select(Account.id).limit(1)).one()
            if db.get(Announcement, envelope.announcement) is None:
                db.add(Announcement(id=envelope.announcement, created_at=now, author_id=author))
                row = Revision(
                    announcement_id=envelope.announcement,
                    number=1,
                    state="approved",
                    title=envelope.title,
                    spoken=envelope.spoken,
                    villages=envelope.villages,
                    author_id=author,
                    created_at=now,
                    edited_at=now,
                    audio=msgspec.to_builtins(envelope.audio),
                    envelope=canonical(envelope),
                    signatures=msgspec.to_builtins(list(signatures)),
                )
                db.add(row)
                db.flush()
            revision = db.scalars(
                select(Revision.id).where(Revision.announcement_id == envelope.announcement)
            ).one()
            db.add(Occurrence(id=name, revision_id=revision, start=start, tolerance_s=900, duration_s=5.0))
            note_change(db, "plan", "*", now)
        return name

    def believe_the_forger(self) -> int:
        """An approver's key and a trust list of the forger's own, newer than all; returns the true generation."""
        name = self.forger.id
        now = datetime.now(UTC)
        with self.commune.database.session() as db:
            newest = db.scalars(select(TrustList).order_by(TrustList.generation.desc()).limit(1)).one()
            trust = open_trust(
                by(newest.body, Signature(key="root", value=newest.signature)),
                load_root(self.settings.keys_dir),
            )
            mine = TrustedKey(
                key=name,
                public=self.forger.public,
                holder="Bích An",
                roles=["approver"],
                since=now - timedelta(days=1),
                until=now + timedelta(days=9),
            )
            body = canonical(
                msgspec.structs.replace(trust, generation=trust.generation + 1, keys=[*trust.keys, mine])
            )
            value = sign(body, "trust", "root", load_hub_signer(self.settings.keys_dir)[1]).value
            made = TrustList(
                generation=trust.generation + 1, body=body, signature=value, brought_at=now, brought_by="an"
            )
            account = db.scalars(select(func.min(Account.id))).one()
            key = ApproverKey(
                id=name, account_id=account, kind="file", public=self.forger.public, made_at=now
            )
            db.add_all([made, key])
            note_change(db, "trust", str(made.generation), now)
        return trust.generation

    def state(self, occurrence: str) -> tuple[str, str]:
        """What the node's receipts made of it."""
        with self.commune.database.reading() as db:
            row = db.get(Play, (occurrence, self.house.name))
            return (row.state, row.reason) if row else ("", "")

    def trust_generation(self) -> int:
        """The list that the loudspeaker says it believes."""
        with self.commune.database.reading() as db:
            row = db.get(SpeakerSeen, self.house.name)
            return row.trust_generation if row else 0

    def hear(self, occurrence: str) -> None:
        """Wait until it was played whole."""
        log = f"{self.house.name}.speaker"
        until(
            lambda: self.state(occurrence)[0] == "played",
            HEARD_S,
            lambda: (
                self.state(occurrence),
                self.commune.log(log)[-2500:],
                self.commune.log("hub.announce")[-1500:],
            ),
        )


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    commune = Commune(tmp_path / "commune", nodes=1)
    try:
        house = commune.stage.houses[0].name
        speaker = f"{house}.speaker"
        spare = [each for each in commune.stage.service_names() if each not in (*NEEDED, speaker, "broker")]
        commune.start(held=tuple(spare))
        yield Owner(commune)
    finally:
        commune.close()


def test_what_the_databases_owner_writes_never_sounds(owner: Owner) -> None:
    approved = owner.envelope(COMMUNE_HZ)
    first = owner.write(approved, [owner.signed_by_approver(canonical(approved))])
    owner.hear(first)

    def forged() -> tuple[Envelope, str]:
        envelope = owner.envelope(FORGER_HZ)
        return envelope, canonical(envelope)

    wanted: dict[str, str] = {}
    envelope, body = forged()
    wanted[owner.write(envelope, [])] = "unsigned"
    envelope, body = forged()
    wanted[owner.write(envelope, [owner.forger.sign(body)])] = "unknown-key"
    envelope, body = forged()
    hub, private = load_hub_signer(owner.settings.keys_dir)
    wanted[owner.write(envelope, [sign(body, "announcement", hub, private)])] = "wrong-role"
    envelope, body = forged()
    wanted[owner.write(envelope, [owner.signed_by_approver(canonical(approved))])] = "bad-signature"
    changed = msgspec.structs.replace(approved, announcement="W-changed", audio=owner.tones[FORGER_HZ])
    wanted[owner.write(changed, [owner.signed_by_approver(canonical(approved))])] = "bad-signature"
    other = owner.envelope(FORGER_HZ)
    later = other.starts[0].at + timedelta(seconds=7)
    wanted[owner.write(other, [owner.signed_by_approver(canonical(other))], start=later)] = "start-not-signed"
    generation = owner.believe_the_forger()
    envelope, body = forged()
    wanted[owner.write(envelope, [owner.forger.sign(body)])] = "unknown-key"

    def found() -> dict[str, tuple[str, str]]:
        return {name: owner.state(name) for name in wanted}

    until(
        lambda: all(state == "refused" for state, _ in found().values()), HEARD_S, lambda: (wanted, found())
    )
    assert {name: reason for name, (_, reason) in found().items()} == wanted
    until(lambda: "no-trust" in owner.commune.problems("hub.announce"), HEARD_S)
    assert owner.trust_generation() == generation

    swapped = owner.envelope(COMMUNE_HZ, audio=owner.sound_that_the_hub_swapped())
    spoken = owner.write(swapped, [owner.signed_by_approver(canonical(swapped))])
    owner.hear(spoken)
    assert owner.state(spoken) == ("played", "spoken-here")  # the node said the approved words itself

    last = owner.envelope(COMMUNE_HZ)
    owner.hear(owner.write(last, [owner.signed_by_approver(canonical(last))]))
    files = sorted((owner.commune.stage.data_of(owner.house.name) / "played").glob("*.wav"))
    assert len(files) == 3
    assert not [each.name for each in files if holds_tone(each, FORGER_HZ)]
    assert len([each.name for each in files if holds_tone(each, COMMUNE_HZ)]) == 2

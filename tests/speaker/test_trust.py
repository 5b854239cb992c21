"""Whom a loudspeaker believes: only the newest list of its commune, over restarts, and at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from broker.contract.hub import Signed, TrustPlan
from broker.contract.speaker import PlanApplied, SpeakerStatus
from broker.trust.approvers import sign_list
from broker.trust.envelope import Template, TrustBody, canonical
from broker.trust.keys import new_key, public_pem
from tests.speaker.house import House
from tests.speaker.signers import MORNING, Signers, make_envelope, play_now
from tests.trust.authenticator import HERE, Authenticator

SOON = MORNING + timedelta(seconds=2)


@pytest.fixture
def house(tmp_path: Path, signers: Signers) -> Iterator[House]:
    made = House(tmp_path, signers)
    yield made
    made.end()


def trust_plan(signers: Signers, body: TrustBody) -> TrustPlan:
    """A list that the commune's root key signed."""
    return TrustPlan(generation=body.generation, signed=sign_list(canonical(body), signers.commune.root))


def without(signers: Signers, name: str, generation: int) -> TrustBody:
    """The list without one key."""
    left = [one for one in signers.trust.keys if one.key != name]
    return msgspec.structs.replace(signers.trust, generation=generation, keys=left)


def held(house: House) -> int:
    """Generation of the list the loudspeaker last said it holds."""
    return max((one.trust_generation for one in house.session.messages(SpeakerStatus)), default=0)


def test_a_list_replaces_only_an_older_one_also_after_a_restart(house: House, signers: Signers) -> None:
    newer = trust_plan(signers, without(signers, "binh", 5))
    house.start()
    house.hear(signers.trust_plan(), newer)
    assert house.waits(lambda: held(house) == 5)
    house.hear(signers.trust_plan())
    assert house.waits(lambda: "trust-refused" in house.session.problems)
    house.hear(newer)
    assert house.waits(lambda: not house.session.problems)
    fork = trust_plan(signers, without(signers, "cuong", 5))
    house.hear(fork)
    assert house.waits(lambda: "trust-refused" in house.session.problems)
    house.restart()
    house.hear(signers.trust_plan())
    assert house.waits(lambda: "trust-refused" in house.session.problems)
    house.hear(play_now(signers.announcement(audio=house.hub.add(0.2))))
    assert house.receipt("refused").reason == "unknown-key"
    assert held(house) == 5


def test_a_list_of_another_commune_or_by_another_key_is_not_believed(house: House, signers: Signers) -> None:
    house.start()
    other = msgspec.structs.replace(signers.trust, generation=9, commune="01/00001")
    house.hear(signers.trust_plan(), trust_plan(signers, other))
    assert house.waits(lambda: "trust-refused" in house.session.problems)
    house.hear(signers.trust_plan())
    assert house.waits(lambda: not house.session.problems)
    body = canonical(msgspec.structs.replace(signers.trust, generation=9))
    for signed in (sign_list(body, new_key()), signers.signed(signers.trust, "trust", "hub")):
        house.hear(TrustPlan(generation=9, signed=signed))
        assert house.waits(lambda: "trust-refused" in house.session.problems)
        house.hear(signers.trust_plan())
        assert house.waits(lambda: not house.session.problems)
    assert held(house) == signers.trust.generation


def test_what_a_disowned_key_signed_leaves_the_plan_in_force(house: House, signers: Signers) -> None:
    later = MORNING + timedelta(hours=2)
    house.start()
    house.hear(signers.trust_plan(), signers.plan(signers.announcement(later, audio=house.hub.add(0.2))))
    house.receipt("ready")
    house.hear(trust_plan(signers, without(signers, "binh", 3)))
    assert house.receipt("refused").reason == "unknown-key"
    house.hear(trust_plan(signers, msgspec.structs.replace(signers.trust, generation=4)))
    assert house.waits(lambda: house.states()[-1] == "ready"), "a key that comes back is believed again"


def test_what_plays_falls_silent_when_its_key_is_disowned(house: House, signers: Signers) -> None:
    house.start()
    house.hear(signers.trust_plan(), play_now(signers.announcement(audio=house.hub.add(60))))
    house.receipt("playing")
    house.hear(trust_plan(signers, without(signers, "cuong", 3)))
    assert house.waits(lambda: held(house) == 3)
    assert house.states()[-1] == "playing", "another's key is no reason to stop"
    house.hear(trust_plan(signers, without(signers, "binh", 4)))
    stopped = house.receipt("cancelled")
    assert stopped.reason == "revoked"
    assert (stopped.played_ms or 0) < 55_000


def test_an_emergency_of_two_falls_silent_when_one_of_them_is_disowned_not_when_a_key_ends(
    house: House, signers: Signers
) -> None:
    ends = [
        msgspec.structs.replace(key, until=MORNING + timedelta(minutes=10)) if key.key == "dung" else key
        for key in signers.trust.keys
    ]
    brief = msgspec.structs.replace(signers.trust, generation=3, keys=ends)
    house.start()
    house.hear(trust_plan(signers, brief))
    house.hear(play_now(signers.announcement(kind="emergency", audio=house.hub.add(60))))
    house.receipt("playing")
    house.clock.step(660)
    house.hear(trust_plan(signers, msgspec.structs.replace(brief, generation=4)))
    assert house.waits(lambda: held(house) == 4)
    assert house.states()[-1] == "playing", "what began in time goes on"
    house.hear(trust_plan(signers, without(signers, "dung", 5)))
    assert house.receipt("cancelled").reason == "revoked"


def test_a_template_let_speak_by_one_of_its_two_signers_falls_silent_with_the_other(
    house: House, signers: Signers
) -> None:
    plain = make_envelope(kind="emergency", audio=house.hub.add(60), expires=MORNING + timedelta(minutes=30))
    allowed = Template(
        template="hop",
        revision=1,
        commune=plain.commune,
        title=plain.title,
        spoken=plain.spoken,
        voice=plain.voice,
        audio=plain.audio,
        villages=plain.villages,
        repeat=plain.repeat,
        gap_s=plain.gap_s,
        every_s=0,
        lasts_s=7200,
        issued_at=MORNING - timedelta(days=9),
        expires=MORNING + timedelta(days=9),
        author="an",
    )
    first, second = (signers.signed(allowed, "template", name) for name in ("cuong", "dung"))
    both = Signed(body=first.body, signatures=[*first.signatures, *second.signatures])
    spoken = msgspec.structs.replace(plain, template=both)
    house.start()
    house.hear(signers.trust_plan(), play_now(signers.signed(spoken, "announcement", "cuong")))
    house.receipt("playing")
    house.hear(trust_plan(signers, without(signers, "dung", 3)))
    assert house.receipt("cancelled").reason == "revoked"


def test_a_passkey_s_announcement_plays_and_a_foreign_one_s_does_not(house: House, signers: Signers) -> None:
    phone = Authenticator("phone", new_key())
    entry = msgspec.structs.replace(
        next(one for one in signers.trust.keys if one.key == "binh"),
        key="phone",
        public=public_pem(phone.private),
        passkey=HERE,
    )
    trust = msgspec.structs.replace(signers.trust, generation=3, keys=[*signers.trust.keys, entry])
    body = canonical(make_envelope(audio=house.hub.add(0.2)))
    good = Signed(body=body, signatures=[phone.sign(body)])
    phone.origin = "https://elsewhere.example"
    other = canonical(make_envelope(audio=house.hub.add(0.2), announcement="A2"))
    foreign = Signed(body=other, signatures=[phone.sign(other)])
    house.start()
    house.hear(trust_plan(signers, trust), play_now(foreign), signers.plan(good, foreign))
    house.session.wait_for(PlanApplied)
    house.receipt("played")
    assert house.receipt("refused", "A2").reason == "bad-signature"
    assert len(house.played()) == 1

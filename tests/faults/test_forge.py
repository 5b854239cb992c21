"""A slice of the forgeries of `./langso faults --forge N`, and proof that the harness notices one that sounds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from broker.link.clock import LOCAL
from broker.speech.sound import Pcm, write_wav
from broker.trust.envelope import Quiet, canonical
from edge.speaker.firewall import Allowed, Ask, Post, check
from tests.faults.commune import need_mosquitto
from tests.faults.forge import Verdict, attack, name_strangers
from tests.faults.forge_attack import Attack, Phase, Slot, on, slots_of
from tests.faults.forge_field import FORGER_HZ, Field, holds_tone
from tests.faults.forge_orders import FORGED, Forger
from tests.faults.forge_passkeys import assertion
from tests.faults.forge_people import COMMUNE, People, Person
from tests.faults.forge_templates import triggered
from tests.until import until

pytestmark = pytest.mark.timeout(300)

SLICE = 320
MORNING = datetime(2026, 11, 23, 10, 0, tzinfo=LOCAL)


def test_of_a_few_hundred_forgeries_none_sounds_and_all_are_answered(tmp_path: Path) -> None:
    need_mosquitto()
    verdict = attack(SLICE, seed=7, folder=tmp_path)
    assert verdict.is_clean, "\n".join(verdict.lines())
    assert verdict.sounded == 0
    assert sum(verdict.tried.values()) == sum(verdict.answered.values()) == SLICE
    assert len(verdict.controls) == 7
    assert all(is_heard for _, is_heard in verdict.controls)


def test_every_kind_of_forgery_has_its_place_in_the_deck() -> None:
    names = [each.kind for phase in get_args(Phase) for each in slots_of(phase)]
    assert len(names) == len(set(names))
    assert {each.split(":")[0] for each in names} == {
        *("forged", "re-signed", "cross-targeted", "expired", "not signed for", "replayed", "misspelled"),
        *("passkey", "emergency", "trust list", "plan", "no message", "quiet hours", "clock unknown"),
    }
    assert len(names) > 300


class Deceived(People):
    """A commune whose root key signed the forger's: here forgeries must sound, or the harness is blind."""

    @property
    def believed(self) -> tuple[Person, ...]:
        return (*super().believed, self.forger)


@contextmanager
def deceived(folder: Path) -> Iterator[tuple[Attack, Field, Verdict]]:
    people = Deceived(MORNING - timedelta(hours=10))
    place = Field(folder, people)
    verdict = Verdict()
    forger = Forger(people, random.Random(1), place.forged_sound, MORNING.astimezone(UTC))
    place.set_clock(MORNING)
    try:
        place.start()
        course = Attack(place, forger, verdict.tried, verdict.answered, verdict.wrong)
        course.install()
        yield course, place, verdict
    finally:
        place.end()


def test_a_forgery_that_sounds_is_noticed_by_every_witness(tmp_path: Path) -> None:
    need_mosquitto()
    with deceived(tmp_path) as (course, place, verdict):
        course.run([Slot("forged", "own key", "command", on(FORGED["own key"]))])
        assert len(verdict.wrong) == 1
        assert verdict.wrong[0].startswith("accepted")
        occurrence = verdict.wrong[0].split()[-1]
        until(lambda: place.answers.said(occurrence, "played"), 60, place.node_log)
        place.look_at_files()
        assert occurrence in place.sounded_by_journal()
        assert [each for each in place.heard_files if occurrence in each]
        assert len(place.files_with(FORGER_HZ)) == 1
    name_strangers(verdict, course, place)
    assert verdict.sounded == 1
    assert verdict.wrong[0] == f"sounded: forged: own key (command) ({occurrence})"


def test_a_forger_s_orders_are_right_but_for_one_thing(tmp_path: Path) -> None:
    """Were its signature good, the firewall would let it through: refusals prove the check that is meant."""
    people = People(MORNING - timedelta(hours=10))
    forger = Forger(people, random.Random(1), Field(tmp_path, people).forged_sound, MORNING.astimezone(UTC))
    rules = people.trust(2)
    post = Post(COMMUNE, "dong", rules, "trusted", Quiet(), 2700)
    for kind in ("routine", "priority", "emergency"):
        envelope = forger.envelope(kind)
        body = canonical(envelope)
        orders = [
            forger.order("", envelope, forger.beside(envelope, signature))
            for signature in (forger.right_person(envelope).sign(body), assertion(people.hoa, body))
        ]
        for order in (*orders, triggered(forger)):
            ask = Ask(order.occurrence, order.announcement, order.revision, order.start, order.signed)
            assert isinstance(check(ask, post, forger.now, order.media.sha256), Allowed)


def test_the_forgers_tone_is_told_from_the_communes(tmp_path: Path) -> None:
    for hertz in (FORGER_HZ, 440):
        t = np.arange(16_000) / 16_000
        write_wav(
            Pcm((np.sin(2 * np.pi * hertz * t) * 9000).astype(np.int16), 16_000), tmp_path / f"{hertz}.wav"
        )
    assert holds_tone(tmp_path / f"{FORGER_HZ}.wav", FORGER_HZ)
    assert not holds_tone(tmp_path / "440.wav", FORGER_HZ)

"""`./langso faults --forge N`: forged, replayed, cross-targeted, expired, misspelled and re-signed announcements.

The forger holds the hub's database, all its identities, its signing key and the broker; the node is the real speaker
service on a real Mosquitto. None of N may sound. Announcements that were truly approved sound before, in between, in
the night, with a clock nobody believes, after a power cut and at the end: a node that is deaf proves nothing.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broker.link.clock import LOCAL
from tests.brokers import need
from tests.faults.forge_attack import Attack, Slot, slots_of
from tests.faults.forge_field import COMMUNE_HZ, FORGER_HZ, Field
from tests.faults.forge_orders import Forger
from tests.faults.forge_people import People

Tell = Callable[[str], None]
MISSING = 69
"""EX_UNAVAILABLE."""
NIGHT_SHARE, DOUBT_SHARE = 0.08, 0.06
SPOKEN_FROM = 1000
"""From so many tries on one approved announcement has no sound and is spoken by the node itself."""


@dataclass
class Verdict:
    """What came of a run."""

    tried: Counter[str] = field(default_factory=Counter)
    """By family and kind."""
    answered: Counter[str] = field(default_factory=Counter)
    """By reason; "" are those that had been played before."""
    wrong: list[str] = field(default_factory=list)
    """All that must not be, a line each: first what sounded."""
    controls: list[tuple[str, bool]] = field(default_factory=list)
    """Approved announcements and whether they were heard whole."""
    sounded: int = 0
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        """Nothing forged sounded, everything was answered rightly, everything approved was heard."""
        return not self.wrong

    def lines(self) -> list[str]:
        """All of it: a line for each kind, one for the reasons, one for everything."""
        found = [f"  {name:<66} {count:>6}" for name, count in sorted(self.tried.items())]
        reasons = ", ".join(
            f"{code or 'known as played'} {count}" for code, count in self.answered.most_common()
        )
        heard = sum(is_heard for _, is_heard in self.controls)
        total, answered = sum(self.tried.values()), sum(self.answered.values())
        return [
            *found,
            f"answered: {reasons}",
            (
                f"{self.sounded} of {total} forgeries of {len(self.tried)} kinds sounded, {answered} were answered; "
                f"{heard} of {len(self.controls)} approved announcements were heard; {self.seconds:.0f} s"
            ),
            *(f"BAD: {line}" for line in self.wrong[:40]),
        ]


def main(arguments: Sequence[str], tell: Tell) -> int:
    """`./langso faults --forge N [--seed S]`. 0: nothing forged sounded. 1: something is wrong. 69: no Mosquitto."""
    parser = argparse.ArgumentParser(prog="langso faults", description=__doc__)
    parser.add_argument("--forge", type=int, required=True, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    chosen = parser.parse_args(arguments)
    try:
        need("mosquitto", "mosquitto")
    except (pytest.skip.Exception, pytest.fail.Exception) as why:
        tell(f"langso faults: {why}")
        return MISSING
    folder = Path(tempfile.mkdtemp(prefix="langso-forge-"))
    verdict = attack(chosen.forge, chosen.seed, folder)
    for line in verdict.lines():
        tell(line)
    if verdict.is_clean:
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    tell(f"bad with --seed {chosen.seed}; what it left is in {folder}")
    return 1


def attack(count: int, seed: int, folder: Path) -> Verdict:
    """Try `count` forgeries on one node in an empty folder."""
    began_s = time.monotonic()
    dice = random.Random(seed)
    morning = datetime.now(UTC).astimezone(LOCAL).replace(hour=10, minute=0, second=0, microsecond=0)
    people = People(morning.astimezone(UTC) - timedelta(hours=10))
    place = Field(folder, people)
    verdict = Verdict()
    forger = Forger(people, dice, place.forged_sound, morning.astimezone(UTC))
    course = Attack(place, forger, verdict.tried, verdict.answered, verdict.wrong)
    try:
        _course(course, place, dice, count, morning)
    except AssertionError as why:
        verdict.wrong.append(f"the run broke off: {why}")
    finally:
        verdict.controls = course.heard_controls()
        place.end()
    _ask_witnesses(verdict, course, place)
    verdict.seconds = time.monotonic() - began_s
    return verdict


def _course(course: Attack, place: Field, dice: random.Random, count: int, morning: datetime) -> None:
    """A day of it: morning, a power cut, night, a clock that woke in the past, and the next morning."""
    night, doubt = max(2, round(count * NIGHT_SHARE)), max(2, round(count * DOUBT_SHARE))
    day = max(0, count - night - doubt)
    tries = _deal(slots_of("day"), day, dice)
    first, second = tries[: len(tries) // 2], tries[len(tries) // 2 :]

    place.set_clock(morning)
    place.start()
    course.install()
    course.control("at first, by plan", by_plan=True)
    course.run(first[: len(first) // 2])
    course.control("in between, by command, passkey", person=course.people.hoa)
    course.run(first[len(first) // 2 :])
    if count >= SPOKEN_FROM:
        course.control("its sound never came", has_sound=False)
    course.settle()
    place.kill_node()
    place.start_node()
    course.resume()
    course.run(second)
    course.control("after the power cut, by plan, passkey", person=course.people.hoa, by_plan=True)
    course.settle()

    place.set_clock(morning.replace(hour=23))
    course.run(_deal(slots_of("night"), night, dice))
    course.control("an emergency at night", kind="emergency", by_plan=True)
    course.settle()

    place.set_clock(morning + timedelta(hours=22), node_is_behind=timedelta(days=3))
    course.run(_deal(slots_of("doubt"), doubt, dice))
    course.control("an emergency without a clock", kind="emergency")
    course.settle()

    place.set_clock(morning + timedelta(days=1))
    course.install_again()
    course.control("at last, by command")
    course.settle()
    course.control("a drill in the forger's words", kind="emergency", is_drill=True)
    course.settle()


def _deal(slots: Sequence[Slot], count: int, dice: random.Random) -> list[Slot]:
    """Every kind as often as any other."""
    deck: list[Slot] = []
    while len(deck) < count:
        deck += dice.sample(slots, len(slots))
    return deck[:count]


def _ask_witnesses(verdict: Verdict, course: Attack, place: Field) -> None:
    """Nothing but what was approved may have sounded, and all of that must have."""
    name_strangers(verdict, course, place)
    for name, is_heard in verdict.controls:
        if not is_heard:
            verdict.wrong.append(f"approved, and not heard: {name}")
    with_sound = [name for name, order in course.controls.items() if order.media == place.approved_sound]
    if len(place.files_with(COMMUNE_HZ)) < len(with_sound):
        verdict.wrong.append("an approved announcement was played without its sound")


def name_strangers(verdict: Verdict, course: Attack, place: Field) -> None:
    """What sounded without approval, or once more than approved: by receipts, the node's journal and its files."""
    approved = {each.occurrence for each in course.controls.values()}
    begun, journal = place.answers.begun(), place.sounded_by_journal()
    files = Counter(_named(each) for each in place.heard_files)
    strangers = sorted((begun.keys() | journal.keys() | files.keys()) - approved)
    again = sorted(
        name for name in approved if max(begun.get(name, 0), journal.get(name, 0), files.get(name, 0)) > 1
    )
    forged = [file.name for file in place.files_with(FORGER_HZ)]
    verdict.sounded = max(len(strangers) + len(again), len(forged))
    verdict.wrong[:0] = [
        *(f"sounded: {course.kind_of(name)} ({name})" for name in strangers),
        *(f"sounded once more: {name}" for name in again),
        *(f"the forger's tone is in {name}" for name in forged),
    ]


def _named(file: str) -> str:
    """The occurrence for which a sound file was made: its name is local time, a dash, and that."""
    return file.removesuffix(".wav").split("-", 2)[2]

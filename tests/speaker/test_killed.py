"""A loudspeaker killed with SIGKILL at random instants: nothing twice, an emergency to its end, no receipt lost.

The real service with its real session, journal, outbox and files; only the hub is away and the clock runs fast.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from broker.contract.speaker import PlayReceipt, receipt_digest
from broker.trust.envelope import occurrence_id
from edge.speaker.programme import MOST_STARTS, OVER
from edge.speaker.stage import Stage
from tests.enrolled import enrol_keys
from tests.speaker.house import House
from tests.speaker.office import Office, is_chain
from tests.speaker.signers import MORNING, Signers
from tests.until import until

SPEED = 12.0
KILLS = 3
"""In one run; an emergency cut so often still has one start left."""
ROOT = Path(__file__).resolve().parents[2]


class Doomed:
    """One house whose speaker service is killed and started again."""

    def __init__(self, folder: Path, signers: Signers) -> None:
        self.house = House(folder, signers)
        settings = self.house.settings
        enrol_keys(signers.commune.folder / "hub", "thon-01", settings.keys_dir)
        (settings.keys_dir / "speaker.password").write_text("none is asked for", encoding="ascii")
        path = folder / "node.toml"
        path.write_text(path.read_text() + '[broker]\nhost = "127.0.0.1"\nport = 1\n')
        self.home = settings.data_dir / "speaker"
        self.began_s = time.monotonic()
        self.nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.speaker.killed_child", str(folder), str(SPEED)],
            *(-1, None, subprocess.PIPE, subprocess.PIPE, None),
            text=True,
            cwd=ROOT,
        )
        self.child = 0

    def plan(self, signers: Signers, *, has_sound: bool = True) -> list[str]:
        """Keep orders on its disk: an emergency at once, and ordinary plays one after the other.

        has_sound: whether the emergency's sound is here; else its siren comes first, and the node's own voice.
        """
        long, short = self.house.hub.add(4.0), self.house.hub.add(2.0)
        for media in (long, short) if has_sound else (short,):
            self.house.store.add(self.house.hub.files[media.sha256], media.type)
        starts = [MORNING + timedelta(seconds=n) for n in range(2, 20, 6)]
        urgent = signers.announcement(announcement="E1", kind="emergency", audio=long)
        often = signers.announcement(*starts, audio=short, tolerance_s=60)
        (self.home / "trust.json").write_bytes(msgspec.json.encode(signers.signed_trust))
        (self.home / "plan.json").write_bytes(msgspec.json.encode(signers.plan(urgent, often).signed))
        return [occurrence_id("E1", 1, MORNING), *(occurrence_id("A1", 1, at) for at in starts)]

    def start(self) -> None:
        """A new life; time has gone on since the last."""
        if not self.child:
            self.began_s = time.monotonic()
        now = MORNING + timedelta(seconds=(time.monotonic() - self.began_s) * SPEED)
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.write(f"{now.isoformat()}\n")
        self.nursery.stdin.flush()
        self.child = int(self.nursery.stdout.readline())

    def kill(self) -> None:
        """As `kill -9`."""
        os.kill(self.child, signal.SIGKILL)

    def end(self) -> None:
        with suppress(ProcessLookupError):
            if self.child:
                self.kill()
        self.nursery.kill()
        for pipe in (self.nursery.stdin, self.nursery.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        self.nursery.wait(10)

    def receipts(self) -> Sequence[PlayReceipt]:
        """What waits for the hub, each once, with the chain held against what was written."""
        with closing(sqlite3.connect(self.house.settings.data_dir / "outbox" / "speaker.db")) as db:
            rows = db.execute("SELECT topic, body FROM outbox WHERE lane = 'event' ORDER BY seq").fetchall()
        found: dict[int, PlayReceipt] = {}
        bodies: dict[int, bytes] = {}
        for topic, body in rows:
            if topic.endswith("/receipt"):
                one = msgspec.json.decode(body, type=PlayReceipt)
                assert bodies.setdefault(one.number, body) == body, "two receipts under one number"
                found[one.number] = one
        assert list(found) == list(range(1, len(found) + 1))
        for number, one in found.items():
            assert one.before == ("" if number == 1 else receipt_digest(bodies[number - 1]))
        assert len({one.book for one in found.values()}) <= 1
        return list(found.values())

    def last_of(self, wanted: Sequence[str]) -> dict[str, str]:
        """The state each play was last said to be in."""
        with suppress(sqlite3.OperationalError):
            said = {one.occurrence: one.state for one in self.receipts()}
            return {name: said.get(name, "") for name in wanted}
        return {}

    def is_done(self, names: Sequence[str]) -> bool:
        """Whether the emergency was played to its end and nothing else is left to do."""
        emergency, *ordinary = names
        last = self.last_of(names)
        return bool(last) and last[emergency] == "played" and all(last[name] in OVER for name in ordinary)

    def wait_for(self, name: str) -> None:
        """Until the intent of this play is on the disk."""

        def has_begun() -> bool:
            with suppress(sqlite3.OperationalError):
                return self.journal().get(name, ("", 0))[0] in OVER | {"playing"}
            return False

        until(has_begun, 20)

    def journal(self) -> dict[str, tuple[str, int]]:
        """State and starts as the node wrote them down."""
        with closing(sqlite3.connect(self.home / "journal.db")) as db:
            return {row[0]: row[1:] for row in db.execute("SELECT occurrence, state, starts FROM plays")}

    def sounded(self) -> Counter[str]:
        """How many files with sound in them each play has left."""
        names = [path.stem.split("-", 2)[2] for path in self.house.played() if path.stat().st_size > 44]
        return Counter(names)


class Instants:
    """What is on the disk, and what had been sent, before every single statement that the journal makes."""

    def __init__(self, office: Office, folder: Path) -> None:
        self.found: list[tuple[Path, list[PlayReceipt], bool]] = []
        self.has_begun = False
        """Whether the intent was confirmed, so that sound may have come."""
        self._office = office
        self._folder = folder
        office.journal._db.set_trace_callback(self._keep)

    def _keep(self, statement: str) -> None:
        del statement
        copy = self._folder / f"instant-{len(self.found)}"
        copy.mkdir()
        for each in self._office.folder.glob("*.*"):
            if each.is_file() and not each.name.endswith(("-shm", ".reserve")):
                shutil.copy(each, copy)
        self.found.append((copy, self._office.receipts(), self.has_begun))


def perform(office: Office, instants: Instants) -> None:
    """All that happens to one play, as the stage does it."""
    play = office.due()
    assert play is not None
    office.desk.note(play, "ready")
    office.desk.note(play, "armed")
    office.journal.begin(play, office.clock.now())
    instants.has_begun = True
    office.desk.receipt(play.ask, "playing", started_at=MORNING)
    office.journal.end(play.ask.occurrence, "played", "", office.clock.now())
    office.desk.receipt(play.ask, "played", started_at=MORNING)


@pytest.mark.parametrize("kind", ["routine", "emergency"])
def test_killed_between_any_two_statements_no_play_doubles_and_no_receipt_is_lost(
    kind: str, tmp_path: Path, signers: Signers
) -> None:
    (tmp_path / "alive").mkdir()
    office = Office(tmp_path / "alive", signers)
    office.hear(signers.trust_plan(), signers.plan(signers.announcement(kind=kind)))
    instants = Instants(office, tmp_path)
    perform(office, instants)
    office.close()
    assert len(instants.found) > 40
    for copy, sent, has_begun in instants.found:
        again = Office(copy, signers)
        none = cast(Any, None)
        Stage(again.desk, none, none, none).recover()
        (mark,) = again.journal.marks().values()
        assert mark.starts == 1 or not has_begun
        may_start = kind == "emergency" and mark.state != "played"
        assert (again.due() is not None) is (mark.starts == 0 or may_start), mark
        told = {one.number: one for one in sent}
        for one in again.receipts():
            assert told.setdefault(one.number, one) == one, "the same number means the same receipt"
        assert is_chain(list(told.values()))
        assert told[max(told)].state == mark.state
        again.close()


@pytest.fixture
def doomed(tmp_path: Path, signers: Signers) -> Iterator[Doomed]:
    made = Doomed(tmp_path, signers)
    yield made
    made.end()


@pytest.mark.parametrize("seed", range(5))
def test_killed_at_random_instants_nothing_doubles_and_nothing_is_lost(
    seed: int, doomed: Doomed, signers: Signers
) -> None:
    chance = random.Random(seed)
    names = doomed.plan(signers, has_sound=seed % 2 == 0)
    for _ in range(KILLS):
        doomed.start()
        if chance.random() < 0.7:
            doomed.wait_for(chance.choice(names))
        before_s, wait_s = time.monotonic(), chance.uniform(0.0, 0.35)
        until(lambda s=before_s + wait_s: time.monotonic() >= s, 10)
        doomed.kill()
    doomed.start()
    until(lambda: doomed.is_done(names), 40, lambda: doomed.last_of(names))
    doomed.kill()
    told, journal, sounded = doomed.receipts(), doomed.journal(), doomed.sounded()
    emergency, *ordinary = names
    for name in ordinary:
        assert journal[name][1] <= 1, f"{name} began twice"
        assert sounded[name] <= journal[name][1], f"{name} sounded without its intent on the disk"
        ends = [one.state for one in told if one.occurrence == name and one.state in OVER]
        assert len(ends) == 1, f"{name}: {ends}"
    assert journal[emergency][0] == "played", "an emergency comes to its end"
    assert 1 <= journal[emergency][1] <= MOST_STARTS
    assert sounded[emergency] <= journal[emergency][1]
    assert doomed.last_of(names) == {name: journal[name][0] for name in names}, (
        "the hub will know what the node knows"
    )

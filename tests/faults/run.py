"""`./langso faults --schedules`: as many seeded schedules as asked for, a line for each, a line for all."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from broker.hub.records.database import open_url
from tests.brokers import need
from tests.faults.ground import Ground, may_mount
from tests.faults.light_commune import LightCommune, Played
from tests.faults.schedule import Schedule, draw
from tests.postgres import RunningPostgres

Tell = Callable[[str], None]
MISSING = 69
"""EX_UNAVAILABLE."""
_PROGRAMS = {"mosquitto": ("mosquitto", "mosquitto"), "rabbitmq": ("rabbitmq-server", "rabbitmq-server")}


def lay_ground(folder: Path, broker: str = "mosquitto", postgres: RunningPostgres | None = None) -> Ground:
    """Make what is shared, once."""
    import cv2
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    ground = Ground(folder, broker, postgres, may_mount(folder))
    open_url(f"sqlite:///{ground.template}").close()
    noise = np.random.default_rng(1).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    ground.picture.write_bytes(cv2.imencode(".jpg", noise)[1].tobytes())
    return ground


@dataclass(frozen=True)
class Verdict:
    """How one schedule ended."""

    schedule: Schedule
    played: Played
    folder: Path

    @property
    def is_clean(self) -> bool:
        """Nothing lost, doubled, invented, reordered or unexplained."""
        return self.played.findings.is_clean

    def line(self) -> str:
        """All of it in one line."""
        found = self.played.findings
        left_out = f"  left out: {' '.join(map(str, self.played.left_out))}" if self.played.left_out else ""
        return (
            f"seed {self.schedule.seed:<8} {'clean' if self.is_clean else 'BAD  '} "
            f"accepted {found.accepted:>4} stored {found.stored:>4} of {found.attempted:>4}  "
            f"lost {found.count('lost')} doubled {found.count('doubled')} "
            f"gaps {found.gaps} for {found.in_gaps} (told {found.told})  "
            f"{self.played.seconds:4.1f} s (settled in {self.played.settled_s:.1f})  {self.schedule}{left_out}"
        )


def play(ground: Ground, seed: int, folder: Path) -> Verdict:
    """Run the schedule of a seed in an empty folder."""
    folder.mkdir(parents=True)
    schedule = draw(seed)
    if ground.postgres is None:
        return Verdict(schedule, LightCommune(ground, schedule, folder).play(), folder)
    name = ground.postgres.fresh()
    try:
        played = LightCommune(ground, schedule, folder, ground.postgres.url(name)).play()
        return Verdict(schedule, played, folder)
    finally:
        ground.postgres.drop(name)


def main(arguments: Sequence[str], tell: Tell) -> int:
    """`./langso faults --schedules N`. 0: all clean. 1: some were bad. 69: broker or database is not installed."""
    parser = argparse.ArgumentParser(prog="langso faults", description=__doc__)
    parser.add_argument("--schedules", type=int, required=True, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the first; the others follow")
    parser.add_argument("--broker", choices=("mosquitto", "amqtt", "rabbitmq"), default="mosquitto")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="J", help="at a time")
    chosen = parser.parse_args(arguments)
    with ExitStack() as stack:
        postgres = None
        try:
            if chosen.broker != "amqtt":
                need(*_PROGRAMS[chosen.broker])
            if chosen.database == "postgresql":
                postgres = RunningPostgres()
                stack.callback(postgres.close)
                postgres.start()
        except (pytest.skip.Exception, pytest.fail.Exception) as why:
            tell(f"langso faults: {why}")
            return MISSING
        folder = Path(tempfile.mkdtemp(prefix="langso-faults-"))
        ground = lay_ground(folder / "ground", chosen.broker, postgres)
        return run_schedules(ground, range(chosen.seed, chosen.seed + chosen.schedules), chosen.jobs, tell)


def run_schedules(ground: Ground, seeds: Sequence[int], jobs: int, tell: Tell) -> int:
    """Run the schedules of these seeds; 1 when any is bad. Bad ones leave their folder beside the ground's."""
    folder = ground.folder.parent
    if not ground.has_mounts:
        tell("mounting small file systems needs root: disks do not get full in this run")
    began_s = time.monotonic()

    def one(seed: int) -> Verdict:
        verdict = play(ground, seed, folder / str(seed))
        tell("\n".join([verdict.line(), *(f"    {line}" for line in verdict.played.findings.lines())]))
        if verdict.is_clean:
            shutil.rmtree(verdict.folder, ignore_errors=True)
        return verdict

    with ThreadPoolExecutor(jobs) as pool:
        verdicts = list(pool.map(one, seeds))
    bad = [each for each in verdicts if not each.is_clean]
    tell(_total(verdicts, ground, time.monotonic() - began_s))
    if bad:
        tell(f"bad: {' '.join(str(each.schedule.seed) for each in bad)}; what they left is in {folder}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _total(verdicts: list[Verdict], ground: Ground, took_s: float) -> str:
    def total(kind: str) -> int:
        return sum(each.played.findings.count(kind) for each in verdicts)

    clean = sum(each.is_clean for each in verdicts)
    accepted = sum(each.played.findings.accepted for each in verdicts)
    faults = sum(len(each.schedule.faults) - len(each.played.left_out) for each in verdicts)
    gaps = sum(each.played.findings.in_gaps for each in verdicts)
    database = "SQLite" if ground.postgres is None else "PostgreSQL"
    return (
        f"{clean} of {len(verdicts)} schedules clean on {ground.broker} with {database}: {faults} faults, "
        f"{accepted} messages accepted, {total('lost')} lost, {total('doubled')} doubled, "
        f"{total('invented')} invented, {gaps} given up for want of space and told; {took_s:.0f} s"
    )

"""`./langso faults --schedules`: as many seeded schedules as asked for, a line for each, a line for all."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from broker.hub.records.database import open_url
from tests.faults.light_commune import Ground, LightCommune, Played, may_mount
from tests.faults.schedule import Schedule, draw

Tell = Callable[[str], None]


def lay_ground(folder: Path, broker: str = "mosquitto", database: str = "sqlite") -> Ground:
    """Make what is shared, once."""
    import cv2
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    ground = Ground(folder, broker, database, may_mount(folder))
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
            f"gaps {found.gaps} for {found.in_gaps}  "
            f"{self.played.seconds:4.1f} s (settled in {self.played.settled_s:.1f})  {self.schedule}{left_out}"
        )


def play(ground: Ground, seed: int, folder: Path) -> Verdict:
    """Run the schedule of a seed in an empty folder."""
    folder.mkdir(parents=True)
    schedule = draw(seed)
    return Verdict(schedule, LightCommune(ground, schedule, folder).play(), folder)


def run_schedules(count: int, seed: int, *, broker: str, database: str, jobs: int, tell: Tell) -> int:
    """Run the schedules of seeds `seed` to `seed + count - 1`; 1 when any is bad. Bad ones keep their folder."""
    folder = Path(tempfile.mkdtemp(prefix="langso-faults-"))
    ground = lay_ground(folder / "ground", broker, database)
    if not ground.has_mounts:
        tell("mounting small file systems needs root: disks do not get full in this run")
    began_s = time.monotonic()

    def one(number: int) -> Verdict:
        verdict = play(ground, number, folder / str(number))
        tell("\n".join([verdict.line(), *(f"    {line}" for line in verdict.played.findings.lines())]))
        if verdict.is_clean:
            shutil.rmtree(verdict.folder, ignore_errors=True)
        return verdict

    with ThreadPoolExecutor(jobs) as pool:
        verdicts = list(pool.map(one, range(seed, seed + count)))
    bad = [each for each in verdicts if not each.is_clean]
    tell(_total(verdicts, broker, database, time.monotonic() - began_s))
    if bad:
        tell(f"bad: {' '.join(str(each.schedule.seed) for each in bad)}; what they left is in {folder}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _total(verdicts: list[Verdict], broker: str, database: str, took_s: float) -> str:
    def total(kind: str) -> int:
        return sum(each.played.findings.count(kind) for each in verdicts)

    clean = sum(each.is_clean for each in verdicts)
    accepted = sum(each.played.findings.accepted for each in verdicts)
    faults = sum(len(each.schedule.faults) - len(each.played.left_out) for each in verdicts)
    gaps = sum(each.played.findings.in_gaps for each in verdicts)
    return (
        f"{clean} of {len(verdicts)} schedules clean on {broker} with {database}: {faults} faults, "
        f"{accepted} messages accepted, {total('lost')} lost, {total('doubled')} doubled, "
        f"{total('invented')} invented, {gaps} given up on a full disk and told; {took_s:.0f} s"
    )

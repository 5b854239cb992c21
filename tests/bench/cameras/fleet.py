"""The camera service of one node with so many cameras, in a process of its own.

`python -m tests.bench.cameras.fleet CAMERAS SETTLE_S COUNT_S MAIN SUB`; with "-" for SUB the cameras have one stream.
Real in it: the signed plan, sealed addresses, readers, rings, judging, ledger, clips on disk. Not real: the session,
which keeps what it is told, and the cameras, which are files played in real time. Says one JSON line.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from broker.contract.camera import CameraStatus, CameraTampered, MotionStarted
from broker.contract.hub import CameraPlan, Media, Signed
from broker.trust.envelope import CamerasBody, CameraSetup, canonical, sign
from tests.camera.town import CameraHouse, ClipHub, Town


@dataclass(frozen=True)
class Counted:
    """What a fleet cost while it ran undisturbed."""

    cameras: int
    live: int
    """Cameras whose pictures came at the end."""
    cpu_s: float
    counted_s: float
    peak_mib: float
    """Of the service alone."""
    episodes: int
    tamperings: int


class ForgetfulHub(ClipHub):
    """Takes clips and keeps none, so that they are not counted as the service's memory."""

    def push(self, media: Media, stop: threading.Event) -> None:
        """Taken."""
        del media, stop
        self.tries += 1


def plan(town: Town, cameras: int, main: str, sub: str) -> CameraPlan:
    """As many cameras as wanted, all showing the same."""
    setups = [
        CameraSetup(camera=f"{number:02d}", name=f"Camera {number}", sealed=town.sealed(main, sub))
        for number in range(1, cameras + 1)
    ]
    body = canonical(CamerasBody(generation=1, node="thon-01", cameras=setups))
    return CameraPlan(
        generation=1, signed=Signed(body=body, signatures=[sign(body, "cameras", "hub-1", town.hub)])
    )


def count(cameras: int, settle_s: float, count_s: float, main: str, sub: str) -> Counted:
    """Run, wait until all has settled, then count."""
    town, pause = Town(), threading.Event()
    with (
        tempfile.TemporaryDirectory() as folder,
        CameraHouse(Path(folder), town, ForgetfulHub()) as house,
    ):
        house.session.deliver(town.trust())
        house.session.deliver(plan(town, cameras, main, sub))
        pause.wait(settle_s)
        began_s, before_s = time.monotonic(), spent_s()
        pause.wait(count_s)
        cpu_s, counted_s = spent_s() - before_s, time.monotonic() - began_s
        said = house.session.messages(CameraStatus)
        live = sum(each.state == "live" for each in said[-1].cameras) if said else 0
        if house.failed:
            raise house.failed[0]
        return Counted(
            cameras,
            live,
            round(cpu_s, 3),
            round(counted_s, 3),
            round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            len(house.session.messages(MotionStarted)),
            len(house.session.messages(CameraTampered)),
        )


def spent_s() -> float:
    """CPU of this process and of the children it has waited for."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in both)


def main() -> None:
    """One line."""
    cameras, settle_s, count_s, film, sub = sys.argv[1:]
    found = count(int(cameras), float(settle_s), float(count_s), film, "" if sub == "-" else sub)
    sys.stdout.write(json.dumps(asdict(found)) + "\n")


if __name__ == "__main__":
    main()

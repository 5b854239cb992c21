"""`./langso demo --check`: a commune in a temporary folder on free ports, all five paths walked, exit 0 or 1."""

from __future__ import annotations

import signal
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from broker.hub.announcing.rules import put_rules, rules_of
from broker.link.clock import LOCAL
from deploy.browser import WalkError
from deploy.demo import broker_name
from deploy.stage import Secrets, Stage, StageError, Wishes
from deploy.supervise import Supervisor
from deploy.walk import PATHS, World

READY_S = 120.0
Tell = Callable[[str], None]


def check(nodes: int, camera: str, serial: str, broker: str, tell: Tell, database: str = "") -> int:
    """Walk every path, also after one has failed. 0 when all led where they should, else 1."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="langso-check-", ignore_cleanup_errors=True) as folder:
        wishes = Wishes(
            Path(folder), nodes, camera, serial, free_ports=True, broker=broker, database=database
        )
        try:
            with Stage(wishes) as stage:
                failed = _walk(stage, stage.prepare(lambda _: None), stop, tell)
        except StageError as why:
            tell(str(why))
            return 1
    took_s = time.monotonic() - began
    if failed:
        tell(f"demo --check: FAILED: {', '.join(failed)} ({took_s:.0f} s)")
        return 1
    tell(f"demo --check: all {len(PATHS)} paths lead where they should ({took_s:.0f} s)")
    return 0


def _walk(stage: Stage, secrets: Secrets, stop: threading.Event, tell: Tell) -> list[str]:
    _open_hours(stage)
    supervisor = Supervisor(stage.logs)
    for child in stage.children():
        supervisor.add(child)
    keeper = threading.Thread(target=supervisor.run, args=(stop,), name="supervisor")
    began = time.monotonic()
    keeper.start()
    try:
        late = supervisor.wait_ready(stage.service_names(), READY_S)
        ready_s = time.monotonic() - began
        tell(f"{'commune':<13} {'ready' if not late else 'LATE':<5} {ready_s:5.1f} s  {broker_name(stage)}")
        if late:
            return [*_last_words(stage, late, tell)]
        world = World(stage, secrets, supervisor)
        return [name for name, path in PATHS if not stop.is_set() and not _judge(name, path, world, tell)]
    finally:
        stop.set()
        keeper.join()


def _judge(name: str, path: Callable[[World], str], world: World, tell: Tell) -> bool:
    began = time.monotonic()
    try:
        saw, verdict = path(world), "ok"
    except WalkError as why:
        saw, verdict = str(why), "FAIL"
    tell(f"{name:<13} {verdict:<5} {time.monotonic() - began:5.1f} s  {saw}")
    return verdict == "ok"


def _last_words(stage: Stage, late: list[str], tell: Tell) -> list[str]:
    for name in late:
        log = stage.logs / f"{name}.log"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
        for line in lines[-3:]:
            tell(f"  {name}: {line[:300]}")
    return late


def _open_hours(stage: Stage) -> None:
    """Move the quiet hours of this passing commune away from now, so that the check can run at night."""
    now = datetime.now(UTC)
    local = now.astimezone(LOCAL)
    since, until = local + timedelta(hours=8), local + timedelta(hours=9)
    database = stage.database()
    try:
        with database.session() as db:
            limit_s = rules_of(db).session_limit_s
            put_rules(db, f"{since:%H:%M}", f"{until:%H:%M}", limit_s, now)
    finally:
        database.close()

"""`./langso demo`: a commune on this machine until Ctrl-C; with `--check`, walked end to end and judged."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from broker.contract.rights import BANNER
from deploy import van_khe
from deploy.mosquitto import config as mosquitto
from deploy.stage import Secrets, Stage, StageError, Wishes
from deploy.supervise import Supervisor

READY_S = 90.0
Tell = Callable[[str], None]


def run(wishes: Wishes, tell: Tell) -> int:
    """Run the commune until SIGINT or SIGTERM. Returns 0 when it was ended as asked, 1 when it could not start."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    began = time.monotonic()
    try:
        with Stage(wishes) as stage:
            secrets = stage.prepare(tell)
            return _play(stage, secrets, stop, tell, began)
    except StageError as why:
        tell(str(why))
        return 1


def _play(stage: Stage, secrets: Secrets, stop: threading.Event, tell: Tell, began: float) -> int:
    supervisor = Supervisor(stage.logs, on_event=lambda line: tell(line) if not stop.is_set() else None)
    children = stage.children()
    for child in children:
        supervisor.add(child)
    keeper = threading.Thread(target=supervisor.run, args=(stop,), name="supervisor")
    keeper.start()
    try:
        tell(f"starting {len(children)} processes, {broker_name(stage)}")
        late = _wait(supervisor, stage.service_names(), stop, tell)
        if not stop.is_set():
            if late:
                tell(f"not ready yet: {', '.join(late)}; their words are in {stage.logs}")
            for line in where_to_look(stage, secrets, time.monotonic() - began):
                tell(line)
        while not stop.wait(3600):
            pass
    finally:
        stop.set()
        tell("stopping …")
        keeper.join()
    tell("all processes ended")
    return 0


def _wait(supervisor: Supervisor, names: list[str], stop: threading.Event, tell: Tell) -> list[str]:
    """Wait for all services, saying every few seconds how many are ready; returns those that are not."""
    deadline = time.monotonic() + READY_S
    late = list(names)
    said = len(late) + 1
    while late and not stop.is_set() and time.monotonic() < deadline:
        late = supervisor.wait_ready(names, 1.0)
        if len(late) <= said - 3 and late:
            said = len(late)
            tell(f"{len(names) - len(late)} of {len(names)} services ready")
    return late


def broker_name(stage: Stage) -> str:
    """Which broker carries the messages, with the banner of the embedded one."""
    if stage.broker_kind == "mosquitto":
        return f"broker {mosquitto.program()}"
    return BANNER


def where_to_look(stage: Stage, secrets: Secrets, took_s: float) -> list[str]:
    """What the person at the terminal needs to know, once everything runs."""
    lines = ["", f"Xã Vân Khê runs on this machine (ready in {took_s:.1f} s). Ctrl-C ends it.", ""]
    lines += [f"  kiosk      {stage.kiosk_url(each)}/   màn hình của {each.label}" for each in stage.houses]
    lines.append(f"  console    {stage.console_url}/   đăng nhập bằng một tài khoản dưới đây")
    lines.append("")
    for person in van_khe.PEOPLE:
        password = secrets.passwords.get(person.username, "(shown at the first start)")
        lines.append(f"  {person.username:<10} {password:<26} {person.title}: {person.full_name}")
    lines.append("")
    pin = secrets.pin or "(shown at the first start)"
    for person in van_khe.PEOPLE:
        if "approver" in person.roles:
            key = stage.key_file_of(person.username).resolve()
            lines.append(f"  {person.username}'s key  {key}   PIN {pin}   approves, signs emergencies")
    if not secrets.passwords:
        lines.append("  Lost them? Start again with --new-passwords.")
    lines.append(f"  camera     {_camera(stage.wishes.camera)}")
    board = stage.wishes.serial or "simulated, behind a pseudo-terminal (yours: --serial PORT)"
    lines.append(f"  board      {board}")
    lines.append(f"  logs       {stage.logs.resolve()}")
    lines.append("")
    return lines


def _camera(source: str) -> str:
    if source == van_khe.DRAWN_SCENE:
        return "a yard drawn by this program (yours: --camera rtsp://…, /dev/video0 or a file)"
    return source.partition("@")[2] or source  # what stands before @ may be a password


def default_folder() -> Path:
    """Where the demo keeps its commune unless told otherwise."""
    return Path("demo-data")

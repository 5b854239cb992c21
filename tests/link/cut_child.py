"""Enrols one node after another, each cut off at its own moment as by a power cut, then once more to the end.

`python -m tests.link.cut_child FOLDER URL PIN NODE=CODE:MOMENT …` prints for each node, as JSON, the moment's event
and what the second run said. Moment 0: not cut; then the count of moments is printed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from broker.link.enrol import NotEnrolled, enrol

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
MOMENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "socket.connect", "http.client.send")


def counting(act: Callable[[int, str], None]) -> None:
    """Call `act` before each thing this process does to the disk or the network."""
    seen = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal seen
        is_write = event == "open" and isinstance(args[2], int) and bool(args[2] & WRITING)
        if is_write or event in MOMENTS:
            seen += 1
            act(seen, event)

    sys.addaudithook(hook)


def run(folder: Path, node: str, url: str, code: str, pin: str) -> str:
    """One `langso enrol`; what came of it."""
    home = folder / node
    try:
        done = enrol(node, url, code, pin, keys=home / "keys", folder=home, data=str(home / "data"))
    except NotEnrolled as why:
        return f"refused: {why}"
    return "completed" if done is None else "enrolled"


def apart(act: Callable[[], str]) -> str:
    """Run something in a process of its own and return what it says, empty when it was cut."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.write(writer, act().encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said


def main(folder: Path, url: str, pin: str, orders: list[str]) -> None:
    """All nodes, one after another."""
    for order in orders:
        node, _, rest = order.partition("=")
        code, _, moment_text = rest.partition(":")
        moment = int(moment_text)

        def cut_off(node: str = node, code: str = code, moment: int = moment) -> str:
            events: list[str] = []

            def act(seen: int, event: str) -> None:
                events.append(event)
                if seen == moment:
                    os._exit(9)

            counting(act)
            run(folder, node, url, code, pin)
            return str(len(events))

        def again(node: str = node, code: str = code) -> str:
            return run(folder, node, url, code, pin)

        first = apart(cut_off)
        said = "" if moment == 0 else apart(again)
        sys.stdout.write(json.dumps({"node": node, "moment": moment, "first": first, "said": said}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])

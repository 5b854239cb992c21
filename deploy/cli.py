"""The command `langso`. Every command imports what it needs and nothing else, so that `say` starts no web server."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIG = Path("/etc/langso/langso.toml")
BAD_SETTINGS = 78
"""EX_CONFIG of sysexits(3)."""

SERVICES = {
    "node": "edge.node.service",
    "speaker": "edge.speaker.service",
    "camera": "edge.camera.service",
    "kiosk": "kiosk.service",
    "board": "firmware_bridge.service",
    "ingest": "broker.hub.ingest",
    "announce": "broker.hub.announcing.service",
    "web": "broker.hub.console.service",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        return int(chosen.act(chosen))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141


def _parser() -> argparse.ArgumentParser:
    from deploy.commands import demo, machine, provision, speech, study, tests

    parser = argparse.ArgumentParser(prog="langso", description="Làng Số: the commune in one command.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for room in (demo, speech, study, machine, provision, tests):
        room.add(commands)
    return parser


def say_error(text: str) -> None:
    """One sentence for the person at the terminal."""
    print(f"langso: {text}", file=sys.stderr, flush=True)


def put(text: str) -> None:
    """One line of a command's answer."""
    print(text, flush=True)


def put_json(value: object) -> None:
    """One JSON line of a command's answer."""
    put(json.dumps(value, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())

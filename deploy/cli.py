"""The command `langso`. Every command imports what it needs and nothing else, so that `say` starts no web server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

ROOMS = {
    "demo": ("demo",),
    "speech": ("say", "normalise"),
    "study": ("search", "watch"),
    "weights": ("weights",),
    "machine": ("run", "check", "doctor", "generate", "version"),
    "enrol": ("enrol",),
    "provision": ("provision",),
    "audit": ("audit",),
    "screen": ("screen",),
    "evidence": ("evidence",),
    "tests": ("test", "faults", "lint", "bench"),
}
"""Module of deploy.commands → the commands it declares, in the order in which help shows them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = _parser(arguments[0] if arguments else "")
    chosen, rest = parser.parse_known_args(arguments)
    if rest and not hasattr(chosen, "rest"):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        # What pytest is to get; argparse keeps options out of a remainder.
        chosen.rest = [*rest, *chosen.rest]
    try:
        return int(chosen.act(chosen))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141


def _parser(first: str = "") -> argparse.ArgumentParser:
    """All commands; only its room when `first` is one: a watch of one second is not to pay for eight rooms."""
    parser = argparse.ArgumentParser(prog="langso", description="Làng Số: the commune in one command.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for room in [room for room, names in ROOMS.items() if first in names] or ROOMS:
        import_module(f"deploy.commands.{room}").add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())

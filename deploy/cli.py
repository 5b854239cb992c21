"""The command `langso`. Every command imports what it needs and nothing else, so that `say` starts no web server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    parser = _parser()
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


def _parser() -> argparse.ArgumentParser:
    from deploy.commands import audit, demo, enrol, machine, provision, speech, study, tests

    parser = argparse.ArgumentParser(prog="langso", description="Làng Số: the commune in one command.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for room in (demo, speech, study, machine, enrol, provision, audit, tests):
        room.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())

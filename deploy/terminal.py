"""What a command says to the person or the script at the terminal, and where it finds things by default."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout or installation."""
CONFIG = Path("/etc/langso/langso.toml")
"""Settings of this machine."""


def say_error(text: str) -> None:
    """One sentence for the person at the terminal."""
    print(f"langso: {text}", file=sys.stderr, flush=True)


def put(text: str) -> None:
    """One line of a command's answer."""
    print(text, flush=True)


def put_json(value: object) -> None:
    """One JSON line of a command's answer."""
    put(json.dumps(value, ensure_ascii=False))

"""Kinds of alerts as officers choose them for the sound of the duty room and for the phones that are called. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

CHOICES: Final = MappingProxyType(
    {
        "sos": "Nút SOS",
        "person": "Người, xe",
        "motion": "Mọi chuyển động",
        "camera": "Camera bị che, mất hình",
        "board": "Mực nước, tăng âm",
    }
)
"""What may be chosen: code → words."""
_OF_KIND: Final = MappingProxyType(
    {
        "motion": "motion",
        "tamper": "camera",
        "outage": "camera",
        "sos": "sos",
        "sensor": "board",
        "amplifier": "board",
    }
)
THEY: Final = ("person", "vehicle")
"""What a model may call those for whom an officer comes."""


def choice_of(kind: str, labels: Sequence[Mapping[str, Any]]) -> str:
    """Under which choice an alert falls; movement that a model took for people or vehicles is a choice of its own."""
    found = _OF_KIND.get(kind, "board")
    if found == "motion" and any(label.get("what") in THEY for label in labels):
        return "person"
    return found


def is_chosen(choice: str, chosen: Collection[str]) -> bool:
    """Whether an alert of this choice is among the chosen ones: who wants all movement wants people too."""
    return choice in chosen or (choice == "person" and "motion" in chosen)


def kinds_of(chosen: Collection[str]) -> list[str]:
    """The kinds of alerts that may fall under what was chosen."""
    return [
        kind
        for kind, choice in _OF_KIND.items()
        if choice in chosen or (choice == "motion" and "person" in chosen)
    ]

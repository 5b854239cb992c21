"""A figure of `langso bench speech` with what was wanted of it."""

from __future__ import annotations

from typing import Any

from tests.bench.link.processes import figure


def aimed(
    name: str,
    value: float,
    unit: str,
    aim: float,
    *,
    at_least: bool = False,
    baseline: str = "",
    ratio: float | None = None,
) -> dict[str, Any]:
    """One line of the bench that also says its aim, in the unit of the value, and whether it was met."""
    is_met = value >= aim if at_least else value <= aim
    return {
        **figure(name, value, unit, baseline, ratio),
        "aim": f"{'≥' if at_least else '≤'} {aim:g}",
        "met": is_met,
    }


def absent(name: str, why: str) -> dict[str, Any]:
    """A figure that could not be taken here, and why."""
    return figure(f"{name}: not measured, {why}", None, "")

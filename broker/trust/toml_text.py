"""Writes settings as TOML: tables of strings, numbers, flags and lists, and lists of tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def toml_text(tables: Mapping[str, Mapping[str, Any]], head: str = "") -> str:
    """TOML with one table per section, in the order given. `head`: comment lines for the top, without `#`."""
    lines = [f"# {line}".rstrip() for line in head.splitlines()]
    for name, table in tables.items():
        if table:
            lines += ["", f"[{name}]", *_pairs(name, table)]
    return "\n".join(lines).lstrip("\n") + "\n"


def _pairs(prefix: str, table: Mapping[str, Any]) -> list[str]:
    lines, nested = [], []
    for key, value in table.items():
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            for each in value:
                nested += ["", f"[[{prefix}.{key}]]", *_pairs(f"{prefix}.{key}", each)]
        else:
            lines.append(f"{key} = {_value(value)}")
    return lines + nested


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(str(value), ensure_ascii=False)  # a JSON string is a TOML basic string

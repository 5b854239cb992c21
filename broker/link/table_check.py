"""Reads a TOML table as declared types, with a sentence for every wrong line instead of the first only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta, Struct


@dataclass
class TableCheck:
    """Walks the table beside the declared types, collecting every error instead of stopping at the first."""

    file: str
    """Named in every line."""

    def __post_init__(self) -> None:
        self.lines: list[str] = []
        """A sentence for each thing that is wrong."""

    def struct(self, cls: type[Struct], table: Any, key: str) -> Any:
        """The struct of a table, None when anything in it is wrong."""
        if not isinstance(table, dict):
            self._wrong(key, table, "a table")
            return None
        fields = {field.name: field for field in msgspec.structs.fields(cls)}
        for name in table:
            if name not in fields:
                allowed = ", ".join(sorted(fields))
                self.lines.append(
                    f"{self.file}: {_join(key, name)}: unknown setting; allowed here: {allowed}"
                )
        values = {}
        for name, field in fields.items():
            where = _join(key, name)
            if name not in table:
                if field.required:
                    self.lines.append(f"{self.file}: {where}: missing; {_describe(field.type)}")
                continue
            found = self.value(field.type, table[name], where)
            if found is not None:
                values[name] = found
        return None if self.lines else cls(**values)

    def value(self, kind: Any, found: Any, key: str) -> Any:
        """One value of its declared type, None when it is wrong."""
        plain = getattr(kind, "__origin__", kind)
        if isinstance(plain, type) and issubclass(plain, Struct):
            return self.struct(plain, found, key)
        item = _list_item(kind)
        if item is not None:
            if not isinstance(found, list):
                self._wrong(key, found, "a list")
                return None
            return [self.value(item, each, f"{key}[{n}]") for n, each in enumerate(found)]
        try:
            return msgspec.convert(found, kind)
        except msgspec.ValidationError as why:
            self.lines.append(f"{self.file}: {key}: found {found!r}; {why}; {_describe(kind)}")
            return None

    def _wrong(self, key: str, found: Any, wanted: str) -> None:
        self.lines.append(f"{self.file}: {key or 'the file'}: found {found!r}, {wanted} is expected")


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _list_item(kind: Any) -> Any:
    """The struct inside `Annotated[list[Struct], …]`, or None."""
    inner = kind.__origin__ if hasattr(kind, "__metadata__") else kind
    args: tuple[Any, ...] = getattr(inner, "__args__", ())
    if (
        getattr(inner, "__origin__", None) is list
        and isinstance(args[0], type)
        and issubclass(args[0], Struct)
    ):
        return args[0]
    return None


def _describe(kind: Any) -> str:
    inner = kind.__origin__ if hasattr(kind, "__metadata__") else kind
    allowed = ""
    if get_origin(inner) is Literal:
        allowed = "allowed: " + ", ".join(map(str, get_args(inner))) + "; "
    for note in getattr(kind, "__metadata__", ()):
        if isinstance(note, Meta) and note.description:
            return allowed + note.description
    return allowed + "see docs/SETTINGS.md"

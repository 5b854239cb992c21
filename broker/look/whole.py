"""One file out of a page's script modules: a screen asks once, not fifteen times, and nothing has to be built before.

Only what our own modules use is understood: `import { a, b } from "./x.js";` and `export` before a function, a class
or a const, each at the beginning of a line. Each module keeps a scope of its own.
"""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r'^import \{ (\w+(?:, \w+)*) \} from "\./([a-z-]+\.js)";', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function|class|const) (\w+)", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def whole(folder: Path, entry: str) -> str:
    """The text of one module with all that it imports; it exports what `entry` exports.

    Raises ValueError for an import or export of another form and for modules that import each other, OSError for one
    that is missing.
    """
    order: dict[str, str] = {}
    _add(folder, entry, order, ())
    numbers = {name: number for number, name in enumerate(order)}
    parts = [_scope(text, numbers[name], numbers) for name, text in order.items()]
    told = _names(order[entry])
    last = f"export const {{ {', '.join(told)} }} = $0{numbers[entry]};\n" if told else ""
    return "".join(parts) + last


def _add(folder: Path, name: str, order: dict[str, str], way: tuple[str, ...]) -> None:
    if name in way:
        raise ValueError(f"{name} imports itself through {' → '.join(way)}")
    if name in order:
        return
    text = (folder / name).read_text(encoding="utf-8")
    for _, needed in _IMPORT.findall(text):
        _add(folder, needed, order, (*way, name))
    order[name] = text


def _names(text: str) -> list[str]:
    return [name for _, name in _EXPORT.findall(text)]


def _scope(text: str, number: int, numbers: dict[str, int]) -> str:
    body = _IMPORT.sub(lambda found: f"const {{ {found[1]} }} = $0{numbers[found[2]]};", text)
    body = _EXPORT.sub(r"\1 \2", body)
    left = _OTHER.search(body)
    if left:
        raise ValueError(f"cannot be put into one file: {left[0]}")
    return f"const $0{number} = (() => {{\n{body.rstrip()}\nreturn {{ {', '.join(_names(text))} }};\n}})();\n"

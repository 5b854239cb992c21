"""Script modules become one file: each in a scope of its own, once, what it needs before it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from broker.look.whole import whole


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    def write(**modules: str) -> Path:
        for name, text in modules.items():
            (tmp_path / f"{name}.js").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_each_module_comes_once_before_those_that_need_it(folder: Callable[..., Path]) -> None:
    made = whole(
        folder(
            a='import { b } from "./b.js";\nimport { c } from "./c.js";\nb(c);\n',
            b='import { c } from "./c.js";\nexport function b() { return c; }\n',
            c="export const c = 1;\n",
        ),
        "a.js",
    )
    assert made.count("const c = 1") == 1
    assert made.index("const c = 1") < made.index("function b()") < made.index("b(c)")
    assert "import" not in made
    assert "export" not in made


def test_each_module_has_a_scope_of_its_own_and_the_file_exports_what_its_entry_does(
    folder: Callable[..., Path],
) -> None:
    made = whole(
        folder(
            a='import { one } from "./b.js";\nconst LIMIT = 1;\nexport function two() { return LIMIT + one(); }\n',
            b="const LIMIT = 2;\nexport function one() { return LIMIT; }\n",
        ),
        "a.js",
    )
    assert made == (
        "const $00 = (() => {\nconst LIMIT = 2;\nfunction one() { return LIMIT; }\nreturn { one };\n})();\n"
        "const $01 = (() => {\nconst { one } = $00;\nconst LIMIT = 1;\n"
        "function two() { return LIMIT + one(); }\nreturn { two };\n})();\n"
        "export const { two } = $01;\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        'import a from "./b.js";',
        'import * as a from "./b.js";',
        'import { a as b } from "./b.js";',
        'import { a } from "https://example.org/b.js";',
        "export default 1;",
        "export { a };",
        'export * from "./b.js";',
        "export let a = 1;",
    ],
)
def test_a_form_it_does_not_know_is_refused(folder: Callable[..., Path], line: str) -> None:
    with pytest.raises(ValueError, match="cannot be put into one file"):
        whole(folder(a=f"{line}\n", b="export const a = 1;\n"), "a.js")


def test_modules_that_import_each_other_are_refused_and_a_missing_one_is_named(
    folder: Callable[..., Path],
) -> None:
    circle = folder(
        a='import { b } from "./b.js";\nexport const a = 1;\n',
        b='import { a } from "./a.js";\nexport const b = 1;\n',
        c='import { d } from "./d.js";\n',
    )
    with pytest.raises(ValueError, match=r"a\.js → b\.js"):
        whole(circle, "a.js")
    with pytest.raises(FileNotFoundError, match=r"d\.js"):
        whole(circle, "c.js")


def test_a_word_in_a_text_is_no_import(folder: Callable[..., Path]) -> None:
    text = "const said = " + json.dumps("nothing to import here") + ";\n"
    assert "nothing to import" in whole(folder(a=text), "a.js")

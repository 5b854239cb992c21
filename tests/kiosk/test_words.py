"""Every word of the screen is in the English catalogue, and the catalogue has nothing the screen does not say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import polib

import kiosk
from broker.look.procedure import sentences_of
from kiosk.content import shipped
from kiosk.pages.feedback import SPOTS, TOPICS
from kiosk.pages.village import doors_of
from tests.fakes.house import set_stage

ROOM = Path(kiosk.__file__).parent
QUOTED = r"""_\((?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')"""


def said_in_templates() -> set[str]:
    found = set()
    for file in ROOM.glob("templates/*.html"):
        for match in re.finditer(QUOTED, file.read_text(encoding="utf-8")):
            found.add((match[1] or match[2]).replace("\\u00a0", "\u00a0"))
    return found


def said_in_code() -> set[str]:
    found = set()
    for file in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say":
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.add(first.value)
    return found


def chosen_by_data() -> set[str]:
    events = shipped().life_events
    return (
        {each.title for each in events}
        | {each.hint for each in events}
        | {each.words for each in (*TOPICS, *SPOTS) if each.words}
        | {each.words for each in doors_of(set_stage().house)}
    )


def asked_by_content() -> set[str]:
    """Titles of fields, and what the questions of life events say."""
    questions = [question for event in shipped().life_events for question in event.questions]
    choices = [choice for question in questions for choice in question.choices]
    return (
        {each.title for each in shipped().bundle.fields}
        | {text for each in questions for text in (each.title, each.why)}
        | {text for each in choices for text in (each.title, each.hint) if text}
    )


def test_a_long_line_is_never_cut_inside_brackets() -> None:
    line = "Ở xã (nộp được ở nơi khác; hỏi trước. Có nơi không); trên mạng cũng được"
    assert sentences_of(line) == [
        "Ở xã (nộp được ở nơi khác; hỏi trước. Có nơi không).",
        "Trên mạng cũng được.",
    ]
    for procedure in shipped().procedures.values():
        for line in (procedure.processing_time, procedure.where, *(fee.text for fee in procedure.fees)):
            assert all(said.count("(") == said.count(")") for said in sentences_of(line)), line


def catalogue(folder: str = "catalogues") -> dict[str, str]:
    return {each.msgid: each.msgstr for each in polib.pofile(str(ROOM / folder / "en.po"))}


def test_every_word_of_the_screen_has_an_english_one() -> None:
    words = catalogue()
    missing = sorted((said_in_templates() | said_in_code() | chosen_by_data()) - set(words))
    assert missing == []
    assert [key for key, said in words.items() if not said] == []


def test_every_question_of_the_content_has_an_english_one_and_no_old_one_is_left() -> None:
    words = catalogue("shipped")
    assert sorted(asked_by_content() - set(words)) == []
    assert sorted(set(words) - asked_by_content()) == []
    assert [key for key, said in words.items() if not said] == []


def test_english_keeps_the_places_of_the_values() -> None:
    for key, said in catalogue().items():
        assert sorted(re.findall(r"%\(\w+\)s|\{\w+\}", key)) == sorted(re.findall(r"%\(\w+\)s|\{\w+\}", said))

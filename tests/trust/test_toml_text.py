"""What is written as TOML is read back as it was."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from broker.trust.toml_text import toml_text

NAMES = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
PLAIN = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f")),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUES = PLAIN | st.lists(
    st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\x7f")), max_size=3
)


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), max_size=4))
def test_tables_come_back(tables):
    assert tomllib.loads(toml_text(tables)) == tables


def test_lists_of_tables_come_back_inside_each_other():
    tables = {
        "board": {"ports": [{"port": "/dev/x", "devices": [{"address": 1}, {"address": 2}]}, {"port": "y"}]}
    }
    assert tomllib.loads(toml_text(tables)) == tables


def test_the_head_is_a_comment():
    assert toml_text({"a": {"b": 1}}, "Hello\nworld").startswith("# Hello\n# world\n\n[a]\n")

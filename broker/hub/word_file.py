"""The commune's own words as a TOML file, for another machine and for `langso say`."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping

from broker.hub.declined import Declined
from broker.hub.words import MOST_WORDS, in_order

LARGEST_FILE = 64 * 1024
"""Bytes: a full table takes a good half of it."""
_LONGEST_LINE = 400
_KEY = r"(?:[A-Za-z0-9_-]+|\"(?:[^\"\\]|\\.)*\"|'[^']*')"
_LINE = re.compile(rf"\s*(?:#.*|\[\s*{_KEY}\s*\]\s*(?:#.*)?|{_KEY}\s*=\s*[^\[{{\s].*)?")
"""All that such a file needs: nothing, a remark, a table's name, a key with one value. No dots, lists or tables in it:
a parser would go as deep as they do."""


def words_of_file(data: bytes) -> dict[str, object]:
    """The table `words` of a TOML file. Raises Declined with the line that is wrong."""
    if len(data) > LARGEST_FILE:
        raise Declined("large-file", f"Tệp lớn quá {LARGEST_FILE // 1024} kB; xin chia nhỏ.")
    try:
        text = data.decode("utf-8-sig")
        for number, line in enumerate(text.split("\n"), 1):
            if len(line) > _LONGEST_LINE or _LINE.fullmatch(line.removesuffix("\r")) is None:
                raise _wrong(f" ở dòng {number}")
        found = tomllib.loads(text).get("words")
    except UnicodeDecodeError as why:
        raise Declined(
            "bad-file", "Tệp này không phải tệp chữ UTF-8; xin chọn tệp tải về từ trang này."
        ) from why
    except (ValueError, RecursionError) as why:  # a value that no parser takes, beside TOMLDecodeError
        place = re.search(r"line (\d+)", str(why))
        raise _wrong(f" ở dòng {place[1]}" if place else "") from why
    if not isinstance(found, dict) or not found:
        raise Declined("no-words-in-file", "Tệp không có từ nào dưới dòng [words].")
    if len(found) > MOST_WORDS:
        raise Declined("many-entries", f"Tệp có hơn {MOST_WORDS} từ; xin chia nhỏ.")
    return found


def _wrong(where: str) -> Declined:
    return Declined("bad-file", f'Tệp viết sai{where}; mỗi dòng có dạng "NVH" = "nhà văn hoá".')


def file_of(words: Mapping[str, str], head: str) -> str:
    """The words as a TOML file that `words_of_file` and `langso say` read. `head`: one line about it."""
    lines = [f"{_quoted(written)} = {_quoted(said)}" for written, said in in_order(words)]
    return "\n".join([f"# {head}", "[words]", *lines, ""])


def _quoted(words: str) -> str:
    return json.dumps(words, ensure_ascii=False)

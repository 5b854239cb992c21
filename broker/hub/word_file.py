"""The commune's own words as a TOML file, for another machine and for `langso say`."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping

from broker.hub.declined import Declined
from broker.hub.words import MOST_WORDS, in_order


def words_of_file(data: bytes) -> dict[str, object]:
    """The table `words` of a TOML file. Raises Declined with the line that is wrong."""
    try:
        found = tomllib.loads(data.decode("utf-8-sig")).get("words")
    except UnicodeDecodeError as why:
        raise Declined(
            "bad-file", "Tệp này không phải tệp chữ UTF-8; xin chọn tệp tải về từ trang này."
        ) from why
    except tomllib.TOMLDecodeError as why:
        line = re.search(r"line (\d+)", str(why))
        where = f" ở dòng {line[1]}" if line else ""
        raise Declined("bad-file", f'Tệp viết sai{where}; mỗi dòng có dạng "NVH" = "nhà văn hoá".') from why
    if not isinstance(found, dict) or not found:
        raise Declined("no-words-in-file", "Tệp không có từ nào dưới dòng [words].")
    if len(found) > MOST_WORDS:
        raise Declined("many-entries", f"Tệp có hơn {MOST_WORDS} từ; xin chia nhỏ.")
    return found


def file_of(words: Mapping[str, str], head: str) -> str:
    """The words as a TOML file that `words_of_file` and `langso say` read. `head`: one line about it."""
    lines = [f"{_quoted(written)} = {_quoted(said)}" for written, said in in_order(words)]
    return "\n".join([f"# {head}", "[words]", *lines, ""])


def _quoted(words: str) -> str:
    return json.dumps(words, ensure_ascii=False)

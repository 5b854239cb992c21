"""The commune's own words: abbreviations and names that are said its way wherever an announcement writes them.

They stand in the setting "lexicon" as {written: said}. Nothing that was sent for approval changes with them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from broker.hub.declined import Declined
from broker.hub.fixed_words import is_fixed, sound
from broker.hub.records import put_setting, setting, write_audit
from broker.speech.letters import is_syllable
from broker.speech.lexicon import Lexicon, load
from broker.speech.normalise import normalise
from broker.speech.numbers import cardinal

SETTING = "lexicon"
EDITORS = ("editor", "approver")
"""Who may change them."""
MOST_WORDS = 1000
LONGEST_WRITTEN = 40
LONGEST_SAID = 120
CARRIER = "Bà con đến {} để được hướng dẫn."
"""A sentence to try a word in that no announcement has used yet."""

_INVISIBLE = ("Cc", "Cf", "Cs", "Co")
_PROBE = "la la la"
_PLACE = CARRIER.index("{")


@dataclass
class Taken:
    """What became of the words of a file."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    same: int = 0
    left: list[tuple[str, str]] = field(default_factory=list)
    """Words that were not taken, each with the sentence why not."""
    overriding: list[tuple[str, str]] = field(default_factory=list)
    """Words that were taken and until now were read otherwise, each with the sentence how."""


def own_words(db: Session) -> dict[str, str]:
    """The commune's own words, written → said; an entry that is no text is left out."""
    found = setting(db, SETTING, {})
    items = found.items() if isinstance(found, dict) else ()
    return {str(written): said for written, said in items if isinstance(said, str)}


def checked(written: str, said: str) -> tuple[str, str]:
    """A word and how it is said, tidied.

    Raises Declined: what is said is not pure words, a rule of the reader takes the word before the table does, or
    its meaning is not the commune's to change.
    """
    written, said = _tidy(written), _tidy(said)
    _refuse_unwritable(written)
    if is_fixed(written):
        raise Declined(
            "fixed-word",
            f"“{written}” là tiếng chỉ số, giờ giấc, hướng, việc được làm hay không; đọc khác đi thì bà con nghe sai "
            "bản tin, nên máy luôn đọc đúng như viết.",
        )
    _refuse_unsayable(said)
    if _is_taken(written):
        return written, said
    if " " in written:
        raise Declined(
            "many-words", "Mỗi lần ghi một từ liền, không có dấu cách; tên nhiều chữ thì ghi từng chữ."
        )
    raise Declined("not-a-word", f"Máy đọc “{written}” theo luật về số và dấu, chưa đặt cách đọc riêng được.")


def _is_taken(written: str) -> bool:
    """Whether the reader looks a word up in the table at all, before a rule of figures or signs takes it."""
    spoken = normalise(CARRIER.format(written), load().with_words({written: _PROBE}))
    place = (_PLACE, _PLACE + len(written))
    said = {
        (span.written_start, span.written_end): spoken.text[span.spoken_start : span.spoken_end].strip()
        for span in spoken.spans
    }
    return said.get(place) == _PROBE and all((doubt.start, doubt.end) != place for doubt in spoken.doubts)


def put_word(db: Session, written: str, said: str, by: str, now: datetime) -> str:
    """Add a word, or change how it is said. Returns the word as it is kept. Raises Declined."""
    written, said = checked(written, said)
    own = own_words(db)
    before = own.get(written)
    if before == said:
        return written
    if before is None and len(own) >= MOST_WORDS:
        raise Declined("many-entries", f"Bảng từ đã có {MOST_WORDS} từ; xin bỏ bớt từ không còn dùng.")
    put_setting(db, SETTING, {**own, written: said}, now)
    if before is None:
        write_audit(db, now, by, "word.added", written, {"said": said})
    else:
        write_audit(db, now, by, "word.changed", written, {"said": said, "was": before})
    return written


def remove_word(db: Session, written: str, by: str, now: datetime) -> str:
    """Take a word away; returns how it was said. Raises Declined when it is not there."""
    own = own_words(db)
    if written not in own:
        raise Declined("no-word", "Từ này không còn trong bảng từ của xã.")
    put_setting(db, SETTING, {key: said for key, said in own.items() if key != written}, now)
    write_audit(db, now, by, "word.removed", written, {"was": own[written]})
    return own[written]


def sift(words: Mapping[str, object]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Words of a file that can be said, tidied; and the others, each with the sentence why not. A millisecond each."""
    good: dict[str, str] = {}
    left: list[tuple[str, str]] = []
    for raw, wanted in words.items():
        try:
            if not isinstance(wanted, str):
                raise Declined("not-text", "Cách đọc trong tệp phải là chữ, đặt trong dấu ngoặc kép.")
            written, said = checked(raw, wanted)
        except Declined as why:
            left.append((raw[:LONGEST_WRITTEN], str(why)))
        else:
            good[written] = said
    return good, left


def put_words(db: Session, words: Mapping[str, str], by: str, now: datetime) -> Taken:
    """Add and change words that were sifted, all or none. Raises Declined when the table would grow too long."""
    own, taken = own_words(db), Taken()
    together = {**own, **words}
    if len(together) > MOST_WORDS:
        raise Declined("many-entries", f"Bảng từ chỉ chứa {MOST_WORDS} từ; xin bỏ bớt từ không còn dùng.")
    put_setting(db, SETTING, together, now)
    for written, said in words.items():
        before = own.get(written)
        if before == said:
            taken.same += 1
        elif before is None:
            taken.added.append(written)
            write_audit(db, now, by, "word.added", written, {"said": said})
        else:
            taken.changed.append(written)
            write_audit(db, now, by, "word.changed", written, {"said": said, "was": before})
    taken.overriding = [
        (written, warning_of(written, words[written]))
        for written in (*taken.added, *taken.changed)
        if is_overriding(written, words[written]) or _is_everyday(written)
    ]
    return taken


def in_order(words: Mapping[str, str]) -> list[tuple[str, str]]:
    """Words as people look for them, whatever their marks and capitals."""

    def plain(entry: tuple[str, str]) -> tuple[str, str]:
        bare = unicodedata.normalize("NFD", entry[0].casefold().replace("đ", "dz"))
        return "".join(char for char in bare if not unicodedata.combining(char)), entry[0]

    return sorted(words.items(), key=plain)


def warning_of(written: str, said: str) -> str:
    """What else becomes of a word that the commune says its own way; empty when nothing does."""
    shipped = load()
    known = _shipped(shipped, written)
    if written in shipped.senses:
        return f"Máy vốn tự chọn cách đọc “{written}” theo câu; ghi vào đây thì câu nào cũng đọc “{said}”."
    if len(known) > 1:
        return (
            f"“{written}” có nhiều nghĩa ({', '.join(known[:3])}), máy vốn hỏi lại mỗi lần; "
            f"ghi vào đây thì câu nào cũng đọc “{said}”."
        )
    if known and sound(known[0]) != sound(said):
        return f"Máy vốn đọc “{written}” là “{known[0]}”; cách của xã thay cho cách ấy."
    if known:
        return f"Máy vốn đã đọc “{written}” như vậy, không cần ghi thêm."
    if _is_everyday(written):
        return f"“{written}” là tiếng thường dùng: mọi câu viết “{written}” sẽ đọc là “{said}”."
    return ""


def is_overriding(written: str, said: str) -> bool:
    """Whether the reader would say a word otherwise, or choose by its sentence, if it did not stand in the table."""
    shipped = load()
    known = _shipped(shipped, written)
    return written in shipped.senses or len(known) > 1 or any(sound(one) != sound(said) for one in known)


def _is_everyday(written: str) -> bool:
    """Whether it is a syllable that a text may have anywhere."""
    return not written.isupper() and is_syllable(written.lower())


def _shipped(lexicon: Lexicon, written: str) -> Sequence[str]:
    found = lexicon.abbreviations.get(written, ())
    word = lexicon.words.get(written.lower())
    return found or ((word,) if word else ())


def _tidy(words: str) -> str:
    return " ".join(unicodedata.normalize("NFC", words).split())


def _refuse_unwritable(written: str) -> None:
    if not written:
        raise Declined("empty-word", "Xin ghi từ như khi viết trong bản tin.")
    if len(written) > LONGEST_WRITTEN:
        raise Declined("long-word", f"Từ dài quá {LONGEST_WRITTEN} chữ, xin ghi ngắn hơn.")
    if any(unicodedata.category(char) in _INVISIBLE for char in written):
        raise Declined("unseen", "Từ có ký tự không nhìn thấy được, xin gõ lại.")


def _refuse_unsayable(said: str) -> None:
    if not said or not any(char.isalpha() for char in said):
        raise Declined("empty-said", "Xin ghi cách đọc bằng chữ.")
    if len(said) > LONGEST_SAID:
        raise Declined("long-said", f"Cách đọc dài quá {LONGEST_SAID} chữ, xin ghi ngắn hơn.")
    digits = re.search(r"\d+", said)
    if digits:
        number = digits[0][:12]
        words = cardinal(int(number)) if number.isascii() and number == digits[0] else "chữ"
        raise Declined("digits", f"Cách đọc có chữ số “{number}”; xin viết thành chữ: “{words}”.")
    sign = next((char for char in said if not (char.isalpha() or char in " ,-")), "")
    if sign:
        raise Declined("signs", f"Cách đọc có dấu “{sign}”; chỉ dùng chữ, dấu phẩy và gạch nối.")
    spoken = normalise(said, load())
    for span in spoken.spans:
        piece = said[span.written_start : span.written_end]
        words = spoken.text[span.spoken_start : span.spoken_end].strip()
        if any(char.isalpha() for char in piece) and words.casefold() != piece.casefold():
            raise Declined("shortened", f"“{piece}” trong cách đọc còn viết tắt; xin viết đủ: “{words}”.")

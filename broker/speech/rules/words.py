"""Abbreviations, foreign words and headings in capitals: each token looked up, unknown capitals doubted."""

from __future__ import annotations

import re

from broker.speech.draft import Claim, Draft
from broker.speech.letters import bare, has_marks, is_syllable, spelled
from broker.speech.lexicon import Lexicon
from broker.speech.numbers import cardinal
from broker.speech.rules.patterns import ALTERNATIVES, AMOUNT_NEAR, LETTER, SOWN, VARIETY

# A token may hold inner marks: "GD&ĐT", "KT-XH", "V/v", "TP.HCM".
_TOKEN = re.compile(rf"(?<![\w@]){LETTER}[^\W_]*(?:(?:\s?&\s?|[.\-–/]){LETTER}[^\W_]*)*")
_PART = re.compile(r"[^\W_]+")
_LONGEST_ENTRY = 6
"""Parts an entry of the lexicon may have."""


def claim(draft: Draft, lexicon: Lexicon) -> None:
    """Claim what the lexicon knows and doubt the capitals it does not know."""
    found = list(_TOKEN.finditer(draft.mask))
    taken: list[tuple[int, int]] = []
    for number, match in enumerate(found):
        token = match[0]
        lower = token.lower()
        if lower not in lexicon.keys and (len(token) == 1 or (not token.isupper() and is_syllable(lower))):
            continue  # an ordinary word
        is_heading = (number > 0 and _touch(draft, found[number - 1], match, found[number - 1])) or (
            number + 1 < len(found) and _touch(draft, match, found[number + 1], found[number + 1])
        )
        for one in _read(draft, match, lexicon, is_heading=is_heading):
            draft.add(one)
            taken.append((one.start, one.end))
    draft.blot(taken)


def is_shouted(token: str) -> bool:
    """Whether a token is a syllable in capitals, as headings are written."""
    return len(token) > 1 and token.isupper() and is_syllable(token)


def _touch(draft: Draft, one: re.Match[str], other: re.Match[str], neighbour: re.Match[str]) -> bool:
    """Whether two tokens stand side by side on one line, and the neighbour is a syllable in capitals."""
    return (
        other.start() - one.end() <= 3
        and "\n" not in draft.mask[one.end() : other.start()]
        and is_shouted(neighbour[0])
    )


def _read(draft: Draft, match: re.Match[str], lexicon: Lexicon, *, is_heading: bool) -> list[Claim]:
    """The claims inside one token: the longest part the lexicon knows, then the rest in the same way."""
    base, text = match.start(), match[0]
    parts = [part.span() for part in _PART.finditer(text)]
    out: list[Claim] = []
    is_name = _is_stage_name(text)
    at = 0
    while at < len(parts):
        start = parts[at][0]
        for upto in range(min(len(parts), at + _LONGEST_ENTRY), at, -1):
            key = text[start : parts[upto - 1][1]].replace(" ", "")
            place = (base + start, base + parts[upto - 1][1])
            meanings = _meanings(draft, key, place, lexicon, is_heading=is_heading)
            if meanings:
                break
        else:
            upto = at + 1
            key = text[start : parts[at][1]]
            if key.isalpha() and _STORM.search(draft.before(base + start, 16)):
                at = upto
                continue  # "bão CALMAEGI": a name
            meanings = _guess(key, is_heading=is_heading or not _is_alone(draft, match), lexicon=lexicon)
        end = parts[upto - 1][1]
        if meanings:
            stop = _title_stop(draft, key, base + end, lexicon)
            is_doubtful = len(meanings) > 1 or not _is_known(key, lexicon) or is_name
            out.append(Claim(base + start, base + end + stop, meanings[0], meanings, is_doubtful))
        if upto < len(parts):
            joint = _joint(draft, text, (start, end), parts[upto], base)
            if joint is None and meanings and text[end : parts[upto][0]].strip() in ("-", "–"):
                joint = Claim(base + end, base + parts[upto][0], ",")  # "HĐND-UBND"
            if joint is not None:
                out.append(joint)
        at = upto
    return out


def _is_stage_name(token: str) -> bool:
    """Whether one capital is tied to others by a dash: "M-TP" is no town."""
    return "-" in token and any(
        len(part) == 1 and part.isupper() and part != "E" for part in token.split("-")
    )


_JOINTS = {"&": "và", "/": "hoặc"}


def _joint(draft: Draft, text: str, one: tuple[int, int], other: tuple[int, int], base: int) -> Claim | None:
    """What is said for the sign between two parts of a token; a stroke is plain only between well-known pairs."""
    mark = text[one[1] : other[0]].strip()
    if mark not in _JOINTS:
        return None
    start, end = base + one[1], base + other[0]
    if mark == "&":
        return Claim(start, end, "và")
    if min(one[1] - one[0], other[1] - other[0]) == 1 and text[one[0] : one[1]].isupper():
        return Claim(start, end, ",")  # "cúm A/H5N1"
    if f"{text[one[0] : one[1]]}{mark}{text[other[0] : other[1]]}".lower() in ALTERNATIVES:
        return Claim(start, end, "hoặc")
    if AMOUNT_NEAR.search(draft.before(start)):
        return Claim(start, end, "một", ("một", "hoặc", "trên", ","), is_doubtful=True)
    return Claim(start, end, "hoặc", ("hoặc", "và", "trên", "một"), is_doubtful=True)


def _meanings(
    draft: Draft, key: str, place: tuple[int, int], lexicon: Lexicon, *, is_heading: bool
) -> tuple[str, ...]:
    """What the lexicon says of a key among its neighbours; in a heading "CA" and "BAN" are syllables first."""
    senses = lexicon.senses.get(key)
    if senses is not None:
        before, after = draft.before(place[0], 40), draft.after(place[1], 40)
        for sense in senses:
            if (sense.before is None or sense.before.search(before)) and (
                sense.after is None or sense.after.match(after)
            ):
                return (sense.said,)
    if not (is_heading and is_syllable(key)):
        found = lexicon.abbreviations.get(key)
        if found:
            return found
    numbered = _NUMBERED.fullmatch(key)
    if numbered:
        found = _with_number(draft, numbered[1], numbered[2], place, lexicon)
        if found:
            return found
    said = lexicon.words.get(key.lower())
    if said:
        return (said,)
    is_short = len(key) < 4 and any(char in _VOWELS for char in bare(key.lower()))  # "who", "etc"
    if len(key) > 1 and not is_short and not key.isupper() and key[1:].islower() and not is_syllable(key):
        # "ubnd", "Cccd": written without their capitals.
        return lexicon.abbreviations.get(key.upper(), ())
    return ()


_NUMBERED = re.compile(r"([A-ZĐƯ]{2,6})([1-9]\d{0,2})")


_STORM = re.compile(r"(?<!\w)bão\s(?:số\s\d+\s)?\(?(?:tên )?$")


def _with_number(
    draft: Draft, letters: str, figures: str, place: tuple[int, int], lexicon: Lexicon
) -> tuple[str, ...]:
    """ "VTV5", "TDP3", "NĐ168": an abbreviation with its number; a variety of rice keeps its letters."""
    meanings = lexicon.abbreviations.get(letters, ())
    number, before = cardinal(int(figures)), draft.before(place[0], 60)
    senses = [one for one in lexicon.senses.get(letters, ()) if one.after and one.after.match(f" {figures}")]
    for sense in senses:
        if sense.before is not None and sense.before.search(before):
            return (f"{sense.said} {number}",)
    if not meanings or VARIETY.search(before):
        return ()
    if SOWN.search(before):
        return (f"{spelled(letters)} {number}",)  # "cấy BC15 và TBR225"
    for sense in senses:
        if sense.before is None:
            return (f"{sense.said} {number}",)
    readings = [f"{one} {number}" for one in meanings]
    return tuple(readings) if len(readings) == 1 else (f"{spelled(letters)} {number}", *readings)


def _is_known(key: str, lexicon: Lexicon) -> bool:
    return (
        key in lexicon.abbreviations
        or key in lexicon.senses
        or key.lower() in lexicon.words
        or key.upper() in lexicon.abbreviations
        or _NUMBERED.fullmatch(key) is not None
    )


def _guess(key: str, *, is_heading: bool, lexicon: Lexicon) -> tuple[str, ...]:
    """Readings of capitals that nobody explained; nothing for an ordinary word."""
    if key in lexicon.names or len(key) == 1 or not key.isalpha():
        return ()  # letters with figures are read by rules/figures.py
    if not any(char.isupper() for char in key[1:]):
        is_word = any(char in _VOWELS for char in bare(key.lower()))
        return () if is_word else (spelled(key), key.lower())
    if key.isupper() and is_syllable(key) and (has_marks(key) or is_heading):
        return ()
    letters = spelled(key)
    if not key.isupper() and _BRAND.fullmatch(key):
        return (key, letters)  # "AstraZeneca": a name of two words
    readings = (letters, key.lower()) if is_syllable(key) else (letters,)
    return tuple(dict.fromkeys(filter(None, readings)))


_VOWELS = frozenset("aăâeêioôơuưy")
_BRAND = re.compile(r"(?:[A-Z][a-z]+|[A-Z]{2,3}(?=[A-Z][a-z])|[a-z]+)(?:[A-Z][a-z]+)+")


def _is_alone(draft: Draft, match: re.Match[str]) -> bool:
    """Whether a token is all its line says; a lone syllable in capitals is then a heading too."""
    line_start = draft.text.rfind("\n", 0, match.start()) + 1
    return bool(draft.text[line_start : match.start()].strip()) or bool(
        draft.text[match.end() :].partition("\n")[0].strip(" :.")
    )


def _title_stop(draft: Draft, key: str, end: int, lexicon: Lexicon) -> int:
    """1 where the full stop after "TP", "BS" or "KP" only shortens the word and ends no sentence."""
    if draft.text[end : end + 1] != ".":
        return 0
    if draft.text[end + 1 : end + 2].isdigit():
        return 1  # "KP.3"
    following = draft.text[end + 1 : end + 3].lstrip()
    return 1 if key in lexicon.titles and following[:1].isupper() else 0

"""Numbers in Vietnamese words. Pure; every function takes plain strings or ints and returns words."""

from __future__ import annotations

_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_SCALES = ("", "nghìn", "triệu")


def digits(text: str) -> str:
    """Digit by digit, as telephone numbers are said: "113" → "một một ba". Other signs are skipped."""
    return " ".join(_DIGITS[int(char)] for char in text if char in "0123456789")


def cardinal(number: int) -> str:
    """A whole number: 105 → "một trăm linh năm"; 0 ≤ number. Above 10^18 it is said digit by digit."""
    if number < 10:
        return _DIGITS[number]
    if number >= 10**18:
        return digits(str(number))
    billions, rest = divmod(number, 10**9)
    if billions:
        head = cardinal(billions) + " tỷ"
        return f"{head} {_below_billion(rest, is_inner=True)}" if rest else head
    return _below_billion(rest, is_inner=False)


def _below_billion(number: int, *, is_inner: bool) -> str:
    words: list[str] = []
    for power in (2, 1, 0):
        group = number // 1000**power % 1000
        if group:
            words.append(_below_thousand(group, is_inner=is_inner or bool(words)))
            if power:
                words.append(_SCALES[power])
    return " ".join(words)


def _below_thousand(number: int, *, is_inner: bool) -> str:
    """Three digits; inner groups say their empty hundreds: 1 024 → "một nghìn không trăm hai mươi tư"."""
    hundreds, rest = divmod(number, 100)
    words = [f"{_DIGITS[hundreds]} trăm"] if hundreds or is_inner else []
    tens, ones = divmod(rest, 10)
    if tens == 0 and ones:
        words.append(f"linh {_DIGITS[ones]}" if words else _DIGITS[ones])
    elif tens == 1:
        words.append("mười" if not ones else f"mười {'lăm' if ones == 5 else _DIGITS[ones]}")
    elif tens:
        words.append(f"{_DIGITS[tens]} mươi")
        if ones:
            words.append({1: "mốt", 4: "tư", 5: "lăm"}.get(ones, _DIGITS[ones]))
    return " ".join(words)


def decimal(whole: str, fraction: str) -> str:
    """A number with a decimal comma: ("12", "75") → "mười hai phẩy bảy mươi lăm"; zeros are kept."""
    if (len(fraction) == 2 and fraction[0] != "0") or (len(fraction) == 3 and fraction[0] != "0"):
        tail = cardinal(int(fraction))
    else:
        tail = digits(fraction)
    return f"{cardinal(int(whole))} phẩy {tail}"


_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def roman(text: str) -> int | None:
    """The value of a Roman numeral in capitals, None for one that is not well formed."""
    total = 0
    for char, following in zip(text, f"{text[1:]} ", strict=False):
        value = _ROMAN.get(char, 0)
        total += -value if value < _ROMAN.get(following, 0) else value
    return total if text and to_roman(total) == text else None


def to_roman(number: int) -> str:
    """A number as a Roman numeral; the empty string outside 1 … 3999."""
    if not 0 < number < 4000:
        return ""
    marks = (
        *((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L")),
        *((40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")),
    )
    out = ""
    for value, mark in marks:
        count, number = divmod(number, value)
        out += mark * count
    return out

"""What a villager types, made comparable: without marks, without dialect, without Telex residue, by sound. Pure."""

from __future__ import annotations

import re
import unicodedata

_TOKEN = re.compile(r"[^\W_]+")

DIALECT = {
    "tui": "toi", "tau": "toi", "choa": "toi", "mi": "may", "bay": "may", "mo": "dau", "rang": "sao", "ri": "nay",
    "ni": "nay", "nớ": "do", "te": "kia", "chi": "gi", "man": "lam", "mun": "muon", "vo": "vao", "ve": "vao",
    "sanh": "sinh", "chanh": "chinh", "lanh": "nhan", "nhon": "nhan", "nhut": "nhat", "nhơn": "nhan", "bịnh": "benh",
    "thơ": "thu", "tánh": "tinh", "mạng": "menh", "phước": "phuc", "huỳnh": "hoang", "võ": "vu", "kiếng": "kinh",
    "mệ": "ba", "mạ": "me", "má": "me", "u": "me", "bầm": "me", "bủ": "ba", "ba": "bo", "tía": "bo", "cha": "bo",
    "thầy": "bo", "noi": "nuoi", "bong": "be", "xai": "dung", "hun": "hon", "kiem": "tim", "heo": "lon", "trâu": "bo",
    "o": "co", "dì": "co", "cậu": "chu", "mự": "thim", "eng": "anh", "ả": "chi", "út": "con", "nhỏ": "tre",
    "sắp": "dam", "chết": "mat", "đau": "om", "bển": "do", "hổng": "khong", "hông": "khong", "hem": "khong",
    "nỏ": "khong", "chừ": "gio", "giừ": "gio", "bây": "may", "trỏng": "trong", "ngoải": "ngoai", "đàng": "duong",
    "lộ": "duong", "ruộng": "dat", "rẫy": "dat", "vườn": "dat", "mượn": "vay", "mướn": "thue", "biểu": "bao",
    "cúng": "tho", "đẻ": "sinh", "sinh": "de", "mất": "chet", "cưới": "hon", "lấy": "hon", "vợ": "hon",
}  # fmt: skip
"""A word of a region or of every day → a folded word that the content may have instead. A key with marks counts
only when it was typed with them; one without counts for every way of marking it."""

SHORT = {
    "bhyt": "bảo hiểm y tế", "bhxh": "bảo hiểm xã hội", "cccd": "căn cước công dân", "cmnd": "chứng minh nhân dân",
    "cmt": "chứng minh thư", "cm": "chứng minh", "gks": "giấy khai sinh", "ks": "khai sinh",
    "dkkh": "đăng ký kết hôn", "đkkh": "đăng ký kết hôn", "shk": "sổ hộ khẩu", "hk": "hộ khẩu",
    "hktt": "hộ khẩu thường trú", "kt3": "tạm trú", "gcn": "giấy chứng nhận", "qsdd": "quyền sử dụng đất",
    "qsdđ": "quyền sử dụng đất", "gplx": "giấy phép lái xe", "nvqs": "nghĩa vụ quân sự", "lltp": "lý lịch tư pháp",
    "dk": "đăng ký", "đk": "đăng ký", "xn": "xác nhận", "ko": "không", "k": "không", "hok": "không", "kg": "không",
    "dc": "được", "đc": "được", "dx": "được", "j": "gì", "vs": "với", "ntn": "như thế nào", "lm": "làm",
    "mk": "mình", "ubnd": "uỷ ban", "hs": "hồ sơ", "sđ": "sổ đỏ", "hkd": "hộ kinh doanh", "cc": "căn cước",
    "hn": "hộ nghèo", "nct": "người cao tuổi", "nkt": "người khuyết tật",
}  # fmt: skip
"""What people write short, written out."""

_TELEX_TONES = str.maketrans({"s": "", "f": "", "r": "", "x": "", "j": ""})
_TELEX_PAIRS = (
    ("dd", "d"),
    ("aa", "a"),
    ("ee", "e"),
    ("oo", "o"),
    ("aw", "a"),
    ("ow", "o"),
    ("uw", "u"),
    ("w", "u"),
)

_SOUNDS = (
    (re.compile("^ngh"), "ng"),
    (re.compile("^gh"), "g"),
    (re.compile("^(gi|r|v)(?=[aeiouy])"), "d"),
    (re.compile("^tr"), "ch"),
    (re.compile("^s"), "x"),
    (re.compile("^(k|q)(?=[aeiouy])"), "c"),
    (re.compile("^l"), "n"),
    (re.compile("y"), "i"),
    (re.compile("ng$"), "n"),
    (re.compile("c$"), "t"),
)


def tokens(text: str) -> list[str]:
    """Words of a text, lower case, NFC; glued digits and letters stay together."""
    return _TOKEN.findall(unicodedata.normalize("NFC", text).lower())


def fold(word: str) -> str:
    """The word without marks: `đăng` → `dang`. SQLite's own folding leaves đ, so it is done here."""
    bare = unicodedata.normalize("NFD", word.replace("đ", "d").replace("Đ", "d"))
    return "".join(ch for ch in bare if not unicodedata.combining(ch)).lower()


_TONES = {"\u0300": "2", "\u0301": "1", "\u0303": "4", "\u0309": "3", "\u0323": "5"}


def letters_and_tone(word: str) -> tuple[str, str]:
    """The letters with their hats and hooks, and the tone apart: `hoà`, `hòa` → (`hoa`, `2`); no tone is empty."""
    tone, kept = "", []
    for ch in unicodedata.normalize("NFD", word):
        if ch in _TONES:
            tone = _TONES[ch]
        else:
            kept.append(ch)
    return unicodedata.normalize("NFC", "".join(kept)), tone


def likeness(typed: str, known: str, known_parts: tuple[str, str]) -> float:
    """How sure it is that a typed word means a known, rightly marked one of the same letters (0 to 1).

    Marks left out say little; hỏi and ngã are one in half the country; other marks say that it is another word.
    known_parts: the known word's letters and tone.
    """
    if typed == known:
        return 1.0
    letters, tone = letters_and_tone(typed)
    right, right_tone = known_parts
    if letters == right:
        if tone == right_tone:
            return 1.0
        return 0.93 if not tone or {tone, right_tone} == {"3", "4"} else 0.5
    if typed.isascii():
        return 0.92
    left_out = all(a in (b, fold(b)) for a, b in zip(letters, right, strict=False))
    return 0.7 if left_out and (not tone or tone == right_tone) else 0.3


def sound(folded: str) -> str:
    """Words that many people spell alike get one key: tr/ch, s/x, gi/d/r/v, l/n, final ng/n and c/t, i/y."""
    for pattern, by in _SOUNDS:
        folded = pattern.sub(by, folded)
    return folded


def without_telex(word: str) -> str:
    """A word typed in Telex with the keyboard set to English, folded: `ddawng` → `dang`, `keets` → `ket`."""
    if not word.isascii():
        return fold(word)
    head, tail = word[:1], word[1:]
    plain = head + (tail[:-1] + tail[-1:].translate(_TELEX_TONES) if tail else "")
    for pair, by in _TELEX_PAIRS:
        plain = plain.replace(pair, by)
    return plain


def without_vni(word: str) -> str:
    """A word typed in VNI with the keyboard set to English, folded: `d9a8ng` → `dang`; empty where it is none."""
    if word.isalpha() or not word[:1].isalpha():
        return ""
    return "".join(ch for ch in fold(word) if ch.isalpha())


def deletions(word: str) -> set[str]:
    """The word and what is left of it when one letter falls out: two words one slip apart share one of these."""
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def is_near(a: str, b: str) -> bool:
    """One slip apart: a letter added, left out, changed, or two neighbours swapped."""
    if a == b:
        return True
    if abs(len(a) - len(b)) > 1:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest_a, rest_b = a[start:], b[start:]
    return (
        rest_a[1:] == rest_b[1:]
        or rest_a[1:] == rest_b
        or rest_a == rest_b[1:]
        or (rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:])
    )

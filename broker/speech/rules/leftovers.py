"""What no rule could read: signs with one plain meaning are said, the rest become doubts."""

from __future__ import annotations

import re
import unicodedata

from broker.speech.draft import CLAIMED, Claim, Draft
from broker.speech.numbers import cardinal
from broker.speech.rules.patterns import LETTER

_SIGNS = {
    "&": "và", "+": "cộng", "=": "bằng", "%": "phần trăm", "‰": "phần nghìn", "<": "nhỏ hơn", ">": "lớn hơn",
    "≤": "nhỏ hơn hoặc bằng", "≥": "lớn hơn hoặc bằng", "±": "cộng trừ", "°": "độ", "@": "a còng",
}  # fmt: skip
_PAIRS = {
    ">=": "lớn hơn hoặc bằng",
    "<=": "nhỏ hơn hoặc bằng",
    "+/-": "cộng trừ",
    ">>": "",
    "<<": "",
}
_DROPPED = frozenset("*•·●○■□▪►▶▸◦‣➢«»“”‘’„‟\"'`_|~^†…❖◆★☆¬{}\u00ad\u200b\u200c\u200d\u2060\ufeff\ufe0f#\\")
_ODD = re.compile(rf"[^{LETTER[1:-1]}\s.,;:!?()\-–—\[\]{CLAIMED}]+")
_BETWEEN = re.compile(r"(?<=\d)(?:[.,;:!?]+[\-–—]*|[\-–—]{2,})[.,;:!?\-–—]*(?=\d)|(?<=\d )[\-–—]{2,}(?= \d)")
"""Points and dashes inside of figures, where nobody read them: "5--7", "12..5"."""


def claim(draft: Draft) -> None:
    """Claim every character that is left and is neither letter nor ordinary punctuation."""
    taken = []
    for match in _ODD.finditer(draft.mask):
        start, end = match.span()
        if match[0] in "'’" and _inside_word(draft.text, start):
            continue  # "H'Nhi"
        start -= match[0] == ">" and draft.mask[start - 1 : start] == "-"  # "->"
        one = _read(draft.text, start, end)
        if not one.words and not one.is_doubtful and _changes_figure(draft.text, start, end):
            one = Claim(start, end, "", meanings(draft.text[start:end]), is_doubtful=True)
        draft.add(one)
        taken.append((start, end))
    draft.blot(taken)
    taken = []
    for match in _BETWEEN.finditer(draft.text):
        if CLAIMED not in draft.mask[match.start() : match.end()]:
            draft.add(Claim(*match.span(), ",", ("đến", "phẩy"), is_doubtful=True))
            taken.append(match.span())
    draft.blot(taken)


def _inside_word(text: str, at: int) -> bool:
    return text[at - 1 : at].isalpha() and text[at + 1 : at + 2].isalpha() and at > 0


def _read(text: str, start: int, end: int) -> Claim:
    run = text[start:end]
    if all(char in _DROPPED or _is_picture(char) for char in run):
        return Claim(start, end, "," if _parts(text, start, end) else "")
    if run in _TRENDS and text[end : end + 2].strip()[:1].isdigit():
        return Claim(start, end, _TRENDS[run])
    if run in _ARROWS:
        return _arrow(text, start, end)
    if all(char in _TICKS or char == "\ufe0f" for char in run) and _opens_line(text, start):
        return Claim(start, end, "")
    if run == "/" and text[start - 1 : start] == ".":
        return Claim(start, end, "")  # "./." ends an official text
    if run == "/" and _TWINS.match(text, start - 2) and start > 1:
        return Claim(start, end, ",")  # "4G/5G"
    if run == "/":
        return Claim(start, end, "hoặc", ("hoặc", "trên", "một"), is_doubtful=True)
    if run == "+" and _is_bullet(text, start):
        return Claim(start, end, "")
    if run in "+-" and text[start - 1 : start] == "(":
        return Claim(start, end, "cộng", ("dương tính", "cộng"), is_doubtful=True)  # "test (+)"
    words = _SIGNS.get(run) or _PAIRS.get(run)
    if words is not None and run not in "%‰°@":
        return Claim(start, end, words)
    kept = " ".join(_SIGNS[char] for char in run if char in _SIGNS)
    return Claim(start, end, kept, (kept,) if kept else meanings(run), is_doubtful=True)


def _is_bullet(text: str, at: int) -> bool:
    """ "+ Thời gian: …": a plus that opens a line or a clause heads an item."""
    head = text[max(at - 24, 0) : at].rpartition("\n")[2].rstrip(" \t-")
    is_first = not head or head[-1] in ":;.,"
    return is_first and text[at + 1 : at + 2].isspace() and not text[at + 2 : at + 3].isdigit()


_TWINS = re.compile(r"\d[A-Z]/\d[A-Z](?!\w)")
_TRENDS = {"↓": "giảm", "↑": "tăng", "▼": "giảm", "▲": "tăng", "⬇": "giảm", "⬆": "tăng"}
_STEP = re.compile(r"(?:vào|chọn|bấm|nhấn|mở|truy cập|mục|ứng dụng|menu|tải|đăng nhập)(?!\w)[^;\n]*$", re.I)
_ARROWS = frozenset({"→", "⇒", "➔", "➡", "➡\ufe0f", "⟶", "➝", "->"})
_TICKS = frozenset("✓✔✅☑")
"""Good at the head of a line and nothing more; a cross or "forbidden" there turns what follows into its opposite."""
_TELLING = frozenset("💯🔟🔞🔢🔙🔚🔛🔜🔝🚫🚭🚷🚳🚱📵🔕⛔☐☒♀♂⚀⚁⚂⚃⚄⚅")
_PICTURES = (
    ("\U0001f1e6", "\U0001f1ff"),
    ("\U0001f300", "\U0001f6ff"),
    ("\U0001f900", "\U0001faff"),
    ("☀", "⛿"),
)
_HERALDS = frozenset("📞☎📱📲⏰⏱⌚🗓📅📆📍📌👉📢📣🔔⚠📧📩✉🏠")
"""Pictures that announce the figure behind them: a telephone before its number."""


def _is_picture(char: str) -> bool:
    """Small pictures adorn a text and say nothing; ticks, crosses, arrows, numbers and stars may."""
    if char in _TICKS or char in _TELLING or char in _DROPPED:
        return False
    return any(first <= char <= last for first, last in _PICTURES) or char in _ORNAMENTS


_ORNAMENTS = frozenset("⏰⏱⌚✂✈✉✊✋✌✍✎✏✒❗❕‼❣❤➤➥")
_OPENING = frozenset("\"'“‘«„*")
_CLOSING = {'"': '"', "'": "'", "”": "“„", "’": "‘", "»": "«", "**": "*", "“": "„"}


def _opens_line(text: str, at: int) -> bool:
    """Whether nothing but blanks and marks of lists stands before a place on its line."""
    return not text[max(at - 24, 0) : at].rpartition("\n")[2].strip(" \t:;.-")


def _parts(text: str, start: int, end: int) -> bool:
    """Whether "|", "•" or "·" stands between blanks and parts two things: "Thôn Đông | Thôn Đoài"."""
    is_alone = text[start - 1 : start].isspace() and text[end : end + 1].isspace()
    is_between = text[start - 2 : start - 1].isdigit() and text[end + 1 : end + 2].isdigit()
    return text[start:end] in ("|", "•", "·") and is_alone and not is_between and not _opens_line(text, start)


def _changes_figure(text: str, start: int, end: int) -> bool:
    """Whether a figure stands so near that leaving a sign out might make another figure of it."""
    run = text[start:end]
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    far_before = before if before.strip() else text[start - 2 : start - 1] if start > 1 else ""
    far_after = after if after.strip() else text[end + 1 : end + 2]
    if not far_before.isdigit() and not far_after.isdigit():
        return False
    if run == "…":
        return after.isdigit()
    if all(_is_picture(char) or char == "\ufe0f" for char in run):
        is_herald = run[0] in _HERALDS and not before.isdigit()
        return not is_herald and (before.isdigit() or after.isdigit())
    if _opens_line(text, start) and after.isspace():
        return False  # "* 5 hộ", a mark of a list
    return not _quotes(text, start, end)


def _quotes(text: str, start: int, end: int) -> bool:
    """Whether a run only opens or closes what is quoted or in bold: "Tổ 7", **7 giờ 30**."""
    run, line = text[start:end], text[max(start - 200, 0) : start].rpartition("\n")[2]
    before, after = line[-1:], text[end : end + 1]
    if run != "**" and len(run) > 1:
        return False
    if (
        run in _CLOSING
        and before.strip()
        and not after.isalnum()
        and any(mark in line for mark in _CLOSING[run])
    ):
        return True
    return run[0] in _OPENING and run != "*" and not before.isalnum() and after.isalnum()


_SUGGESTED = {
    "^": ("mũ",), "·": ("nhân", "chấm"), "*": ("nhân", "sao"), "#": ("số", "thăng"), "\\": ("xuyệt", "trên"),
    "_": ("gạch dưới",), "★": ("sao",), "☆": ("sao",), "⭐": ("sao",), "✕": ("nhân",), "✖": ("nhân", "không"),
    "×": ("nhân",), "➖": ("âm", "trừ", "đến"), "➕": ("cộng",), "−": ("trừ", "âm", "đến"), "÷": ("đến", "chia"),
    "💯": ("một trăm phần trăm", "một trăm điểm"), "🔟": ("mười",), "🡒": ("đến",), "❌": ("không", "cấm"),
    "⛔": ("cấm",), "🚫": ("cấm",), "🚭": ("cấm hút thuốc",), "№": ("số",), "£": ("bảng Anh",),
    "¥": ("yên", "nhân dân tệ"), "½": ("một phần hai", "rưỡi"), "¼": ("một phần tư",), "¾": ("ba phần tư",),
    "|": ("hoặc",), "~": ("khoảng", "đến"), "²": ("vuông", "bình phương"), "³": ("khối",), "§": ("mục",),
    "√": ("căn",),
}  # fmt: skip


def meanings(run: str) -> tuple[str, ...]:
    """What signs that a person must decide about might be said as; nothing where nobody can tell."""
    found = _SUGGESTED.get(run.strip("\ufe0f"))
    if found:
        return found
    plain = unicodedata.normalize("NFKC", run).strip("().")
    return (cardinal(int(plain)),) if plain.isdecimal() and len(plain) < 4 else ()


def _arrow(text: str, start: int, end: int) -> Claim:
    """An arrow that opens a line is a bullet; between two things it may mean "to"."""
    if _opens_line(text, start):
        return Claim(start, end, "")
    if _STEP.search(text[max(start - 80, 0) : start]):
        return Claim(start, end, ",")  # "vào Cài đặt → chọn …"
    return Claim(start, end, "đến", ("đến", "thì"), is_doubtful=True)

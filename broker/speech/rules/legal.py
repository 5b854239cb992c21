"""Signs of documents: 13/2023/NĐ-CP, 27/TB-UBND, 18-NQ/TW, 31/2024/QH15 (form: Decree 30/2020/NĐ-CP, annex VI)."""

from __future__ import annotations

import re

from broker.speech.draft import Draft, Rule, Said
from broker.speech.letters import spelled
from broker.speech.lexicon import Lexicon
from broker.speech.numbers import cardinal, roman
from broker.speech.rules.patterns import plain

_SIGN = r"[A-ZĐƯ][A-Za-zĐđƯư]{0,11}\d{0,2}"
_LATER = rf"(?:\s?[-–]\s?{_SIGN}(?:\s?&\s?{_SIGN})?)"

_NUMBERED = re.compile(
    rf"(?<![\w/.,])(?P<n>\d{{1,6}})(?:/(?P<year>(?:19|20)\d\d))?\s?/\s?(?P<sign>{_SIGN}{_LATER}{{0,3}})(?![\w/])"
)
_PARTY = re.compile(
    rf"(?<![\w/.,])(?P<n>\d{{1,4}})\s?-\s?(?P<paper>{_SIGN})/(?P<sign>{_SIGN}{_LATER}{{0,2}})(?![\w/])"
)
_FORM = re.compile(
    rf"(?<!\w)(?i:mẫu đơn|mẫu|biểu mẫu|biểu|tờ khai)(?:\s+số)?[\s:]+"
    rf"(?P<x>(?P<n>\d{{1,2}})(?P<tail>[A-Za-z]?)[/\-–](?P<sign>{_SIGN}{_LATER}{{0,2}}))(?![\w/])"
)
_STANDARD = re.compile(
    r"(?<!\w)(?:TCVN|QCVN|ISO|TCCS|TCXDVN)[\s-]?(?P<x>(?P<n>[\d-]{1,9}):(?P<y>(?:19|20)\d\d))(?!\w)(?!/)"
)
_PART = re.compile(
    r"(?:(?<!\w)(?i:mục|tiểu mục|phần|chương|khoản|điểm|phụ lục|biểu|bảng|điều|tiết|nội dung"
    r"|tiêu chí|đề mục)"
    r"\s(?:số\s)?|^[ \t]*)(?P<x>(?P<n>[IVX]{1,5}|[A-HĐ])(?P<tail>(?:\.\d{1,2}){1,3})"
    r"(?:\.(?P<l>[a-hđ]))?)(?![\w/])(?!\.\w)",
    re.M,
)
_NAMED = (
    "nghị định|quyết định|thông tư|chỉ thị|nghị quyết|thông báo|kế hoạch|báo cáo|tờ trình|công văn|hướng dẫn"
    "|giấy mời|công điện|pháp lệnh|chương trình|đề án|kết luận|quy chế|quy định|luật|văn bản|hiến pháp|phương án"
    "|giấy phép|biên bản|hợp đồng|lệnh"
)
_HAS_NAME = re.compile(rf"(?:{_NAMED}|qđ|nđ|nq|tt|kh|tb|ct|bc|cv|đa)(?:\s+(?:liên tịch|số|của))*[\s:]*$")


def rules(lexicon: Lexicon) -> tuple[Rule, ...]:
    """The rules with the signs this lexicon knows."""

    def numbered(match: re.Match[str], draft: Draft) -> str | Said | None:
        signs = re.split(r"\s?[-–]\s?", match["sign"])
        if len(signs) == 1 and not _is_issuer(signs[0], lexicon) and signs[0] not in lexicon.papers:
            return None  # "5/A": no sign of a document
        paper = lexicon.papers.get(signs[0]) if len(signs) > 1 or signs[0] in lexicon.papers else None
        issuers = signs[1:] if paper is not None else signs
        year = f" năm {cardinal(int(match['year']))}" if match["year"] else ""
        return _said(match, draft, paper, plain(match["n"]) + year, issuers, lexicon)

    def party(match: re.Match[str], draft: Draft) -> str | Said | None:
        paper = lexicon.papers.get(match["paper"])
        if paper is None:
            return None
        return _said(match, draft, paper, plain(match["n"]), re.split(r"\s?[-–]\s?", match["sign"]), lexicon)

    def form(match: re.Match[str], _: Draft) -> str | Said:
        """ "mẫu 01/CNKD", "mẫu số 04/ĐK": the number of a form and what it is for."""
        signs = re.split(r"\s?[-–]\s?", match["sign"])
        meanings = [lexicon.subjects.get(one) or _single(lexicon.abbreviations.get(one, ())) for one in signs]
        said = " ".join([plain(match["n"]) + (f" {spelled(match['tail'])}" if match["tail"] else "")])
        said += " " + " ".join(one or spelled(sign) for one, sign in zip(meanings, signs, strict=True))
        return said if all(meanings) else Said(said, (said,))

    return (
        Rule(_STANDARD, _standard, sign=":"),
        Rule(_PART, _part, sign="."),
        Rule(_FORM, form, sign="/-–"),
        Rule(_PARTY, party, at="figure"),
        Rule(_NUMBERED, numbered, at="figure"),
    )


def _part(match: re.Match[str], _: Draft) -> str | None:
    """ "mục I.2", "III.1.a": a part of a text, its Roman numeral or letter, its numbers."""
    number = roman(match["n"])
    head = spelled(match["n"]) if match["n"] in "ABCDEFGHĐ" else cardinal(number) if number else None
    if head is None:
        return None
    parts = [head, *(cardinal(int(one)) for one in match["tail"].split(".")[1:])]
    return " chấm ".join([*parts, spelled(match["l"])] if match["l"] else parts)


def _standard(match: re.Match[str], _: Draft) -> str:
    """ "TCVN 7112:2002": a standard and its year."""
    number = " ".join(plain(one) for one in match["n"].split("-") if one)
    return f"{number} năm {cardinal(int(match['y']))}"


def _single(meanings: tuple[str, ...]) -> str | None:
    return meanings[0] if len(meanings) == 1 else None


def _is_issuer(sign: str, lexicon: Lexicon) -> bool:
    return (
        sign in lexicon.issuers
        or sign in lexicon.subjects
        or re.fullmatch(r"(?:QH|UBTVQH)\d{1,2}", sign) is not None
    )


def _said(
    match: re.Match[str], draft: Draft, paper: str | None, number: str, issuers: list[str], lexicon: Lexicon
) -> str | Said:
    """The number, whose paper it is where the text has not said so, and who issued it."""
    if len(issuers) == 1 and issuers[0] in lexicon.subjects:
        return (
            f"{number}, {paper} {lexicon.subjects[issuers[0]]}"
            if paper
            else f"{number}, {lexicon.subjects[issuers[0]]}"
        )
    names = [_issuer(sign, lexicon) for one in issuers for sign in re.split(r"\s?&\s?", one)]
    is_sure = all(name is not None for name in names)
    joint = " và " if all((name or "").startswith("bộ ") for name in names) else " "  # joint circulars
    by = joint.join(name or spelled(sign) for name, sign in zip(names, _flat(issuers), strict=True))
    # "Thông báo số 27/TB-UBND" has named the paper already; "số 27/TB-UBND" alone has not.
    what = "" if paper is None or _HAS_NAME.search(draft.before(match.start())) else f", {paper}"
    said = f"{number}{what}" + (f" của {by}" if by else "")
    return said if is_sure else Said(said, (said,))


def _flat(issuers: list[str]) -> list[str]:
    return [sign for one in issuers for sign in re.split(r"\s?&\s?", one)]


def _issuer(sign: str, lexicon: Lexicon) -> str | None:
    """Who a sign stands for; a legislature carries its number: QH15."""
    if sign in lexicon.issuers:
        return lexicon.issuers[sign]
    term = re.fullmatch(r"(QH|UBTVQH)(\d{1,2})", sign)
    if term:
        return f"{lexicon.issuers[term[1]]} khóa {cardinal(int(term[2]))}"
    meanings = lexicon.abbreviations.get(sign, ())
    return meanings[0] if len(meanings) == 1 else None

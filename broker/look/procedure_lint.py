"""What may not be said of a procedure on a screen: missing answers, office language, doubtful money and days.

Pure. The console shows each sentence beside its field; nothing with a fault is sent to be approved.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal

from broker.contract.content import Fee, Procedure
from broker.look.procedure import official_host

Level = Literal["fault", "hint"]

TITLE_WORDS = 8
SENTENCE_WORDS = 15
MOST_PAPERS = 15
MOST_NAMES = 60
"""Of what people call it, and of what they tell."""
LONGEST = 600
LONGEST_LINE = 200
LEAST_MONEY = 1000
"""Đồng. Less is a slip of the pen or of the source."""

JARGON = (
    "thành phần hồ sơ",
    "cơ quan có thẩm quyền",
    "cấp có thẩm quyền",
    "tổ chức, cá nhân",
    "tổ chức cá nhân",
    "theo quy định",
    "nộp hồ sơ trực tuyến",
    "mẫu điện tử tương tác",
    "biểu mẫu điện tử",
    "dịch vụ công trực tuyến",
    "chủ thể",
    "liên thông",
    "toàn trình",
    "hồ sơ hợp lệ",
    "đương sự",
    "người yêu cầu",
    "cơ sở dữ liệu",
    "giải quyết thủ tục",
    "trường hợp pháp luật",
    "văn bản ủy quyền hợp pháp",
)
"""Words of offices that an old villager does not know; a longer one that holds a shorter one comes first."""

_UNIT = re.compile(r"\b(giây|phút|giờ|buổi|ngày|tuần|tháng|quý|năm|ngay)\b", re.IGNORECASE)
_FREE = re.compile(r"(?<![\d.,])0+ ?(?:đồng|đ\b|vnđ|vnd)|miễn phí", re.IGNORECASE)
_MONEY = re.compile(r"(?<![\d.,])(\d{1,3}(?:\.\d{3})+|\d+) ?(?:đồng|đ\b|vnđ|vnd)", re.IGNORECASE)
_IDENTITY = re.compile(r"(?<!\d)(?:\d{9}|\d(?:[ .-]?\d){11})(?!\d)(?!\s*(?:đồng|vnđ))")
_ADDRESS = re.compile(r"https?:|www\.", re.IGNORECASE)
_SENTENCE = re.compile(r"[.;!?](?:\s|$)")


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field, in a sentence for whoever writes it."""

    field: str
    """Of Procedure: `fees`."""
    sentence: str
    level: Level = "fault"
    """hint: worth another look, keeps nobody from sending it."""


def faults(procedure: Procedure, today: date) -> list[Fault]:
    """Everything that is wrong, in the order of the form. today: what it is to be shown from, at the earliest."""
    return [
        *_missing(procedure),
        *_sizes(procedure),
        *_letters(procedure),
        *_wording(procedure),
        *_times(procedure),
        *_money(procedure),
        *_days(procedure, today),
        *_links(procedure),
    ]


def is_sendable(found: list[Fault]) -> bool:
    """Whether nothing of it keeps a procedure from being sent to be approved."""
    return all(each.level == "hint" for each in found)


def texts_of(procedure: Procedure) -> Iterator[tuple[str, str]]:
    """Every text of it that a person may write, by the name of its field."""
    for name in ("title", "name", "processing_time", "fee_exempt", "deadline", "where", "who_online"):
        yield name, getattr(procedure, name)
    for each in procedure.documents:
        yield "documents", each.name
        yield "documents", each.detail
    for fee in procedure.fees:
        yield "fees", fee.text
    for name in ("result", "note", "address"):
        yield name, getattr(procedure, name)
    for name in ("aliases", "situations"):
        yield from ((name, each) for each in getattr(procedure, name))
    yield "source", procedure.source.url
    yield "source", procedure.source.via


def _missing(procedure: Procedure) -> Iterator[Fault]:
    if not procedure.title.strip():
        yield Fault("title", "Chưa có tên gọi bình dân.")
    if not procedure.name.strip():
        yield Fault("name", "Chưa có tên chính thức.")
    if not procedure.field.strip():
        yield Fault("field", "Chưa chọn lĩnh vực.")
    if not procedure.source.url.strip():
        yield Fault("source", "Chưa ghi lấy ở đâu: số quyết định hoặc địa chỉ trang.")
    if not procedure.documents and "documents" not in procedure.uncertain:
        yield Fault("documents", "Chưa có giấy nào. Nếu chưa rõ, đánh dấu “chưa chắc”.")
    if any(not each.name.strip() for each in procedure.documents):
        yield Fault("documents", "Có dòng chưa ghi tên giấy.")
    known = set(Procedure.__struct_fields__)
    if unknown := [name for name in procedure.uncertain if name not in known]:
        yield Fault("uncertain", f"Không có mục tên “{unknown[0][:40]}”.")


def _sizes(procedure: Procedure) -> Iterator[Fault]:
    if len(procedure.documents) > MOST_PAPERS:
        yield Fault("documents", f"Nhiều giấy quá: nhiều nhất {MOST_PAPERS} dòng, xin gộp lại.")
    for name, said in (("aliases", "tên gọi"), ("situations", "câu kể")):
        if len(getattr(procedure, name)) > MOST_NAMES:
            yield Fault(name, f"Nhiều quá: nhiều nhất {MOST_NAMES} {said}.")
    told: set[str] = set()
    for name, text in texts_of(procedure):
        most = LONGEST_LINE if name in ("title", "aliases", "situations", "documents") else LONGEST
        if len(text) > most and name not in told:
            told.add(name)
            yield Fault(name, f"Dài quá: nhiều nhất {most} chữ cái.")


def _letters(procedure: Procedure) -> Iterator[Fault]:
    told: set[tuple[str, str]] = set()
    for name, text in texts_of(procedure):
        found = [
            *(
                ["odd"]
                if any(unicodedata.category(sign) in ("Cc", "Cf", "Co", "Cs") for sign in text)
                else []
            ),
            *(["identity"] if name not in ("source", "address") and _IDENTITY.search(text) else []),
            *(["link"] if name not in ("source", "address") and _ADDRESS.search(text) else []),
        ]
        for what in found:
            if (name, what) not in told:
                told.add((name, what))
                yield Fault(name, _LETTERS[what])


_LETTERS = {
    "odd": "Có ký tự lạ không nhìn thấy được, xin gõ lại câu này.",
    "identity": "Có dãy số giống số căn cước hay số định danh, xin bỏ đi.",
    "link": "Địa chỉ trang mạng chỉ ghi ở ô Địa chỉ nộp trên mạng.",
}


def _wording(procedure: Procedure) -> Iterator[Fault]:
    if len(procedure.title.split()) > TITLE_WORDS:
        yield Fault("title", f"Tên gọi dài quá {TITLE_WORDS} chữ.")
    told: set[tuple[str, str]] = set()
    for name, text in texts_of(procedure):
        if name in ("name", "aliases", "situations", "source", "address", "title"):
            continue
        level: Level = "hint" if name in ("where", "note", "result", "who_online") else "fault"
        for sentence in _SENTENCE.split(text):
            if len(sentence.split()) > SENTENCE_WORDS and (name, "") not in told:
                told.add((name, ""))
                start = " ".join(sentence.split()[:4])
                yield Fault(
                    name, f"Câu “{start[:60]} …” dài quá {SENTENCE_WORDS} chữ, xin tách làm hai.", level
                )
    for name, text in texts_of(procedure):
        if name in ("name", "aliases", "situations", "source", "address"):
            continue
        low = text.casefold()
        for word in JARGON:
            if word in low and (name, word) not in told:
                told.add((name, word))
                yield Fault(name, f"“{word}” là chữ của cơ quan, bà con khó hiểu. Xin nói cách khác.")


def _times(procedure: Procedure) -> Iterator[Fault]:
    text = procedure.processing_time
    pieces = [piece for piece in text.split(";") if any(sign.isdigit() for sign in piece)]
    if text.strip() and (not _UNIT.search(text) or any(not _UNIT.search(piece) for piece in pieces)):
        yield Fault("processing_time", "Thời gian phải kèm đơn vị: ngày, ngày làm việc, giờ.")


def _money(procedure: Procedure) -> Iterator[Fault]:
    said = [fee.text for fee in procedure.fees]
    if procedure.fees and not procedure.fee_exempt.strip(" ."):
        yield Fault("fee_exempt", "Có tiền phải nộp thì phải ghi ai được miễn.")
    if any(not text.strip() for text in said):
        yield Fault("fees", "Có dòng chưa ghi nộp bao nhiêu.")
    if any(_FREE.search(text) for text in said):
        yield Fault("fees", "Không ghi “0 đồng”, “miễn phí”. Chắc chắn không thu thì ghi “Không mất tiền.”")
    amounts = [int(found.replace(".", "")) for text in said for found in _MONEY.findall(text[:LONGEST])]
    if any(0 < amount < LEAST_MONEY for amount in amounts):
        yield Fault("fees", "Số tiền nhỏ bất thường, xin xem lại có thiếu số 0 không.")
    whole = any(text.strip(" .").casefold() == "không mất tiền" for text in said)
    if whole and "fees" in procedure.uncertain:
        yield Fault("fees", "Còn chưa chắc thì chưa ghi “Không mất tiền”.")


def _days(procedure: Procedure, today: date) -> Iterator[Fault]:
    since, until = procedure.valid_from, procedure.valid_to
    if until and until < today:
        yield Fault(
            "valid_to", "Ngày này đã qua: màn hình sẽ thôi hướng dẫn thủ tục này. Muốn thôi thì bấm Rút."
        )
    if since and until and until < since:
        yield Fault("valid_to", "Ngày hết hiệu lực đứng trước ngày bắt đầu.")
    if any(fee.since and fee.until and fee.until < fee.since for fee in procedure.fees):
        yield Fault("fees", "Có mức tiền kết thúc trước khi bắt đầu.")
        return
    dated = sorted((fee for fee in procedure.fees if fee.since or fee.until), key=_first)
    for one, after in pairwise(dated):
        last = one.until or date.max
        if _first(after) <= last:
            yield Fault("fees", "Hai mức tiền trùng ngày nhau, xin sửa ngày.")
        elif _first(after) > last + timedelta(days=1):
            yield Fault(
                "fees", f"Từ sau {last:%d/%m/%Y} đến trước {_first(after):%d/%m/%Y} chưa có mức tiền."
            )
    if dated and dated[-1].until and (until is None or dated[-1].until < until):
        yield Fault("fees", f"Sau ngày {dated[-1].until:%d/%m/%Y} chưa có mức tiền.", "hint")


def _first(fee: Fee) -> date:
    return fee.since or date.min


def _links(procedure: Procedure) -> Iterator[Fault]:
    if procedure.address and not is_official(procedure.address):
        yield Fault(
            "address", "Chỉ nhận địa chỉ https của dichvucong.gov.vn, vneid.gov.vn hoặc đuôi .gov.vn."
        )


def is_official(address: str) -> bool:
    """Whether an address may be written down: of the state, over https."""
    return bool(official_host(address, "gov.vn"))

"""What the linter refuses to have shown on a screen."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from broker.contract.content import Document, Fee, Procedure, Source
from broker.look.procedure_lint import faults, is_sendable
from kiosk.content import shipped

GOOD = Procedure(
    code="1.001193",
    title="Làm giấy khai sinh cho con",
    name="Đăng ký khai sinh",
    field="tu-phap",
    life_events=["sinh-con"],
    documents=[Document(name="Giấy chứng sinh", detail="Mất thì nhờ người làm chứng.")],
    processing_time="Trong ngày; phải xác minh thì 3 ngày làm việc",
    fees=[Fee(text="8.000 đồng một bản")],
    fee_exempt="Hộ nghèo.",
    where="Trung tâm Phục vụ hành chính công xã.",
    source=Source(url="https://dichvucong.gov.vn/1.001193", via="Cổng", on=date(2026, 11, 1)),
    checked_on=date(2026, 11, 21),
    checked_by="Làng Số",
)
DAY = date(2026, 11, 21)
STEP = date(2026, 12, 31)

WRONG = [
    ("title", {"title": " "}),
    ("title", {"title": "Đăng ký làm giấy khai sinh cho con mới đẻ"}),
    ("title", {"title": "Khai tử liên thông"}),
    ("name", {"name": ""}),
    ("field", {"field": ""}),
    ("source", {"source": Source(url="", via="", on=date(2026, 1, 1))}),
    ("documents", {"documents": []}),
    ("documents", {"documents": [Document(name="")]}),
    ("documents", {"documents": [Document(name=f"Giấy {n}") for n in range(16)]}),
    ("documents", {"documents": [Document(name="Tờ khai " + "rất " * 15)]}),
    ("documents", {"documents": [Document(name="Thành phần hồ sơ")]}),
    ("processing_time", {"processing_time": "15"}),
    ("processing_time", {"processing_time": "3 ngày; phải xác minh thì 8"}),
    ("fee_exempt", {"fee_exempt": ""}),
    ("fees", {"fees": [Fee(text="0 đồng")]}),
    ("fees", {"fees": [Fee(text="0 VNĐ")]}),
    ("fees", {"fees": [Fee(text="Miễn phí")]}),
    ("fees", {"fees": [Fee(text="700 đồng một trang")]}),
    ("fees", {"fees": [Fee(text="Không mất tiền.")], "uncertain": ["fees"]}),
    ("fees", {"fees": [Fee(text="1.000 đồng", until=STEP), Fee(text="2.000 đồng", since=STEP)]}),
    ("fees", {"fees": [Fee(text="1.000 đồng", until=STEP), Fee(text="2.000 đồng", since=date(2027, 1, 2))]}),
    ("fees", {"fees": [Fee(text="1.000 đồng", since=STEP, until=date(2026, 1, 1))]}),
    ("valid_to", {"valid_from": STEP, "valid_to": date(2026, 1, 1)}),
    ("valid_to", {"valid_to": date(2026, 11, 20)}),
    ("uncertain", {"uncertain": ["fee"]}),
    ("note", {"note": "Gọi chủ hộ số 001099012345"}),
    ("note", {"note": "Gọi chủ hộ số 0010 9901 2345"}),
    ("note", {"note": "Xem https://dichvucong.gov.vn"}),
    ("note", {"note": "chữ \u202engược"}),
    ("note", {"note": "chữ\x00"}),
    ("note", {"note": "a" * 1_000_000}),
    ("aliases", {"aliases": ["tên"] * 61}),
    ("address", {"address": "https://dichvucong.gov.vn.lua.example/1"}),
    ("address", {"address": "http://dichvucong.gov.vn/1"}),
    ("address", {"address": "https://ai@dichvucong.gov.vn/1"}),
    ("address", {"address": "https://[gov.vn/"}),
    ("address", {"address": "javascript:alert(1)"}),
]


def test_a_good_procedure_has_nothing_to_mend() -> None:
    assert faults(GOOD, DAY) == []
    steps = [Fee(text="25.000 đồng", until=STEP), Fee(text="50.000 đồng", since=date(2027, 1, 1))]
    stepped = msgspec.structs.replace(GOOD, fees=steps, address="https://vankhe.hanoi.gov.vn/1")
    assert faults(stepped, DAY) == []
    assert not any(each.field == "fees" for each in faults(msgspec.structs.replace(GOOD, fees=[]), DAY))


@pytest.mark.parametrize(("name", "change"), WRONG, ids=lambda each: str(each)[:48])
def test_what_is_wrong_is_said_beside_its_field(name: str, change: dict[str, object]) -> None:
    found = faults(msgspec.structs.replace(GOOD, **change), DAY)
    assert name in {each.field for each in found}
    assert not is_sendable(found)
    assert all(each.sentence.endswith(".") or each.sentence.endswith(".”") for each in found)


def test_a_long_sentence_of_a_note_is_only_a_hint() -> None:
    found = faults(msgspec.structs.replace(GOOD, note="Bác " + "đi " * 20), DAY)
    assert [each.level for each in found] == ["hint"]
    assert is_sendable(found)


def test_what_the_release_brings_passes() -> None:
    told = [
        f"{each.code} {fault.field}: {fault.sentence}"
        for each in shipped().bundle.procedures
        for fault in faults(each, DAY)
        if fault.level == "fault"
    ]
    assert told == []

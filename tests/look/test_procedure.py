"""A procedure's page: what may be told on a day, how its words are cut, where its codes may lead."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import polib
import pytest
from flask import Flask, render_template_string
from hypothesis import given
from hypothesis import strategies as st

import broker.look
from broker.contract.content import Document, Fee, Procedure, Source
from broker.look import dress
from broker.look.procedure import (
    LONGEST_LIST_BYTES,
    ONE_STEP,
    SURE,
    Layout,
    Room,
    codes_of,
    fees_on,
    list_text,
    official_host,
    page_of,
    parts_of,
    standing,
    steps_of,
)

DAY = date(2026, 11, 21)
LAYOUTS: tuple[Layout, ...] = ("wide", "tall", "small")


def made(**parts: object) -> Procedure:
    """A whole procedure; `parts` take the place of its own."""
    own: dict[str, object] = {
        "code": "1.000001",
        "title": "Làm giấy gì đó",
        "name": "Đăng ký gì đó",
        "field": "tu-phap",
        "life_events": [],
        "documents": [Document(name="Tờ khai", detail="Lấy ở xã"), Document(name="Căn cước của bác")],
        "processing_time": "Trong ngày; cần hỏi thêm thì 3 ngày làm việc",
        "fees": [Fee(text="8.000 đồng")],
        "fee_exempt": "Nhà nghèo",
        "where": "Một cửa xã",
        "address": "https://dichvucong.gov.vn/x",
        "source": Source(url="https://dichvucong.gov.vn/", via="cổng", on=DAY),
        "checked_on": DAY,
        "checked_by": "Làng Số",
        "valid_to": DAY + timedelta(days=200),
    }
    return Procedure(**{**own, **parts})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("day", "said"),
    [(0, "fresh"), (59, "fresh"), (60, "due"), (89, "due"), (90, "stale"), (200, "stale"), (201, "ended")],
)
def test_a_procedure_is_due_after_60_days_stale_after_90_and_ends(day: int, said: str) -> None:
    assert standing(made(), DAY + timedelta(days=day)) == said


def test_before_its_first_day_it_is_early() -> None:
    early = made(valid_from=DAY + timedelta(days=3))
    assert standing(early, DAY) == "early"
    assert standing(early, DAY + timedelta(days=3)) == "fresh"


@pytest.mark.parametrize("days", [90, 201])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("large", [False, True])
def test_what_nobody_vouches_for_shows_no_paper_and_no_fee(days: int, layout: Layout, large: bool) -> None:
    page = page_of(made(), DAY + timedelta(days=days), layout, large=large)
    assert not page.is_told
    assert page.parts == []
    drawn = draw(page)
    assert "Làm giấy gì đó" in drawn
    assert "Bác hỏi cán bộ một cửa." in drawn
    for word in ("Tờ khai", "đồng", "Trong ngày", "<path"):
        assert word not in drawn


def test_the_fee_of_the_day_is_told_with_who_does_not_pay() -> None:
    stepped = made(
        fees=[
            Fee(text="15.000 đồng", until=date(2026, 12, 31)),
            Fee(text="30.000 đồng", since=date(2027, 1, 1)),
        ]
    )
    assert fees_on(stepped, date(2026, 12, 31)) == ["15.000 đồng"]
    assert fees_on(stepped, date(2027, 1, 1)) == ["30.000 đồng"]
    assert parts_of(stepped, DAY)[2].lines == ["15.000 đồng.", "Được miễn: nhà nghèo."]


def test_doubt_is_told_beside_what_is_doubtful() -> None:
    money, time = parts_of(made(uncertain=["fees"]), DAY)[2], parts_of(made(uncertain=["fees"]), DAY)[1]
    assert SURE in money.lines
    assert SURE not in time.lines
    assert SURE not in parts_of(made(uncertain=["fees"], fees=[]), DAY)[2].lines


@given(
    names=st.lists(st.text("ăbc d", min_size=1, max_size=90).filter(str.strip), max_size=15),
    room=st.sampled_from([*ONE_STEP.values(), Room(20, 1)]),
)
def test_no_paper_is_lost_between_steps_and_numbers_go_on(names: list[str], room: Room) -> None:
    parts = parts_of(made(documents=[Document(name=name) for name in names]), DAY)
    steps = steps_of(parts, room)
    papers = [(step.first + n, item) for step in steps for n, item in enumerate(step.items)]
    assert [number for number, _ in papers] == list(range(1, len(names) + 1))
    assert [item for _, item in papers] == list(parts[0].items)
    assert [line for step in steps for line in step.lines] == [line for part in parts for line in part.lines]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_step_out_of_range_is_the_nearest_one(layout: Layout) -> None:
    assert page_of(made(), DAY, layout, large=True, step=-5).step == 1
    last = page_of(made(), DAY, layout, large=True, step=999)
    assert last.step == last.steps
    assert last.parts[0].link


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "http://dichvucong.gov.vn/",
        "https://dichvucong.gov.vn.evil.example/",
        "https://xdichvucong.gov.vn/",
        "https://dichvucong.gov.vn@evil.example/",
        "https://a:b@dichvucong.gov.vn/",
        "https://github.com/dichvucong.gov.vn",
        "javascript:alert(1)",
        "//dichvucong.gov.vn/",
        "",
    ],
)
def test_a_code_never_leads_to_a_host_that_is_not_official(address: str) -> None:
    assert official_host(address, "vankhe.example.gov.vn") == ""
    codes = codes_of(made(address=address), "vankhe.example.gov.vn")
    assert [code.host for code in codes] == [""]
    assert codes[0].text.startswith("Làm giấy gì đó.")


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://dichvucong.gov.vn/x?keyword=1", "dichvucong.gov.vn"),
        ("https://dichvucong.bocongan.dichvucong.gov.vn/", "dichvucong.bocongan.dichvucong.gov.vn"),
        ("https://VNEID.gov.vn", "vneid.gov.vn"),
        ("https://vankhe.example.gov.vn/tt", "vankhe.example.gov.vn"),
    ],
)
def test_official_hosts_and_the_communes_own_are_drawn(address: str, host: str) -> None:
    assert codes_of(made(address=address), "vankhe.example.gov.vn")[0].host == host


def test_the_list_for_a_phone_is_short_whole_lines() -> None:
    assert list_text(made()) == "Làm giấy gì đó.\nMang gì đi:\n1. Tờ khai.\n2. Căn cước của bác."
    assert list_text(made(documents=[])) == ""
    long = list_text(made(documents=[Document(name=f"Giấy thứ {n} của gia đình bác") for n in range(40)]))
    assert len(long.encode()) < LONGEST_LIST_BYTES + 40
    assert long.endswith("\nCòn nữa, xem ở máy.")


def draw(page: object, to: dict[str, str] | None = None, language: str = "vi") -> str:
    app = Flask(__name__)
    dress(app, language=lambda: language)
    with app.test_request_context():
        return render_template_string(
            '{% from "look/procedure.html" import procedure_page %}{{ procedure_page(page, to) }}{{ sprite() }}',
            page=page,
            to=to or {},
        )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_page_is_drawn_the_same_without_addresses_as_in_the_preview(layout: Layout) -> None:
    page = page_of(made(trips_before=4, trips_now=1), DAY, layout)
    preview, shown = draw(page), draw(page, {"check": "/c", "after": "/a", "print": "/p"})
    assert "href=" not in preview.replace('href="#i-', "")
    for word in ("Tờ khai.", "Lấy ở xã.", "Kiểm giấy", "Chưa được xã duyệt"):
        assert (word in preview) == (word in shown)
    assert "In ra giấy" not in preview
    if not page.step:
        assert 'action="/p"' in shown
        assert "Trước: 4 lần đi." in shown
        assert "Nay: 1 lần." in shown


def test_every_word_of_the_template_has_an_english_one() -> None:
    room = Path(broker.look.__file__).parent
    said = set(
        re.findall(r'_\("([^"]+)"', (room / "templates/look/procedure.html").read_text(encoding="utf-8"))
    )
    said |= {part.title for part in steps_of(parts_of(made(), DAY), Room(30, 3))}
    known = {each.msgid for each in polib.pofile(str(room / "catalogues/en.po")) if each.msgstr}
    assert said - known == set()
    assert "What to bring" in draw(page_of(made(), DAY, "wide"), language="en")


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.com\\.dichvucong.gov.vn/x",
        "https://dichvucong.gov.vn@evil.com/",
        "https://evil.com/https://dichvucong.gov.vn",
        "https://evil.com#.dichvucong.gov.vn",
        "https://evildichvucong.gov.vn/",
        "https://dichvucong.gov.vn:8443/",
        "https://dichvucong.gov.vn:99999/",
        "https://dichvucong.gov.vn./",
        "https://evil.com。dichvucong.gov.vn/",
        "https://evil.com%2f.dichvucong.gov.vn/",
        "https://evil.com\t.dichvucong.gov.vn/",
        "https:// dichvucong.gov.vn/",
        "https://dichvucong.gov.vn/a b",
        "https://dichvucong.gov.vn/\\evil.com",
        "https://[x",
        "http://dichvucong.gov.vn/",
        "javascript:alert(1)//dichvucong.gov.vn",
        "",
    ],
)
def test_an_address_that_only_looks_official_leads_nowhere(address: str) -> None:
    assert official_host(address) == ""
    assert official_host(address, "vankhe.gov.vn") == ""


def test_plain_official_addresses_and_the_communes_own_are_led_to() -> None:
    assert official_host("https://dichvucong.gov.vn/p/home?ma=1.001193#a") == "dichvucong.gov.vn"
    assert official_host("https://Thutuc.DichVuCong.gov.vn:443/x") == "thutuc.dichvucong.gov.vn"
    assert official_host("https://vankhe.gov.vn", "vankhe.gov.vn") == "vankhe.gov.vn"
    assert official_host("https://vankhe.gov.vn") == ""

"""The way to a procedure and what may be read there: questions, fields, papers, and what nobody vouches for."""

from __future__ import annotations

import re
from copy import copy
from datetime import date, timedelta
from urllib.parse import urljoin, urlsplit

import pytest
from flask.testing import FlaskClient
from msgspec.structs import replace

from broker.contract.content import Choice, LifeEvent, NamedProcedure, Outcome, Question
from broker.contract.kiosk import HelperCalled
from broker.look.procedure import SURE, list_text, standing
from kiosk.app import create_app
from kiosk.content import Content, shipped
from kiosk.pages.fields import shelf_of
from kiosk.pages.slip import slip_of
from tests.fakes.house import NOW, PANELS, Stage, changed, lively, set_stage

BIRTH = "1.001193"


@pytest.fixture
def stage() -> Stage:
    return set_stage(content=with_questions())


@pytest.fixture
def client(stage: Stage) -> FlaskClient:
    return create_app(stage.house).test_client()


def question(code: str, *choices: str, only_if: dict[str, list[str]] | None = None) -> Question:
    return Question(
        code=code,
        title=f"Hỏi câu {code}?",
        why="Vì giấy tờ khác nhau.",
        choices=[Choice(code=each, title=f"Chọn {each}", icon="note") for each in choices],
        only_if=only_if or {},
    )


def with_questions() -> Content:
    """The content of a stage with one life event of our own and one name."""
    bundle = copy(lively(shipped()).bundle)
    own = LifeEvent(
        code="thu",
        title="Việc thử",
        hint="Để thử",
        icon="an-icon-never-drawn",
        questions=[question("a", "nha", "vien"), question("b", "co", "chua-ro", only_if={"a": ["nha"]})],
        outcomes=[
            Outcome(when={"b": ["co"]}, code=BIRTH, also=["3.000722"], tips=["Bác mang cả sổ cũ."]),
            Outcome(code=""),
        ],
    )
    bundle.life_events = [*bundle.life_events, own]
    bundle.named = [*bundle.named, NamedProcedure(code="9.000001", name="Việc chỉ biết tên", field="tu-phap")]
    return Content(1, bundle)


def links_of(client: FlaskClient, page: str) -> set[str]:
    """Pages of this screen that `page` leads to, without the bar."""
    answer = client.get(page, follow_redirects=True)
    assert answer.status_code == 200, page
    main = answer.text.split("<main")[1].split("</main>")[0]
    return {
        urljoin(page, each.replace("&amp;", "&")) for each in re.findall(r'<a [^>]*href="([^"#]+)"', main)
    }


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("size", ["vua", "to"])
def test_every_procedure_is_at_most_three_taps_from_home(panel: str, size: str) -> None:
    content = with_questions()
    client = create_app(set_stage(PANELS[panel], content).house).test_client()
    client.set_cookie("chu", size)
    reached, front = {"/nha"}, {"/nha"}
    for _ in range(3):
        pages = {each for page in front if not page.startswith("/tt/") for each in links_of(client, page)}
        front = {each for each in pages if urlsplit(each).path not in {urlsplit(old).path for old in reached}}
        reached |= front
    found = {urlsplit(each).path.removeprefix("/tt/") for each in reached if each.startswith("/tt/")}
    assert {*content.procedures, *content.named} - found == set()


def test_fields_count_what_they_hold(stage: Stage, client: FlaskClient) -> None:
    page, bundle = client.get("/linh-vuc").text, stage.house.content().bundle
    assert len(bundle.fields) == 7
    for field in bundle.fields:
        own = sum(each.field == field.code for each in bundle.procedures)
        own += sum(each.field == field.code for each in bundle.named)
        tile = page.split(f'href="/linh-vuc/{field.code}"')[1].split("</a>")[0]
        assert field.title in tile
        assert f"{own} thủ tục" in tile
    assert f"{len(bundle.procedures) + len(bundle.named)} thủ tục ở xã" in page
    assert 'href="/tim"' in page


def test_a_field_lists_what_is_told_first_and_names_after(stage: Stage, client: FlaskClient) -> None:
    page = client.get("/linh-vuc/tu-phap").text
    shelf = shelf_of(
        stage.house, next(each for each in stage.house.content().bundle.fields if each.code == "tu-phap")
    )
    order = [*shelf.told, *shelf.named]
    places = [page.index(f'href="/tt/{row.code}?') for row in order]
    assert places == sorted(places)
    assert "9.000001" in {row.code for row in shelf.named}
    assert client.get("/linh-vuc/khong-co").status_code == 404


def test_questions_are_asked_one_a_screen_with_their_reason(client: FlaskClient) -> None:
    assert 'href="/su-kien/thu/hoi"' in client.get("/nha").text
    first = client.get("/su-kien/thu/hoi").text
    for words in ("Hỏi câu a?", "Câu 1 trên 2", "Vì sao hỏi?", "Vì giấy tờ khác nhau.", "Chọn nha"):
        assert words in first
    assert 'href="/su-kien/thu?tu=' in first
    second = client.get("/su-kien/thu/hoi/nha").text
    assert "Hỏi câu b?" in second
    assert "Câu 2 trên 2" in second
    assert 'href="/su-kien/thu/hoi"' in second.split('<nav class="bar"')[1]


def test_answers_lead_to_the_procedure_with_tips_and_what_follows(client: FlaskClient) -> None:
    page = client.get("/su-kien/thu/hoi/nha/co").text
    assert "Bác mang cả sổ cũ." in page
    assert f'href="/tt/{BIRTH}?tu=/su-kien/thu/hoi/nha/co"' in page
    assert "Việc tiếp theo" in page
    assert 'href="/tt/3.000722?' in page
    assert 'href="/su-kien/thu/hoi/nha"' in page.split('<nav class="bar"')[1]
    guide = client.get(f"/tt/{BIRTH}?tu=/su-kien/thu/hoi/nha/co").text
    assert 'href="/su-kien/thu/hoi/nha/co"' in guide.split('<nav class="bar"')[1]


@pytest.mark.parametrize("given", ["vien", "nha/chua-ro"])
def test_what_no_procedure_fits_is_for_an_official(client: FlaskClient, given: str) -> None:
    page = client.get(f"/su-kien/thu/hoi/{given}").text
    assert "Bác hỏi cán bộ một cửa." in page
    assert "Nhờ người giúp" in page


@pytest.mark.parametrize("given", ["x", "nha/x", "nha/co/nha", "vien/co", "..%2f..%2fnha", "%00", "a" * 500])
def test_answers_that_were_never_offered_begin_again(client: FlaskClient, given: str) -> None:
    answer = client.get(f"/su-kien/thu/hoi/{given}")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/su-kien/thu/hoi"


def test_answers_are_kept_nowhere_but_in_the_address(client: FlaskClient) -> None:
    for page in ("/su-kien/thu/hoi", "/su-kien/thu/hoi/nha", "/su-kien/thu/hoi/nha/co"):
        assert "Set-Cookie" not in client.get(page).headers


def test_an_event_without_questions_shows_its_list(client: FlaskClient) -> None:
    content = with_questions()
    content.bundle.life_events = [
        LifeEvent(code="sinh-con", title="Sinh con", hint="Khai sinh", icon="cradle")
    ]
    bare = create_app(set_stage(content=content).house).test_client()
    assert 'href="/su-kien/sinh-con"' in bare.get("/nha").text
    assert bare.get("/su-kien/sinh-con/hoi").headers["Location"] == "/su-kien/sinh-con"


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("size", ["vua", "to"])
def test_after_90_days_only_the_name_is_left(panel: str, size: str) -> None:
    stage = set_stage(PANELS[panel])
    client = create_app(stage.house).test_client()
    client.set_cookie("chu", size)
    found = stage.house.content().procedures["2.000635"]
    fresh = "".join(client.get(f"/tt/{found.code}?buoc={n}").text for n in range(9))
    assert found.documents[0].name in fresh
    stage.clock.advance((found.checked_on + timedelta(days=90) - NOW.date()).days * 86400)
    for page in (f"/tt/{found.code}", f"/tt/{found.code}?buoc=2"):
        text = client.get(page).text
        assert found.title in text
        assert "Bác hỏi cán bộ một cửa." in text
        assert "Nhờ người giúp" in text
        assert found.documents[0].name not in text
        assert not any(fee.text in text for fee in found.fees)
        assert "<path d" not in text.split("<main")[1].split("</main>")[0]
    assert client.get(f"/tt/{found.code}/kiem-giay").status_code == 404
    assert found.title in client.get(f"/linh-vuc/{found.field}").text


def test_what_is_due_or_not_approved_says_so(stage: Stage, client: FlaskClient) -> None:
    assert "Chưa được xã duyệt" in client.get("/tt/2.002854").text
    stage.clock.advance(65 * 86400)
    text = client.get("/tt/2.002854").text
    assert "Kiểm tra đã lâu" in text
    assert "Mang gì đi" in text


def test_what_is_known_by_name_has_a_page_and_a_helper(client: FlaskClient) -> None:
    page = client.get("/tt/9.000001?tu=/linh-vuc/tu-phap").text
    assert "Việc chỉ biết tên" in page
    assert "Máy chưa có hướng dẫn việc này." in page
    assert 'form="help"' in page.split("</main>")[0]
    assert 'href="/linh-vuc/tu-phap#9.000001"' in page
    assert client.get("/tt/8.888888").status_code == 404


def test_ticked_papers_leave_what_is_missing_first(stage: Stage, client: FlaskClient) -> None:
    papers = stage.house.content().procedures[BIRTH].documents
    form = client.get(f"/tt/{BIRTH}/kiem-giay").text
    assert form.count('type="checkbox"') == len(papers)
    answer = client.post(f"/tt/{BIRTH}/kiem-giay", data={"co": ["0", "2", "77", "x"]})
    page = answer.text.split("<main")[1]
    assert f"Bác còn thiếu {len(papers) - 2} giấy" in page
    assert page.index(papers[1].name) < page.index("Bác đã có") < page.index(papers[0].name)
    assert "Set-Cookie" not in answer.headers
    again = client.post(f"/tt/{BIRTH}/kiem-giay", data={"co": ["0", "2"], "sua": "1"}).text
    assert again.count(" checked") == 2
    whole = client.post(f"/tt/{BIRTH}/kiem-giay", data={"co": [str(n) for n in range(len(papers))]}).text
    assert "Bác có đủ giấy rồi" in whole
    none = client.post(f"/tt/{BIRTH}/kiem-giay").text
    assert f"Bác còn thiếu {len(papers)} giấy" in none
    assert "Bác đã có" not in none


def test_ticks_come_back_in_larger_letters(stage: Stage, client: FlaskClient) -> None:
    page = client.post(f"/tt/{BIRTH}/kiem-giay?tu=/nha", data={"co": ["0", "2"]}).text
    title = re.findall("<h1>(.*?)</h1>", page)[0]
    larger = re.findall(r'href="(/doi\?chu=to&amp;ve=[^"]+)"', page)[0].replace("&amp;", "&")
    again = client.get(larger, follow_redirects=True).text
    assert f"<h1>{title}</h1>" in again
    assert re.findall(r'name="co" value="(\d)"', again) == ["0", "2"]


def test_private_matters_are_asked_about_before_any_of_their_pages_is_read_aloud(
    stage: Stage, client: FlaskClient
) -> None:
    procedures = stage.house.content().procedures.values()
    for each in procedures:
        if each.documents:
            pages = [f"/tt/{each.code}", f"/tt/{each.code}/kiem-giay", f"/tt/{each.code}/kiem-giay?xem=1"]
            for page in pages:
                assert ("data-aloud-ask" in client.get(page).text) == each.sensitive, page


def test_what_is_doubtful_of_the_papers_is_said_wherever_they_are_listed(
    stage: Stage, client: FlaskClient
) -> None:
    known = stage.house.content().procedures.values()
    doubtful = next(each for each in known if "documents" in each.uncertain and each.documents)
    every = {"co": [str(n) for n in range(len(doubtful.documents))]}
    page = client.post(f"/tt/{doubtful.code}/kiem-giay", data=every).text
    assert SURE in page
    assert "Bác có đủ giấy rồi" not in page
    assert "Danh sách này chưa được xã duyệt." in page
    assert SURE in list_text(doubtful)
    assert SURE in slip_of(doubtful, stage.house, set()).doubts


def test_choosing_a_language_leads_back_to_the_step_one_was_at(client: FlaskClient) -> None:
    here = f"/tt/{BIRTH}?buoc=2&tu=/su-kien/sinh-con"
    page = client.get("/ngon-ngu", query_string={"tu": here}).text
    english = re.findall(r'href="(/doi\?tieng=en[^"]+)"', page)[0].replace("&amp;", "&")
    assert client.get(english).headers["Location"] == here
    for outside in ("https://example.org/", "//example.org", "/\\example.org", "/nha\r\nX: 1"):
        assert client.get("/doi", query_string={"ve": outside}).headers["Location"] == "/nha"


def test_a_call_from_a_procedure_names_it_and_tells_no_answers(stage: Stage, client: FlaskClient) -> None:
    title = stage.house.content().procedures[BIRTH].title
    asked = re.search(r'name="trang" value="([^"]+)"', client.get("/su-kien/thu/hoi/nha").text)
    assert asked is not None
    assert asked[1] == "/su-kien/thu"
    page = client.post("/giup", data={"trang": f"/tt/{BIRTH}"}, follow_redirects=True).text
    assert title in page
    (call,) = stage.post.sent
    assert isinstance(call, HelperCalled)
    assert call.page == f"/tt/{BIRTH}"


def test_no_button_leads_to_a_printer_that_is_not_there(client: FlaskClient) -> None:
    pages = "".join(client.get(f"/tt/2.002854?buoc={n}").text for n in range(9))
    assert "In ra giấy" not in pages


def test_search_shows_what_is_known_by_name(client: FlaskClient) -> None:
    page = client.post("/tim/goi-y", data={"q": "việc chỉ biết tên"}).text
    assert 'href="/tt/9.000001?tu=/tim"' in page
    assert "Hỏi cán bộ" in page


def test_shipped_procedures_hang_in_a_field_of_the_board() -> None:
    bundle = shipped().bundle
    known = {each.code for each in bundle.fields}
    assert {each.field for each in bundle.procedures} | {each.field for each in bundle.named} <= known
    assert all(standing(each, each.checked_on) == "fresh" for each in bundle.procedures)
    assert all(standing(each, date(1970, 1, 1)) == "due" for each in bundle.procedures), (
        "a clock that is wrong"
    )


def test_a_picture_never_drawn_does_not_break_a_page(stage: Stage) -> None:
    client = create_app(changed(stage, theme="warm").house).test_client()
    assert client.get("/su-kien/thu/hoi").status_code == 200
    assert client.get("/nha").status_code == 200


def test_the_communes_own_site_is_drawn_only_where_the_house_knows_it(stage: Stage) -> None:
    bundle = copy(stage.house.content().bundle)
    own = replace(bundle.procedures[0], address="https://xa.example.gov.vn/giay", title="Việc ở xã")
    bundle.procedures = [own]
    content = Content(1, bundle)
    for domain, drawn in [("xa.example.gov.vn", True), ("", False), ("khac.example.gov.vn", False)]:
        house = changed(stage, content=lambda: content, domain=domain).house
        client = create_app(house).test_client()
        pages = "".join(client.get(f"/tt/{own.code}?buoc={n}").text for n in range(12))
        assert ("xa.example.gov.vn" in pages) == drawn


@pytest.mark.parametrize(("panel", "size"), [("10.1", "vua"), ("10.1", "to"), ("15.6", "to")])
def test_what_is_not_approved_says_so_on_every_step(panel: str, size: str) -> None:
    client = create_app(set_stage(PANELS[panel]).house).test_client()
    client.set_cookie("chu", size)
    page = client.get("/tt/2.002913?buoc=1").text
    steps = int(re.findall(r"<span>1 trên (\d+)</span>", page)[0])
    assert steps > 3
    for step in range(1, steps + 1):
        assert "Chưa được xã duyệt" in client.get(f"/tt/2.002913?buoc={step}").text, step

"""Writing from the first word to the signature: said again and again, kept whatever happens, begun from patterns."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from broker.hub.announcing import checks, workflow
from broker.hub.announcing.each_start import troubles_of
from broker.hub.announcing.planner import Booking
from broker.hub.announcing.rules import Rules
from broker.hub.announcing.signing import Desk
from broker.hub.declined import Declined
from broker.hub.records import Announcement, Occurrence, Pattern, Revision
from broker.link.clock import LOCAL
from tests.console.stage import NOW, Stage, set_stage
from tests.hub.town import LEXICON, PLACE, Keys

WEEKLY: dict[str, object] = {
    "title": "Thu gom rác",
    "text": "Sáng mai xe thu gom rác đi qua các thôn. Bà con để rác trước cổng.",
    "kind": "routine",
    "villages": ["dong", "ben"],
    "when": "again",
    "every": "week",
    "times": "17:00",
    "weekday": ["0", "3"],
    "since": "21/11/2026",
    "end": "until",
    "until": "31/12/2026",
    "repeat": "1",
    "voice": "vi",
}
PART = {"headers": {"X-Part": "1"}}
House = tuple[Stage, dict[str, FlaskClient]]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, keys: Keys, settled: Path) -> Iterator[House]:
    """One console for the module, with people signed in; every test writes announcements of its own."""
    with set_stage(tmp_path_factory.mktemp("writing"), keys, settled) as stage:
        yield stage, {name: stage.client(name) for name in ("hanh", "binh", "thon", "soat")}


def newest(stage: Stage, key: str) -> Revision:
    with stage.database.reading() as db:
        return workflow.newest_revision(db, key)


def written(house: House, **change: object) -> str:
    """A draft by Hạnh; its announcement."""
    stage, people = house
    answer = stage.post(
        people["hanh"], "/announcements/new", {**WEEKLY, **change, "act": "save"}, page="/", **PART
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return str(answer.get_json()["address"]).split("/")[-2]


def sent(house: House, **change: object) -> str:
    """Sent for approval, with sound; its announcement."""
    stage, people = house
    key = written(house, **change)
    form = {**WEEKLY, **change, "act": "submit"}
    answer = stage.post(people["hanh"], f"/announcements/{key}/edit", form, page="/")
    assert answer.status_code == 302, answer.get_data(as_text=True)
    stage.town.give_audio(newest(stage, key).id, 20_000)
    return key


def approved(house: House, **change: object) -> str:
    stage, _ = house
    key = sent(house, **change)
    revision, desk = newest(stage, key).id, Desk(PLACE, stage.keys.hub)
    signed = stage.town.signed(revision, now=stage.now())
    with stage.database.session() as db:
        workflow.approve(db, desk, stage.people["binh"], revision, signed, stage.now())
    return key


def preview(house: House, **change: object) -> str:
    """What the page shows about the time."""
    stage, people = house
    answer = stage.post(people["hanh"], "/announcements/preview", {**WEEKLY, **change}, page="/", **PART)
    return str(answer.get_json()["html"]["when"])


def test_every_start_is_shown_before_sending_signed_and_planned(house: House) -> None:
    stage, people = house
    shown = preview(house)
    assert "Thứ Hai, thứ Năm hằng tuần lúc 17:00, đến hết 31/12." in shown
    assert "Ba lượt tới:" in shown
    assert "Xem cả 12 lượt, từ 23/11/2026 đến 31/12/2026" in shown
    key = sent(house)
    revision = newest(stage, key)
    assert (len(revision.starts), revision.recurrence["every"]) == (12, "week")  # type: ignore[index]
    signing = people["binh"].get(f"/announcements/{key}/approve").get_data(as_text=True)
    assert signing.count("<li>17:00 ") == 12
    assert "Thứ Hai, thứ Năm hằng tuần lúc 17:00, đến hết 31/12" in signing
    again = people["hanh"].get(f"/announcements/{key}/edit").get_data(as_text=True)
    assert 'name="when" value="again" checked' in again
    assert 'value="31/12/2026"' in again
    signed = stage.town.signed(revision.id, now=NOW)
    with stage.database.session() as db:
        workflow.approve(db, Desk(PLACE, stage.keys.hub), stage.people["binh"], revision.id, signed, NOW)
        assert len(db.scalars(select(Occurrence).where(Occurrence.revision_id == revision.id)).all()) == 12
    progress = people["binh"].get(f"/announcements/{key}").get_data(as_text=True)
    assert "Ba lượt tới:" in progress
    assert "Xem cả 12 lượt" in progress


def test_clashes_of_the_whole_list_are_told_and_their_days_left_out_at_one_press(house: House) -> None:
    stage, people = house
    fair = sent(house, times="10:00", weekday=["1"], until="8/12/2026", title="Phiên chợ")
    assert len(newest(stage, fair).starts) == 3
    daily = {"every": "day", "times": "10:00", "until": "20/12/2026", "title": "Phòng cháy"}
    shown = preview(house, **daily)
    assert "3 trên 29 lượt chưa phát được:" in shown
    assert shown.count("trùng “Phiên chợ”") >= 3
    assert "Bỏ những ngày này" in shown
    answer = stage.post(
        people["hanh"], "/announcements/preview", {**WEEKLY, **daily, "act": "skip"}, page="/", **PART
    )
    assert answer.get_json()["skip"] == "24/11/2026, 1/12/2026, 8/12/2026"
    page = stage.post(people["hanh"], "/announcements/new", {**WEEKLY, **daily, "act": "skip"}, page="/")
    assert 'value="24/11/2026, 1/12/2026, 8/12/2026"' in page.get_data(as_text=True)  # without script too
    key = sent(house, **daily, skip="24/11, 1/12, 8/12")
    assert len(newest(stage, key).starts) == 26
    night = preview(house, times="02:30", title="Ban đêm")
    assert "giờ yên tĩnh 21:00–06:00" in night
    assert "Nhiều ngày vướng: xin chọn giờ khác." in night


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"times": "nửa đêm"}, "không đọc được"),
        ({"weekday": []}, "ít nhất một ngày trong tuần"),
        ({"until": "1/11/2026"}, "ở trước ngày bắt đầu"),
        ({"since": "1/10/2026", "until": "31/10/2026"}, "không còn giờ phát nào"),
        ({"every": "day", "times": "5:30, 17:00", "until": "30/6/2027"}, "nhiều nhất 400"),
        ({"every": "day", "end": "count", "count": "401"}, "nhiều nhất 400"),
        ({"until": "31/12/2099"}, "xa quá, xin ghi ngày trong vòng 3 năm"),
        ({"every": "lunar", "lunar-month": "1", "until": "31/12/2028"}, "xa quá một năm"),
        ({"times": "🕔" * 9000}, "không đọc được"),
    ],
)
def test_a_list_that_cannot_be_is_refused_in_words_on_the_page_and_when_sent(
    house: House, change: dict[str, object], words: str
) -> None:
    stage, people = house
    assert words in preview(house, **change)
    answer = stage.post(people["hanh"], "/announcements/new", {**WEEKLY, **change, "act": "submit"}, page="/")
    assert answer.status_code == 409
    with stage.database.reading() as db:
        last = db.scalars(select(Revision).order_by(Revision.id.desc())).first()
    assert last is not None
    assert last.state == "draft"  # the words are kept all the same


def test_what_passed_while_it_waited_is_not_signed_and_the_rest_is(stage: Stage) -> None:
    house = (stage, {"hanh": stage.client("hanh")})
    key = sent(house, every="day", until="24/11/2026")
    stage.clock.step(26 * 3600)
    with stage.database.reading() as db:
        body = workflow.envelope_for(db, Desk(PLACE, stage.keys.hub), newest(stage, key).id, stage.now())
    assert body.count('"tolerance_s"') == 2
    stage.clock.step(7 * 86400)
    with stage.database.reading() as db, pytest.raises(Declined, match="Mọi giờ phát"):
        workflow.envelope_for(db, Desk(PLACE, stage.keys.hub), newest(stage, key).id, stage.now())


def test_a_list_that_runs_out_is_called_to_mind_and_goes_on_without_a_gap(stage: Stage) -> None:
    house = (stage, {"hanh": stage.client("hanh"), "binh": stage.client("binh")})
    key = approved(house, every="day", until="30/11/2026")
    for days, mood in ((0, "look"), (7, "bad")):
        stage.clock.step(days * 86400)
        client = stage.client("hanh")
        page = client.get("/").get_data(as_text=True)
        assert f"notice {mood} with-act" in page.split("Lịch lặp lại của")[0][-300:]
        assert "Thu gom rác" in page
    assert "còn 2 ngày nữa là hết, lượt cuối 17:00 thứ Hai 30/11" in page
    assert "Lịch lặp lại của" not in stage.client("thon").get("/").get_data(as_text=True)
    longer = client.get(f"/announcements/{key}/edit?gia-han=1").get_data(as_text=True)
    assert (
        'name="since" inputmode="text" autocomplete="off" maxlength="10" placeholder="1/12/2026" value="28/11/2026"'
        in longer
    )
    assert 'name="period-since" value="2026-12-01"' in longer
    assert 'value="10/12/2026"' in longer
    form = {
        **WEEKLY,
        "every": "day",
        "since": "28/11/2026",
        "until": "10/12/2026",
        "period-since": "2026-12-01",
    }
    stage.post(client, f"/announcements/{key}/edit", {**form, "act": "save"}, page="/")
    revision = newest(stage, key)
    assert (revision.number, revision.state, len(revision.starts)) == (
        2,
        "draft",
        13,
    )  # three left, and ten more
    assert "Lịch lặp lại của" not in client.get("/").get_data(as_text=True)


def test_two_windows_do_not_write_over_each_other_unasked(house: House) -> None:
    stage, people = house
    key = written(house, times="7:10")
    path = f"/announcements/{key}/edit"
    page = people["hanh"].get(path).get_data(as_text=True)
    seen = page.split('name="seen" value="')[1].split('"')[0]
    form = {**WEEKLY, "times": "7:10", "act": "save", "seen": seen}
    stage.clock.step(5)
    first = stage.post(people["hanh"], path, {**form, "text": "Cửa sổ một."}, page="/", **PART)
    assert first.status_code == 200
    assert (
        stage.post(
            people["hanh"], path, {**form, "seen": first.get_json()["seen"]}, page="/", **PART
        ).status_code
        == 200
    )
    stage.clock.step(5)
    late = stage.post(people["hanh"], path, {**form, "text": "Cửa sổ hai."}, page="/", **PART)
    assert (late.status_code, late.headers["X-Code"]) == (409, "changed")
    assert "vừa được anh/chị sửa ở cửa sổ khác" in late.get_data(as_text=True)
    assert newest(stage, key).text == WEEKLY["text"]
    whole = stage.post(people["hanh"], path, {**form, "text": "Cửa sổ hai."}, page="/").get_data(as_text=True)
    assert "Cửa sổ hai." in whole
    assert "Cất đè bằng chữ ở đây" in whole
    stage.post(people["hanh"], path, {**form, "text": "Cửa sổ hai.", "force": "1"}, page="/")
    assert newest(stage, key).text == "Cửa sổ hai."


def test_an_answer_lost_on_its_way_makes_no_second_announcement(house: House) -> None:
    stage, people = house
    page = people["hanh"].get("/announcements/new").get_data(as_text=True)
    fresh = page.split('name="fresh" value="')[1].split('"')[0]
    assert written(house, fresh=fresh) == written(house, fresh=fresh) == fresh
    other = stage.post(
        people["binh"], "/announcements/new", {**WEEKLY, "fresh": fresh, "act": "save"}, page="/", **PART
    )
    assert fresh not in other.get_json()["address"]  # somebody else's words are not written over
    assert written(house, fresh="bt-../../x") != "bt-../../x"
    with stage.database.reading() as db:
        assert db.get_one(Announcement, fresh).latest == 1


def test_an_ended_session_is_told_and_changes_nothing(house: House) -> None:
    stage, _ = house
    key = written(house, times="7:20")
    stranger = stage.app.test_client()
    answer = stranger.post(f"/announcements/{key}/edit", data={**WEEKLY, "text": "x", "act": "save"}, **PART)
    assert answer.status_code == 401  # what autosave.js tells from a lost network
    assert newest(stage, key).text == WEEKLY["text"]


def test_patterns_are_kept_begun_from_changed_and_removed(house: House) -> None:
    stage, people = house
    begun = stage.post(people["hanh"], "/patterns/begin", {**WEEKLY, "act": "pattern"}, page="/")
    assert "Thu gom rác" in begun.get_data(as_text=True)
    wording: dict[str, object] = {
        "title": "Mẫu <b>rác</b>",
        "text": "Sáng … xe thu gom rác.",
        "villages": ["dong", "ben"],
        "repeat": "2",
    }
    assert stage.post(people["hanh"], "/patterns/new", wording, page="/").status_code == 302
    with stage.database.reading() as db:
        row = db.scalars(select(Pattern)).one()
    shelf = people["thon"].get("/patterns").get_data(as_text=True)
    assert "Mẫu &lt;b&gt;rác&lt;/b&gt;" in shelf
    assert (
        "Sửa" not in shelf.split("Soạn từ mẫu này")[1]
    )  # a village person begins from it and leaves it as it is
    page = people["thon"].get(f"/announcements/new?mau={row.id}").get_data(as_text=True)
    assert "Sáng … xe thu gom rác." in page
    assert 'value="dong" checked' in page
    assert 'value="ben"' not in page
    assert stage.post(people["thon"], f"/patterns/{row.id}", wording, page="/").status_code == 403
    assert stage.post(people["soat"], "/patterns/new", wording, page="/").status_code == 403
    stage.post(people["binh"], f"/patterns/{row.id}", {**wording, "title": "Rác"}, page="/")
    assert "Đã có mẫu tên “Rác”" in stage.post(
        people["hanh"], "/patterns/new", {**wording, "title": "Rác"}, page="/"
    ).get_data(as_text=True)
    stage.post(people["hanh"], f"/patterns/{row.id}/remove", {}, page="/")
    assert stage.post(people["hanh"], f"/patterns/{row.id}/remove", {}, page="/").status_code == 404
    for number in (str(row.id), "0", "x", "9" * 40):
        assert people["hanh"].get(f"/announcements/new?mau={number}").status_code == 404


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"title": " "}, "đặt tên"),
        ({"text": "…"}, "chưa có lời nào"),
        ({"text": "x" * 100_000}, "dài quá"),
        ({"title": "x" * 121}, "dài quá"),
        ({"villages": ["atlantis"]}, "không còn trong danh sách"),
        ({"kind": "emergency"}, "khẩn cấp"),
    ],
)
def test_a_pattern_that_cannot_be_says_why(house: House, change: dict[str, object], words: str) -> None:
    stage, people = house
    answer = stage.post(people["hanh"], "/patterns/new", {"title": "Mẫu", "text": "Lời.", **change}, page="/")
    assert answer.status_code == 409
    assert words in answer.get_data(as_text=True)


def test_the_list_of_troubles_is_empty_exactly_when_nothing_is_refused() -> None:
    dice = random.Random(7)
    kinds = ("routine", "priority", "relay")

    def booking(name: str, kind: str) -> Booking:
        start = datetime(2026, 11, 22, dice.choice((5, 7, 7, 12, 20)), dice.randrange(60), tzinfo=LOCAL)
        start += timedelta(days=dice.randrange(3))
        places = frozenset(dice.sample(("dong", "ben", "ha"), dice.randint(1, 2)))
        return Booking(start, dice.choice((30.0, 300.0, 1500.0)), places, kind, name, name)

    outcomes = set()
    for _ in range(300):
        kind = dice.choice(kinds)
        wanted = [booking("mine", kind) for _ in range(dice.randint(1, 4))]
        others = [booking(f"o{n}", dice.choice(kinds)) for n in range(dice.randint(0, 5))]
        troubles = troubles_of(wanted, others, Rules())
        try:
            checks.refuse_times(wanted, others, Rules(), NOW, interrupts=False)
            is_refused = False
        except Declined:
            is_refused = True
        assert bool(troubles) == is_refused
        assert set(troubles) <= {each.start for each in wanted}
        outcomes.add(is_refused)
    assert outcomes == {True, False}


ONCE: dict[str, object] = {
    "title": "Họp dân",
    "text": "Mời bà con họp.",
    "kind": "routine",
    "villages": ["dong"],
    "day": "2026-11-22",
    "time": "17:30",
    "repeat": "1",
    "voice": "vi",
}


def test_days_that_nobody_can_mean_are_told_as_a_sentence_and_break_no_page(house: House) -> None:
    stage, people = house
    hanh = people["hanh"]
    far: dict[str, dict[str, object]] = {
        "9999-12-31": ONCE | {"day": "9999-12-31"},
        "0001-01-01": ONCE | {"day": "0001-01-01", "time": "00:10"},
        "00019999": WEEKLY | {"every": "month", "month-by": "days", "month-days": "00019999"},
        "1/1/2150": WEEKLY | {"every": "lunar", "since": "1/1/2150", "until": "1/3/2150"},
        "31/12/9999": WEEKLY
        | {
            "every": "holiday",
            "holiday": ["tet"],
            "before": "1",
            "since": "31/12/9999",
            "until": "31/12/9999",
        },
        "1/1/9999": WEEKLY | {"every": "day", "until": "1/1/9999"},
    }
    for told, form in far.items():
        shown = stage.post(hanh, "/announcements/preview", form, page="/", **PART)
        assert told in shown.get_json()["html"]["when"], told
        kept = stage.post(hanh, "/announcements/new", {**form, "act": "save"}, page="/", **PART)
        address = kept.get_json()["address"]
        for page in (address, f"{address}?gia-han=1", address.removesuffix("/edit")):
            assert hanh.get(page).status_code == 200, (told, page)
        sent = stage.post(hanh, address, {**form, "act": "submit"}, page="/")
        assert sent.status_code == 409, told


def test_a_kind_that_is_none_is_the_ordinary_one(house: House) -> None:
    stage, people = house
    answer = stage.post(people["hanh"], "/announcements/preview", ONCE | {"kind": "x"}, page="/", **PART)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("rule", "start"),
    [
        ({"every": "month", "times": ["17:00"], "since": "2026-12-01", "days": [19999]}, None),
        ({"every": "lunar", "times": ["17:00"], "since": "2150-01-01", "until": "2150-03-01"}, None),
        ({"every": "day", "times": ["17:00"], "since": "2026-12-01", "until": "9999-12-31"}, None),
        ({"every": "month", "times": ["17:00"], "since": "0001-01-01", "end": "count", "count": 1}, None),
        ({"every": "often"}, None),
        ({}, None),
        (None, "9999-12-31T20:30:00+00:00"),
        (None, "0001-01-01T00:00:00+00:00"),
    ],
)
def test_an_odd_rule_kept_in_a_draft_is_shown_as_one_to_choose_again(
    house: House, rule: dict[str, object] | None, start: str | None
) -> None:
    stage, people = house
    key = written(house, **ONCE)
    with stage.database.session() as db:
        row = workflow.newest_revision(db, key)
        row.recurrence = rule
        row.starts = [{"at": start, "tolerance_s": 60}] if start else []
    for page in ("/edit", "/edit?gia-han=1", "", "/revisions"):
        answer = people["hanh"].get(f"/announcements/{key}{page}")
        assert answer.status_code == 200, page
        if page == "/edit":
            shown = answer.get_data(as_text=True)
            assert (
                workflow.UNREADABLE in shown or "xa quá" in shown or "Ngày bắt đầu “1/1/1” không có" in shown
            )
    with stage.database.session() as db:
        row = workflow.newest_revision(db, key)
        with pytest.raises(Declined):
            workflow.submit(db, stage.people["hanh"], row.id, LEXICON, stage.now())

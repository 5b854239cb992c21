"""The red page: choose, sign, follow and end an emergency; free words by two signers; drills and their certificates."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta

import msgspec
from flask.testing import FlaskClient

from broker.hub.announcing.render import media_store
from broker.hub.broadcast_log import entries
from broker.hub.records import CapMessage, NodeRecord, Revision, ServiceSeen, put_setting
from broker.hub.silence import silence_of
from tests.console.stage import Stage
from tests.console.urgent import (
    FLOOD_SAYS,
    alarmed,
    body_of,
    fields_for,
    occurrences_of,
    revision_of,
    signed_too,
    speak,
    template_of,
    told,
)
from tests.fakes.house import a_second_of_nothing

PART = {"X-Part": "1"}


def page_of(client: FlaskClient, path: str) -> str:
    return client.get(path, follow_redirects=True).get_data(as_text=True)


def words_of(html: str) -> str:
    """What a page says, without its tags and with single blanks."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("&nbsp;", " ").split())


def hand_in(stage: Stage, client: FlaskClient, **form: object) -> str:
    """Free words given to the signers; the announcement's id. Their sound is there at once."""
    fields: dict[str, object] = {
        "text": "Sạt lở ở dốc Gò. Bà con thôn Gò ra khỏi nhà ngay, đến đình Trung.",
        "villages": ["go", "trung"],
    }
    answer = stage.post(client, "/emergency/words", fields | form, page="/emergency")
    assert answer.status_code == 302, words_of(answer.get_data(as_text=True))
    key = str(answer.headers["Location"]).rpartition("/")[2]
    media = media_store(stage.settings).add(a_second_of_nothing(), "audio/ogg", 9_000)
    with stage.database.session() as db:
        db.get_one(Revision, revision_of(stage, key).id).audio = msgspec.to_builtins(media)
    return key


def sign(stage: Stage, client: FlaskClient, key: str, private: str) -> tuple[int, str]:
    """What the page of two signatures does when its button is pressed."""
    body = client.get(f"/emergency/{key}/body").get_data(as_text=True)
    form = fields_for(stage, body, private)
    answer = stage.post(client, f"/emergency/{key}/sign", form, page="/emergency", headers=PART)
    return answer.status_code, answer.get_data(as_text=True)


def test_the_page_chooses_nothing_beforehand_and_says_who_may(stage: Stage) -> None:
    ids = alarmed(stage)
    page = page_of(stage.client("hung"), "/emergency")
    assert "Trần Văn Hùng, được phát khẩn cấp" in words_of(page)
    assert "Nước lên, sơ tán" in page
    assert "checked" not in re.findall(r'<input type="radio" name="template"[^>]*>', page)[0]
    assert 'id="hoi-im"' in page
    assert "Huỷ lượt phát" in page
    chosen = page_of(stage.client("hung"), f"/emergency?template={ids['flood']}")
    radio = next(each for each in re.findall(r"<input[^>]+>", chosen) if f'value="{ids["flood"]}"' in each)
    assert "checked" in radio
    other = page_of(stage.client("hanh"), "/emergency")
    assert "Xin gọi ngay: Trần Văn Hùng, Đặng Hữu Cường." in words_of(other).replace(
        "Đặng Hữu Cường, Trần Văn Hùng", "Trần Văn Hùng, Đặng Hữu Cường"
    )
    assert "data-sign" not in other
    assert "to-emergency" in page_of(stage.client("binh"), "/")
    assert "to-emergency" not in page_of(stage.client("soat"), "/")


def test_one_signature_lets_a_template_speak_and_every_page_says_so_until_it_is_cancelled(
    stage: Stage,
) -> None:
    ids = alarmed(stage)
    client = stage.client("hung")
    text = body_of(stage, client, ids["flood"], ["dong", "ben"]).get_data(as_text=True)
    form = fields_for(stage, text, clicked_ms=250)
    first = stage.post(client, "/emergency/speak", form, page="/emergency", headers=PART)
    again = stage.post(client, "/emergency/speak", form, page="/emergency", headers=PART)
    assert first.get_json() == again.get_json(), "sent twice by a shaky network, spoken once"
    key = first.get_json()["to"].rpartition("/")[2]
    assert occurrences_of(stage, key)[0].clicked_at == stage.now() - timedelta(milliseconds=250)
    live = words_of(page_of(client, f"/emergency/{key}"))
    assert "Trần Văn Hùng phát lúc 16:42:00" in live
    assert FLOOD_SAYS in live
    assert "Lượt 1, nhắc lại lúc 16:52. Tự hết lúc 18:42." in live
    line = "Đang phát khẩn cấp: Nước lên, sơ tán."
    for who, path in (("khoa", "/duty"), ("giup", "/"), ("hanh", "/announcements/new")):
        assert line in page_of(stage.client(who), path), who
    assert 'class="to-emergency' not in page_of(stage.client("giup"), f"/emergency/{key}")
    assert f"/emergency/{key}/cancel" not in page_of(stage.client("giup"), f"/emergency/{key}")
    assert len(occurrences_of(stage, key)) == 12
    assert page_of(client, "/").count("Khẩn cấp</span>") == 2, "Hôm nay shows this playing and the next"
    answer = stage.post(client, f"/emergency/{key}/cancel", {}, page="/emergency")
    assert answer.headers["Location"] == f"/emergency/{key}"
    ended = words_of(page_of(client, f"/emergency/{key}"))
    assert "Đã huỷ, loa không nhắc lại nữa" in ended
    assert all(row.cancelled_at for row in occurrences_of(stage, key))
    assert line not in page_of(stage.client("giup"), "/")
    twice = stage.post(client, f"/emergency/{key}/cancel", {}, page="/emergency")
    assert twice.status_code == 409
    assert "đã hết hoặc đã được huỷ" in words_of(twice.get_data(as_text=True))


def test_whoever_alone_signed_a_template_is_told_whom_to_call_or_takes_its_words(stage: Stage) -> None:
    ids = alarmed(stage)
    cuong = stage.client("cuong")
    page = page_of(cuong, f"/emergency?template={ids['flood']}")
    alone = "Mẫu này mới một mình anh/chị ký nên phải người khác phát. Xin gọi ngay: Trần Văn Hùng."
    assert (words_of(page).count(alone), page.count("data-lone")) == (2, 2)
    refused = body_of(stage, cuong, ids["flood"], ["dong"])
    assert refused.status_code == 409
    assert "phải người khác phát. Xin gọi ngay: Trần Văn Hùng." in refused.get_data(as_text=True)
    assert "data-lone" not in page_of(stage.client("hung"), "/emergency")
    assert "data-lone" not in page_of(cuong, "/drills/new"), "a drill says nothing"
    own = page_of(cuong, f"/emergency?template=own&words={ids['flood']}")
    assert re.search(r"<textarea[^>]*>Nước sông Vân đang lên nhanh", own)
    ticked = re.findall(r'<input type="checkbox" name="villages" value="([a-z]+)"[^>]* checked', own)
    assert sorted(ticked) == ["ben", "dong", "ha"]
    assert page_of(cuong, "/emergency?template=own&words=💥")
    signed_too(stage, ids["flood"])
    assert page_of(cuong, "/emergency").count("data-lone") == 1, "the other template is as before"
    assert speak(stage, ids["flood"], who="cuong", key="k-cuong")


def test_a_warning_of_others_makes_a_template_stand_ready_and_never_speaks(stage: Stage) -> None:
    ids = alarmed(stage)
    at = stage.now()
    with stage.database.session() as db:
        code = template_of(stage, ids["flood"]).code
        info = {"title": "Lũ trên sông Vân", "sender_name": "Đài khí tượng tỉnh"}
        warning = CapMessage(
            sender="kttv", identifier="1", sent=at, status="Actual", msg_type="Alert", received_at=at,
            expires=at + timedelta(hours=3), xml="", info=info, villages=["ben"], state="prepared", template=code,
        )  # fmt: skip
        db.add(warning)
        db.flush()
        number = warning.id
    client = stage.client("hung")
    page = page_of(client, "/emergency")
    assert "Cảnh báo đến: Lũ trên sông Vân." in words_of(page)
    assert "Đài khí tượng tỉnh gửi 16:42, có hiệu lực đến 19:42." in words_of(page)
    assert f"/emergency?template={ids['flood']}&amp;warning={number}" in page
    ready = page_of(client, f"/emergency?template={ids['flood']}&warning={number}")
    ticked = re.findall(r'<input type="checkbox" name="villages" value="([a-z]+)"[^>]* checked', ready)
    assert ticked == ["ben"]
    assert "Đang phát" not in page


def test_what_may_not_be_said_is_refused_with_a_sentence(stage: Stage) -> None:
    ids = alarmed(stage)
    hung, binh = stage.client("hung"), stage.client("binh")
    refused = body_of(stage, binh, ids["flood"], ["dong"])
    assert (refused.status_code, "chưa được xã giao quyền" in refused.get_data(as_text=True)) == (409, True)
    for template, villages in (
        (ids["flood"], ["go"]), (ids["flood"], ["trăng"]), (ids["flood"], []), (987, ["dong"]),
    ):  # fmt: skip
        answer = body_of(stage, hung, template, villages)
        assert answer.status_code in (404, 409), (template, villages)
        assert len(answer.get_data(as_text=True).strip()) > 10
    for said in ("", "x" * 100_000, "-1", "１", "own"):
        form: dict[str, object] = {"template": said, "villages": ["dong"]}
        answer = stage.post(hung, "/emergency/body", form, page="/emergency", headers=PART)
        assert answer.status_code in (404, 409)
    text = body_of(stage, hung, ids["flood"], ["dong"]).get_data(as_text=True)
    good = fields_for(stage, text)
    for change in (
        {"signature": "không phải"},
        {"signature": ""},
        {"body": text.replace("sơ tán", "sơ tản")},
        {"key": "k-cuong"},
        {"body": "", "key": "x" * 100_000},
    ):
        answer = stage.post(hung, "/emergency/speak", good | change, page="/emergency", headers=PART)
        assert answer.status_code == 409, change
        assert answer.get_data(as_text=True).strip().endswith(".")
    stage.clock.advance(11 * 60)
    late = stage.post(hung, "/emergency/speak", good, page="/emergency", headers=PART)
    assert late.status_code == 409, "what was offered long ago is not spoken"


def test_the_live_page_tells_each_loudspeaker_and_what_to_do_about_the_silent(stage: Stage) -> None:
    ids = alarmed(stage)
    key = speak(stage, ids["flood"], ["dong", "ben", "ha"])
    client = stage.client("hung")
    with stage.database.session() as db:
        db.get_one(ServiceSeen, "thon-03.speaker").state = "lost"
    assert "Đang gửi lệnh tới loa" in page_of(client, f"/emergency/{key}")
    stage.clock.advance(5)
    slow = words_of(page_of(client, f"/emergency/{key}"))
    assert "vẫn chưa gửi được tới 3 cụm loa. Xin gọi điện cho các thôn" in slow
    begun = stage.now()
    for node in ("thon-01", "thon-02"):
        told(stage, key, node, "playing", started_at=begun, repeat=1)
    stage.clock.advance(20)
    part = client.get(f"/emergency/{key}", headers=PART).get_data(as_text=True)
    said = words_of(part)
    assert "<html" not in part
    assert "Đang phát khẩn cấp" in said
    assert "00:20" in said
    assert "2 trên 3 cụm loa đang nói" in said
    assert "Bến 2, đầu cầu Im Mất nối" in said
    assert "Cử người đi báo." in said
    assert "Thôn Hạ Chưa có loa" in said
    assert f'data-began="{int(begun.timestamp() * 1000)}"' in part
    assert part.count("data-from=") == 4, "four sentences to follow"
    for node, level in (("thon-01", 3), ("thon-02", 1)):
        told(
            stage,
            key,
            node,
            "played",
            started_at=begun,
            ended_at=stage.now(),
            sound="card",
            proof_level=level,
        )
    rest = words_of(page_of(client, f"/emergency/{key}"))
    assert "Đang nghỉ giữa hai lượt" in rest
    assert "1 trên 3 cụm loa đã nghe thấy" in rest
    stage.clock.advance(8 * 3600)
    assert "Đã phát xong" in page_of(stage.client("lanh"), f"/emergency/{key}")


def test_two_emergencies_at_once_name_each_other_and_either_can_be_ended(stage: Stage) -> None:
    ids = alarmed(stage)
    flood = speak(stage, ids["flood"])
    asked = words_of(page_of(stage.client("hung"), f"/emergency/{flood}"))
    assert "huỷ luôn tin khẩn cấp đang nhắc lại" in asked
    fire = speak(stage, ids["fire"], ["trung"])
    client = stage.client("hung")
    stage.post(client, f"/emergency/{flood}/cancel", {}, page="/emergency")
    for path in (f"/emergency/{flood}", "/emergency"):
        page = page_of(client, path)
        assert f'href="/emergency/{fire}"' in page, path
        assert f'action="/emergency/{fire}/cancel"' in page, path
        assert f'action="/emergency/{flood}/cancel"' not in page, path
        assert "Chưa có gì đang phát" not in page, path
    assert "Còn tin khẩn cấp khác đang phát: Cháy" in words_of(page_of(client, f"/emergency/{flood}"))
    part = client.get(f"/emergency/{flood}", headers=PART).get_data(as_text=True)
    assert f'action="/emergency/{fire}/cancel"' in part
    helper = page_of(stage.client("giup"), f"/emergency/{flood}")
    assert f"/emergency/{fire}/cancel" not in helper
    assert "Chưa có gì đang phát" not in helper
    assert "Sẽ huỷ luôn tin khẩn cấp đang nhắc lại." in page_of(client, "/speakers")
    stage.post(client, f"/emergency/{fire}/cancel", {}, page="/emergency")
    quiet = page_of(client, f"/emergency/{flood}")
    assert "Chưa có gì đang phát" in quiet
    assert "huỷ luôn tin khẩn cấp" not in quiet
    assert "Sẽ huỷ luôn tin khẩn cấp" not in page_of(client, "/speakers")


def test_loudspeakers_that_stopped_or_would_not_are_counted_as_heard_of(stage: Stage) -> None:
    ids = alarmed(stage)
    key = speak(stage, ids["flood"], ["dong", "ben"])
    client = stage.client("hung")
    for node in ("thon-01", "thon-02", "thon-03"):
        told(stage, key, node, "refused", reason="muted-here")
    assert "3 trên 3 cụm loa báo không phát được" in words_of(page_of(client, f"/emergency/{key}"))
    begun = stage.now()
    for node in ("thon-01", "thon-02"):
        told(stage, key, node, "cancelled", started_at=begun, ended_at=begun, reason="stopped")
    stage.post(client, f"/emergency/{key}/cancel", {}, page="/emergency")
    page = words_of(page_of(client, f"/emergency/{key}"))
    assert "2 trên 3 cụm loa đã dừng" in page
    assert "Chưa cụm nào" not in page


def test_villages_without_any_loudspeaker_are_not_signed_for_and_later_say_so(stage: Stage) -> None:
    ids = alarmed(stage)
    client = stage.client("hung")
    refused = body_of(stage, client, ids["flood"], ["ha"])
    assert refused.status_code == 404
    assert "Ở nơi đã chọn chưa có cụm loa nào" in refused.get_data(as_text=True)
    form: dict[str, object] = {"text": "Sạt lở ở dốc Gò.", "villages": ["go"]}
    answer = stage.post(client, "/emergency/words", form, page="/emergency")
    assert (answer.status_code, "chưa có cụm loa nào" in answer.get_data(as_text=True)) == (409, True)
    mixed = hand_in(stage, client)
    assert "Chưa có loa: thôn Gò. Ký xong vẫn phải cử người đi báo." in words_of(
        page_of(client, f"/emergency/{mixed}")
    )
    key = speak(stage, ids["flood"], ["dong"])
    with stage.database.session() as db:
        db.get_one(NodeRecord, "thon-01").retired_at = stage.now()
    page = words_of(page_of(client, f"/emergency/{key}"))
    assert "Không loa nào đọc tin này" in page
    assert "Đang gửi lệnh tới loa" not in page


def test_words_of_two_signers_are_late_only_after_the_second_signature(stage: Stage) -> None:
    alarmed(stage)
    hung, cuong = stage.client("hung"), stage.client("cuong")
    key = hand_in(stage, hung, villages=["dong", "trung"])
    sign(stage, hung, key, "k-lanh")
    stage.clock.advance(7)
    assert sign(stage, cuong, key, "k-cuong")[0] == 200
    begun = stage.now() + timedelta(milliseconds=760)
    ended = begun + timedelta(seconds=20)
    for node, late in (("thon-01", 7900), ("thon-04", 9000)):
        told(stage, key, node, "played", started_at=begun, ended_at=ended, late_ms=late, sound="card")
    stage.clock.advance(60)
    page = words_of(page_of(hung, f"/announcements/{key}"))
    assert "chậm 7," not in page
    assert "chậm 2,1 giây" in page, "what is late stays late"
    with stage.database.reading() as db:
        since = stage.now() - timedelta(hours=1)
        logged = {each.node: each.late_ms for each in entries(db, since, stage.now(), stage.now())}
    assert logged == {"thon-01": 1040, "thon-04": 2140} | {
        node: None for node in logged if node not in ("thon-01", "thon-04")
    }


def test_a_broker_that_is_away_is_said_before_and_at_once(stage: Stage) -> None:
    ids = alarmed(stage)
    with stage.database.session() as db:
        put_setting(
            db, "broker.heard", {"away_since": (stage.now() - timedelta(minutes=1)).isoformat()}, stage.now()
        )
    client = stage.client("hung")
    before = words_of(page_of(client, "/emergency"))
    key = speak(stage, ids["flood"])
    after = words_of(page_of(client, f"/emergency/{key}"))
    assert "Lúc này lệnh chưa tới được loa." in before
    assert "LOA CHƯA NHẬN ĐƯỢC LỆNH." in after
    assert "gọi điện cho các thôn" in after
    told(stage, key, "thon-01", "playing", started_at=stage.now(), repeat=1)
    old = words_of(page_of(client, f"/emergency/{key}"))
    assert "Tin dưới đây là tin cũ" in old
    assert "vừa xong" not in old


def test_free_words_are_heard_once_a_second_person_signed(stage: Stage) -> None:
    alarmed(stage)
    hung, cuong = stage.client("hung"), stage.client("cuong")
    key = hand_in(stage, hung)
    assert "Tin khẩn cấp chờ hai người ký: Sạt lở ở dốc Gò." in page_of(cuong, "/")
    assert "Tin khẩn cấp chờ" not in page_of(stage.client("giup"), "/")
    assert stage.client("giup").get(f"/emergency/{key}").status_code == 403
    assert sign(stage, hung, key, "k-lanh")[0] == 200
    mine = words_of(page_of(hung, f"/emergency/{key}"))
    assert "Chờ người thứ hai ký" in mine
    assert "Đặng Hữu Cường" in mine
    line = words_of(page_of(cuong, "/"))
    assert "Tin khẩn cấp chờ anh/chị ký: Sạt lở ở dốc Gò." in line
    assert "Trần Văn Hùng đã ký. Người thứ hai ký trước 16:52 thì loa nói." in line
    code, said = sign(stage, hung, key, "k-lanh")
    assert (code, "Anh/chị đã ký rồi" in said) == (409, True)
    assert revision_of(stage, key).state == "submitted"
    assert "Ký và phát ngay" in page_of(cuong, f"/emergency/{key}")
    code, said = sign(stage, cuong, key, "k-cuong")
    assert code == 200, said
    live = words_of(page_of(cuong, f"/emergency/{key}"))
    assert "Trần Văn Hùng và Đặng Hữu Cường phát lúc 16:42:00" in live
    assert revision_of(stage, key).state == "approved"


def test_a_first_signature_lapses_and_words_can_be_dropped(stage: Stage) -> None:
    alarmed(stage)
    hung, cuong = stage.client("hung"), stage.client("cuong")
    key = hand_in(stage, hung)
    sign(stage, hung, key, "k-lanh")
    stage.clock.advance(601)
    page = words_of(page_of(cuong, f"/emergency/{key}"))
    assert "Chữ ký của Trần Văn Hùng đã quá mười phút" in page
    assert "Ký trước" in page
    stage.post(cuong, f"/emergency/{key}/drop", {}, page="/emergency")
    assert revision_of(stage, key).state == "withdrawn"
    again = stage.post(cuong, f"/emergency/{key}/drop", {}, page="/emergency")
    assert (again.status_code, "không còn chờ ký" in again.get_data(as_text=True)) == (409, True)
    assert "Tin khẩn cấp chờ" not in page_of(cuong, "/")


def test_doubtful_empty_and_strange_words_are_asked_about_or_refused_and_kept_on_the_page(
    stage: Stage,
) -> None:
    alarmed(stage)
    client = stage.client("hanh")
    for text in (
        "",
        "🔥🔥🔥",
        "x" * 100_000,
        "\u0e19\u0e49\u0e33\u0e17\u0e48\u0e27\u0e21",
        "QPCTX báo động.",
    ):
        form: dict[str, object] = {"text": text, "villages": ["go"]}
        answer = stage.post(client, "/emergency/words", form, page="/emergency")
        page = answer.get_data(as_text=True)
        assert answer.status_code == 409, text[:20]
        assert 'role="alert"' in page
        assert text[:20] in page, "what was written stays"
    preview = stage.post(client, "/emergency/words/preview", {"text": "QPCTX báo 14h30."}, page="/emergency")
    assert "“QPCTX” đọc là gì?" in preview.get_data(as_text=True)
    assert "mười bốn giờ ba mươi" in preview.get_data(as_text=True)
    composed = "Nước lên ở thôn Bến. Bà con đi ngay."
    key = hand_in(stage, client, text=unicodedata.normalize("NFD", composed), villages=["ben"])
    assert revision_of(stage, key).spoken == composed
    answer = stage.post(client, "/emergency/words", {"text": composed}, page="/emergency")
    assert answer.status_code == 409
    assert "thôn" in words_of(answer.get_data(as_text=True))


def test_silence_is_one_press_away_and_leads_nowhere_outside(stage: Stage) -> None:
    client = stage.client("binh")
    for back in (
        "https://xa.example/",
        "//xa.example",
        "/emergency\\..\\x",
        "/emergency\r\nX: y",
        "/emergency/../..//xa.example",
        "/emergency/%2e%2e//xa.example",
        "/emergencyx",
        "/drills/new",
    ):
        answer = stage.post(client, "/emergency/silence", {"back": back}, page="/")
        assert answer.headers["Location"] == (back if back == "/drills/new" else "/emergency")
    with stage.database.reading() as db:
        assert silence_of(db, stage.now()) is not None


def test_a_drill_beside_an_emergency_misleads_nobody_and_silence_as_ordered_sends_nobody_out(
    stage: Stage,
) -> None:
    ids = alarmed(stage)
    client = stage.client("hung")
    key = speak(stage, ids["fire"], ["trung"], drill=True)
    speak(stage, ids["flood"], ["dong"])
    assert "không có tin khẩn cấp" not in page_of(client, "/")
    assert "Đang diễn tập loa." in page_of(client, "/")
    before = words_of(page_of(client, "/drills/new"))
    assert "Đang phát khẩn cấp: Nước lên, sơ tán. Ở những thôn ấy chưa diễn tập được" in before
    refused = body_of(stage, client, ids["flood"], ["dong"], drill=True)
    assert (refused.status_code, "nên không diễn tập" in refused.get_data(as_text=True)) == (409, True)
    told(stage, key, "thon-04", "refused", reason="drill-waits")
    stage.clock.advance(75)
    page = words_of(page_of(client, f"/drills/{key}"))
    assert "Chưa diễn tập được: cụm loa giữ im theo quy định." in page
    assert "Loa không hỏng, chỉ giữ im theo quy định: Trung 1, đình: Loa đang phát bản tin" in page
    assert "Xin cử người đến xem" not in page


def test_a_drill_gives_every_loudspeaker_a_certificate_and_names_who_did_not_answer(stage: Stage) -> None:
    ids = alarmed(stage)
    client = stage.client("hung")
    calm = page_of(client, "/drills/new")
    assert 'class="emergency drill"' in calm
    assert "press red speak" not in calm
    key = speak(stage, ids["flood"], ["dong", "ben"], drill=True)
    assert "Đang diễn tập loa, không có tin khẩn cấp." in page_of(stage.client("giup"), "/")
    assert "Đang phát khẩn cấp" not in page_of(stage.client("giup"), "/")
    assert client.get(f"/emergency/{key}").headers["Location"] == f"/drills/{key}"
    clicked = occurrences_of(stage, key)[0].clicked_at
    assert clicked is not None
    heard = {
        "started_at": clicked + timedelta(milliseconds=420),
        "sent_at": clicked + timedelta(milliseconds=90),
    }
    heard |= {"told_at": clicked + timedelta(milliseconds=560), "ended_at": clicked + timedelta(seconds=3)}
    told(
        stage, key, "thon-01", "played", **heard, sound="card", proof_level=3, proof="heard", proof_score=0.62,
        clock="trusted", clock_error_ms=12, volume=90,
    )  # fmt: skip
    running = words_of(page_of(client, f"/drills/{key}"))
    assert "Đang diễn tập: 1 trên 3 cụm loa đã báo kêu." in running
    assert "Huỷ lần diễn tập này" in running
    late = {"started_at": clicked + timedelta(seconds=1.5), "sent_at": clicked, "clock": "unknown"}
    told(
        stage,
        key,
        "thon-02",
        "played",
        **late,
        sound="card",
        reason="no-audio",
        proof="consumed",
        proof_level=1,
    )
    stage.clock.advance(75)
    page = page_of(stage.client("soat"), f"/drills/{key}")
    said = words_of(page)
    assert "2 trên 3 cụm loa đã kêu. Chậm nhất 1,50 giây sau khi bấm." in said
    assert "Không kêu hoặc không trả lời: Bến 2, đầu cầu." in said
    assert "Nghe thấy 0,09 giây 0,42 giây ±0,01 giây 0,56 giây Có sẵn Micro nghe thấy, 62" in said
    assert "1,50 giây điểm không rõ giờ – Chưa tải về Chưa đo ngoài loa" in said
    assert re.search(r'data-node="thon-03" data-weight="bad"', page)
    assert "Đang giờ yên tĩnh" not in calm
    stage.clock.advance(6 * 3600)
    assert "Đang giờ yên tĩnh: loa không kêu chuông diễn tập" in page_of(stage.client("hung"), "/drills/new")
    listed = words_of(page_of(stage.client("soat"), "/drills"))
    assert "2 trên 3 cụm loa đã kêu." in listed
    assert "Trần Văn Hùng" in listed
    assert stage.client("hung").get("/drills/dt-khongco").status_code == 404

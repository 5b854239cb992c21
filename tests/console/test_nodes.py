"""Điểm và máy: what a node's page says, how a machine enrols with one command, how it is cut off."""

from __future__ import annotations

import html
import re
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from broker.contract import NODE_SERVICES
from broker.hub.console.codes import ShownCode, ShownCodes
from broker.hub.console.courses import revoke_course
from broker.hub.console.nodes import free_name
from broker.hub.declined import Declined
from broker.hub.heard import Hearing
from broker.hub.keys.enrolment import TRIES, admit
from broker.hub.keys.issuing import Issuer
from broker.hub.records import (
    AuditRow,
    Certificate,
    EnrolCode,
    NodeRecord,
    Revocation,
    ServiceSeen,
    SpeakerSeen,
    Village,
    put_setting,
)
from broker.trust.enrolment import Ask, fingerprint, prepare
from tests.console.stage import NOW, Stage, live_day

NBSP = "\N{NO-BREAK SPACE}"


def text_of(stage: Stage, path: str, name: str = "quan") -> str:
    """What a page says, without its tags."""
    page = stage.client(name).get(path, follow_redirects=True).get_data(as_text=True)
    return said_by(page)


def said_by(page: str) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)).replace(NBSP, " "))


def certify(stage: Stage, *nodes: str, days: int = 200) -> None:
    """Nodes of the stage hold certificates that end in so many days."""
    with stage.database.session() as db:
        for node in nodes:
            for service in NODE_SERVICES:
                row = Certificate(serial=f"{node}{service}".encode().hex(), identity=f"{node}.{service}")
                row.node, row.issued_at = node, NOW - timedelta(days=30)
                row.not_after = NOW + timedelta(days=days)
                db.add(row)


def add_node(stage: Stage, village: str = "ha", **form: object) -> str:
    """An admin adds a node through the form; the code that is shown."""
    client = stage.client("quan")
    answer = stage.post(client, "/nodes/new", {"village": village, **form}, page="/nodes/new")
    assert answer.status_code == 302, said_by(answer.get_data(as_text=True))
    page = client.get(answer.headers["Location"]).get_data(as_text=True)
    found = re.search(r"--code ([0-9A-Z]{4}-[0-9A-Z]{4})", page)
    assert found is not None, said_by(page)
    return found[1]


def enrol(stage: Stage, code: str, keys: Path, node: str = "thon-05") -> None:
    """What a machine does with the command, without the network between."""
    ask = Ask(node=node, code=code, requests=prepare(keys, node))
    with stage.database.session() as db:
        admit(db, stage.settings, Issuer(stage.settings.keys_dir), ask, stage.now())


def join(stage: Stage, node: str = "thon-05", services: int = 5) -> None:
    """Services of a node say that they are ready."""
    with stage.database.session() as db:
        for service in NODE_SERVICES[:services]:
            row = ServiceSeen(
                identity=f"{node}.{service}", node=node, service=service, state="ready", boot="b"
            )
            row.since = row.seen_at = stage.now()
            db.merge(row)


def revoke(stage: Stage, node: str = "thon-03", **change: object) -> tuple[int, str]:
    """The form of revoking; status and what the answer says."""
    client = stage.client("quan")
    form = {"why": "lost", "sure": "yes", **change}
    answer = stage.post(client, f"/nodes/{node}/revoke", form, page=f"/nodes/{node}/revoke")
    return answer.status_code, said_by(answer.get_data(as_text=True))


def finish(stage: Stage, node: str = "thon-03", **times_s: float) -> None:
    """Steps of the newest revoking are done so many seconds after it was asked."""
    with stage.database.session() as db:
        query = select(Revocation).where(Revocation.node == node).order_by(Revocation.id.desc())
        row = db.scalars(query.limit(1)).one()
        for step, after_s in times_s.items():
            setattr(row, step, row.asked_at + timedelta(seconds=after_s))


def test_every_node_says_how_it_is_until_when_and_when_it_was_heard(stage: Stage) -> None:
    live_day(stage)
    certify(stage, "thon-01", "thon-02", "thon-03", "thon-04")
    said = text_of(stage, "/nodes")
    assert "Một điểm cần người xem." in said
    assert "20 chứng thư đang dùng, sớm nhất hết ngày 9/6/2027." in said
    assert re.search(
        r"Bến 2, đầu cầu Thôn Bến · thon-03 Một phần mất nối từ 12:42 Chứng thư đến 9/6/2027", said
    )
    assert said.index("Bến 2, đầu cầu") < said.index("Đông 1, nhà văn hoá")
    root = fingerprint((stage.settings.keys_dir / "ca.pem").read_bytes())
    assert root in said


def test_a_certificate_near_its_end_needs_a_look_and_one_past_it_a_person(stage: Stage) -> None:
    certify(stage, "thon-01", "thon-02", "thon-03")
    certify(stage, "thon-04", days=12)
    said = text_of(stage, "/nodes")
    assert "Một điểm nên xem." in said
    assert "Chứng thư sắp hết" in said
    assert "còn 12 ngày" in said
    stage.clock.advance(12 * 24 * 3600)
    said = text_of(stage, "/nodes")
    assert "Một điểm cần người xem." in said
    assert "hết hạn 3/12/2026" in said


def test_leader_and_auditor_look_and_only_the_admin_acts(stage: Stage) -> None:
    certify(stage, "thon-01")
    for name in ("lanh", "soat"):
        for path in ("/nodes", "/nodes/thon-01"):
            said = text_of(stage, path, name)
            assert "Đông 1, nhà văn hoá" in said
            assert "Thêm điểm" not in said
            assert "Thu hồi ngay" not in said
            assert "/revoke" not in stage.client(name).get(path).get_data(as_text=True)
        for path in ("/nodes/new", "/nodes/thon-01/enrol", "/nodes/thon-01/revoke", "/villages"):
            assert stage.client(name).get(path).status_code == 403, path
    assert stage.client("hanh").get("/nodes").status_code == 403


def test_doors_say_whether_the_broker_keeps_rights_and_how_long_the_list_lasts(stage: Stage) -> None:
    assert "Chưa thử lần nào." in text_of(stage, "/nodes")
    with stage.database.session() as db:
        value = {"verdict": "open", "text": "x", "sentence": "Máy chuyển tin đang để lọt.", "leaks": []}
        put_setting(db, "broker.canary", value, NOW)
    page = stage.client("quan").get("/nodes").get_data(as_text=True)
    assert '<span class="state bad">Quyền của từng máy</span>' in page
    assert "Máy chuyển tin đang để lọt." in page


def test_a_node_that_is_not_there_is_a_sentence(stage: Stage) -> None:
    for path in ("/nodes/thon-77", "/nodes/thon-77/enrol", "/nodes/thon-77/revoke", "/nodes/x/revocation"):
        answer = stage.client("quan").get(path)
        assert answer.status_code == 404, path
        assert "Không có điểm này" in answer.get_data(as_text=True)


def test_adding_a_node_takes_a_village_and_gives_one_command(stage: Stage) -> None:
    code = add_node(stage)
    root = fingerprint((stage.settings.keys_dir / "ca.pem").read_bytes())
    client = stage.client("quan")
    page = client.get("/nodes/thon-05/enrol").get_data(as_text=True)
    hub = f"https://{stage.settings.hub_name}:{stage.settings.enrolment.port}"
    assert f"sudo -u langso langso enrol thon-05 --hub {hub} --code {code} --pin {root}" in said_by(page)
    assert "<svg role=" in page
    with stage.database.reading() as db:
        node = db.get_one(NodeRecord, "thon-05")
        row = db.scalars(select(EnrolCode).where(EnrolCode.node == "thon-05")).one()
        made = db.scalars(select(AuditRow).where(AuditRow.action == "node.code-made")).one()
    assert (node.label, node.village) == ("Nhà văn hoá thôn Hạ", "ha")
    assert (made.actor, made.subject) == ("quan", "thon-05")
    assert code not in (row.code_hash, made.detail)
    assert row.expires_at - row.made_at == timedelta(minutes=15)


def test_a_second_node_of_a_village_gets_a_name_of_its_own(stage: Stage) -> None:
    add_node(stage)
    add_node(stage)
    add_node(stage, label="  Trạm  y tế ", name="tram-y-te")
    with stage.database.reading() as db:
        labels = set(db.scalars(select(NodeRecord.label).where(NodeRecord.village == "ha")))
    assert labels == {"Nhà văn hoá thôn Hạ", "Nhà văn hoá thôn Hạ 2", "Trạm y tế"}


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"village": ""}, "Xin chọn thôn đặt máy."),
        ({"village": "khong-co"}, "Xin chọn thôn đặt máy."),
        ({"village": "ha", "name": "thon-01"}, "Tên máy thon-01 đã có điểm dùng"),
        ({"village": "ha", "name": "a+b"}, "Tên điểm gồm"),
        ({"village": "ha", "name": "hub"}, "Tên"),
        ({"village": "ha", "name": "đông"}, "Tên điểm gồm"),
    ],
)
def test_what_cannot_be_a_node_is_said_and_nothing_is_made(
    stage: Stage, form: dict[str, object], said: str
) -> None:
    client = stage.client("quan")
    answer = stage.post(client, "/nodes/new", form, page="/nodes/new")
    assert answer.status_code == 409
    assert said in answer.get_data(as_text=True)
    with stage.database.reading() as db:
        assert db.scalars(select(EnrolCode)).all() == []
        assert len(db.scalars(select(NodeRecord)).all()) == 4


def test_a_code_is_shown_to_who_asked_and_to_nobody_after_a_restart(stage: Stage) -> None:
    code = add_node(stage)
    stage.app.extensions["shown-codes"] = ShownCodes()
    said = text_of(stage, "/nodes/thon-05/enrol")
    assert code not in said
    assert "Mã chỉ hiện cho người đã lấy nó." in said
    client = stage.client("quan")
    answer = stage.post(client, "/nodes/thon-05/code", {}, page="/nodes")
    fresh = re.search(r"--code ([0-9A-Z-]{9})", client.get(answer.headers["Location"]).get_data(as_text=True))
    assert fresh is not None
    assert fresh[1] != code


def test_shown_codes_end_by_themselves_and_belong_to_one_person() -> None:
    codes = ShownCodes()
    codes.put(1, "thon-05", ShownCode("AAAA-AAAA", NOW + timedelta(minutes=15)), NOW)
    assert codes.get(2, "thon-05", NOW) is None
    assert codes.get(1, "thon-06", NOW) is None
    found = codes.get(1, "thon-05", NOW + timedelta(minutes=14))
    assert found is not None
    assert found.code == "AAAA-AAAA"
    assert codes.get(1, "thon-05", NOW + timedelta(minutes=15)) is None


def test_the_page_follows_the_machine_from_the_code_to_ready(stage: Stage, tmp_path: Path) -> None:
    code = add_node(stage)
    assert "Đang chờ máy ở điểm chạy lệnh." in text_of(stage, "/nodes/thon-05/enrol")
    assert "Chờ máy ghi danh mã đến 16:57" in text_of(stage, "/nodes")
    stage.clock.advance(30)
    enrol(stage, code, tmp_path)
    said = text_of(stage, "/nodes/thon-05/enrol")
    assert "Nhà văn hoá thôn Hạ đã ghi danh, đang nối." in said
    assert "Máy nhận chứng thư : xong Khoá do chính máy làm ra và không rời máy. 16:42:30" in said
    assert code not in said
    stage.clock.advance(10)
    join(stage, services=2)
    assert "2/5 chương trình đang chạy" in text_of(stage, "/nodes/thon-05/enrol")
    join(stage)
    said = text_of(stage, "/nodes/thon-05/enrol")
    assert "Nhà văn hoá thôn Hạ đã sẵn sàng." in said
    assert "5/5 chương trình đang chạy 16:42:40" in said
    said = text_of(stage, "/nodes/thon-05")
    assert "Máy nhận 5 chứng thư" in said
    assert "Ngô Quang Quân cấp mã ghi danh" in said


def test_a_service_that_kept_running_joined_when_it_was_heard_again(stage: Stage, tmp_path: Path) -> None:
    code = add_node(stage)
    join(stage)
    stage.clock.advance(30)
    enrol(stage, code, tmp_path)
    stage.clock.advance(12)
    with stage.database.session() as db:
        for row in db.scalars(select(ServiceSeen).where(ServiceSeen.node == "thon-05")):
            row.seen_at = stage.now()
    assert "Máy nối về trung tâm : xong 16:42:42" in text_of(stage, "/nodes/thon-05/enrol")


def test_wrong_tries_are_said_while_they_last_and_then_the_code_is_dead(stage: Stage, tmp_path: Path) -> None:
    add_node(stage)
    ask = Ask(node="thon-05", code="0000-0000", requests=prepare(tmp_path, "thon-05"))
    issuer = Issuer(stage.settings.keys_dir)
    for wrong in range(1, TRIES + 1):
        with stage.database.session() as db, suppress(Declined):
            admit(db, stage.settings, issuer, ask, stage.now(), weighed="none of it")
        if wrong == 3:
            assert "Mã đã bị gõ sai 3 lần." in text_of(stage, "/nodes/thon-05/enrol")
    said = text_of(stage, "/nodes/thon-05/enrol")
    assert "bị gõ sai quá số lần" in said
    assert "--code" not in said
    assert "Lấy mã mới" in said


def test_a_code_that_ran_out_says_so_and_a_new_one_is_one_press_away(stage: Stage) -> None:
    code = add_node(stage)
    stage.clock.advance(15 * 60)
    said = text_of(stage, "/nodes/thon-05/enrol")
    assert "Mã hết hạn lúc 16:57 mà chưa máy nào dùng." in said
    assert code not in said
    assert "Chưa ghi danh" in text_of(stage, "/nodes")
    client = stage.client("quan")
    assert stage.post(client, "/nodes/thon-05/code", {}, page="/nodes").status_code == 302
    assert "--code" in text_of(stage, "/nodes/thon-05/enrol")


def test_a_node_with_certificates_gets_no_code_by_accident(stage: Stage) -> None:
    certify(stage, "thon-01")
    answer = stage.post(stage.client("quan"), "/nodes/thon-01/code", {}, page="/nodes")
    assert answer.status_code == 409
    assert "đã có chứng thư" in answer.get_data(as_text=True)


def test_revoking_asks_why_and_whether_one_is_sure(stage: Stage) -> None:
    certify(stage, "thon-03")
    assert revoke(stage, why="") == (409, revoke(stage, why="")[1])
    assert "Xin chọn vì sao thu hồi" in revoke(stage, why="whim")[1]
    status, said = revoke(stage, sure="")
    assert status == 409
    assert "Xin đánh dấu vào ô xác nhận" in said
    with stage.database.reading() as db:
        assert db.scalars(select(Revocation)).all() == []


def test_a_revoked_node_is_followed_step_by_step_and_stays_out(stage: Stage) -> None:
    certify(stage, "thon-03")
    assert revoke(stage, note="mất đêm qua")[0] == 302
    said = text_of(stage, "/nodes/thon-03/revocation", "lanh")
    assert "Đang cắt máy ở Bến 2, đầu cầu." in said
    assert "Lý do đã ghi: Máy bị mất hoặc bị lấy cắp (mất đêm qua)." in said
    finish(stage, rights_gone_at=0.3, cut_off_at=1.25)
    said = text_of(stage, "/nodes/thon-03/revocation")
    assert "Xoá hết quyền của máy ở máy chuyển tin : xong sau 0,3 giây" in said
    assert "Đưa chứng thư vào danh sách thu hồi : đang làm" in said
    finish(stage, crl_loaded_at=0.8, probed_at=2.14)
    said = text_of(stage, "/nodes/thon-03/revocation")
    assert "Bến 2, đầu cầu: máy cũ đã bị cắt hẳn. Xong sau 2,1 giây." in said
    assert "1 điểm đã thu hồi" in text_of(stage, "/nodes")
    with stage.database.reading() as db:
        row = db.scalars(select(AuditRow).where(AuditRow.action == "node.revoked")).one()
        assert all(each.revoked_at for each in db.scalars(select(Certificate)))
    assert (row.actor, row.subject) == ("quan", "thon-03")
    assert stage.client("quan").get("/nodes/thon-03/revoke").status_code == 409


def test_a_step_that_does_not_come_about_says_why_and_what_a_person_can_do(stage: Stage) -> None:
    certify(stage, "thon-03")
    revoke(stage)
    with stage.database.session() as db:
        db.scalars(select(Revocation)).one().trouble = "the broker still knows thon-03"
    said = text_of(stage, "/nodes/thon-03/revocation")
    assert "Chưa cắt xong máy ở Bến 2, đầu cầu." in said
    assert (
        "Xoá hết quyền của máy ở máy chuyển tin : không được Máy chuyển tin chưa nhận lệnh xoá quyền." in said
    )
    assert "the broker still knows thon-03" in said
    assert "rút điện hoặc dây mạng" in said


def test_a_new_machine_takes_the_place_of_a_revoked_one(stage: Stage, tmp_path: Path) -> None:
    certify(stage, "thon-03")
    revoke(stage)
    client = stage.client("quan")
    answer = stage.post(client, "/nodes/thon-03/code", {}, page="/nodes")
    assert (answer.status_code, "đang được thu hồi" in answer.get_data(as_text=True)) == (409, True)
    finish(stage, rights_gone_at=0.1, crl_loaded_at=0.2, cut_off_at=0.3, probed_at=0.4)
    stage.clock.advance(60)
    answer = stage.post(client, "/nodes/thon-03/code", {}, page="/nodes")
    page = client.get(answer.headers["Location"]).get_data(as_text=True)
    code = re.search(r"--code ([0-9A-Z-]{9})", page)
    assert code is not None
    assert "Đã thu hồi, chờ máy mới" in text_of(stage, "/nodes")
    enrol(stage, code[1], tmp_path, "thon-03")
    join(stage, "thon-03")
    said = text_of(stage, "/nodes")
    assert "điểm đã thu hồi" not in said
    assert "Bến 2, đầu cầu đã sẵn sàng." in text_of(stage, "/nodes/thon-03/enrol")


def test_steps_of_a_revoking_may_be_done_in_any_order() -> None:
    row = Revocation(node="thon-03", asked_at=NOW, asked_by="quan", reason="", trouble="")
    row.probed_at = NOW + timedelta(seconds=1)
    states = [step.state for step in revoke_course("Bến 2", row, NOW + timedelta(seconds=2)).steps]
    assert states == ["done", "now", "todo", "todo", "done"]
    late = revoke_course("Bến 2", row, NOW + timedelta(seconds=40))
    assert [step.state for step in late.steps] == ["done", "fail", "todo", "todo", "done"]
    assert not late.is_well


def test_the_proposed_name_is_the_first_that_is_free() -> None:
    assert free_name([]) == "thon-01"
    assert free_name(["thon-01", "thon-03"]) == "thon-02"


def test_a_commune_without_villages_is_led_to_them(stage: Stage) -> None:
    with stage.database.session() as db:
        db.execute(delete(NodeRecord))
        db.execute(delete(Village))
    said = text_of(stage, "/nodes/new")
    assert "Xã chưa có thôn nào trong danh sách" in said
    assert "Xã chưa có điểm nào." in text_of(stage, "/nodes")


def test_a_dead_broker_is_named_on_every_page_that_speaks_of_nodes(stage: Stage) -> None:
    live_day(stage)
    with stage.database.session() as db:
        Hearing().write(db, False, NOW - timedelta(minutes=20))
        Hearing().write(db, False, NOW)
    for path in ("/nodes", "/speakers", "/overview", "/wire", "/"):
        said = text_of(stage, path, "lanh")
        assert "Máy chuyển tin không chạy từ 16:22. Xin báo người quản trị." in said, path
        assert "systemctl" not in said, path
        assert "sudo systemctl restart mosquitto" in text_of(stage, path, "quan"), path


def test_while_the_broker_is_down_nothing_is_called_well(stage: Stage) -> None:
    for path, said in (("/speakers", "Đang chạy"), ("/nodes", "Đang chạy"), ("/nodes/thon-01", "Đang chạy")):
        assert said in text_of(stage, path), path
    with stage.database.session() as db:
        db.get_one(SpeakerSeen, "thon-01").sound = "card"
        Hearing().write(db, False, NOW - timedelta(minutes=20))
        Hearing().write(db, False, NOW)
    speakers = text_of(stage, "/speakers")
    assert "Chạy, nhưng máy chuyển tin tắt. Không tin nào về được." in speakers
    assert "Chưa biết, lần cuối: sẵn sàng" in speakers
    assert speakers.count("Đang chạy") == 1, "only the page that is being read"
    assert "Chưa biết, lần cuối: đang chạy." in text_of(stage, "/nodes/thon-01")
    points = text_of(stage, "/nodes")
    assert "lần cuối: đang chạy" in points
    overview = text_of(stage, "/overview")
    assert "Chưa biết các thôn thế nào." in overview
    assert "Không màu: chưa biết hoặc chưa có điểm" in overview


def test_a_lost_service_of_the_hub_has_the_advice_for_the_hub(stage: Stage) -> None:
    live_day(stage)
    with stage.database.session() as db:
        row = ServiceSeen(identity="hub.announce", node="hub", service="announce")
        row.state, row.problems, row.boot, row.since, row.seen_at = "lost", [], "b", NOW, NOW
        db.merge(row)
    assert "sudo systemctl restart langso-hub@announce" in text_of(stage, "/speakers")


def test_a_new_machine_after_a_revoking_is_told_how_long_it_waits(stage: Stage, tmp_path: Path) -> None:
    live_day(stage)
    join(stage, "thon-03")
    revoke(stage, "thon-03")
    finish(stage, "thon-03", rights_gone_at=1, crl_loaded_at=1, cut_off_at=2, probed_at=3)
    client = stage.client("quan")
    stage.post(client, "/nodes/thon-03/code", {}, page="/nodes/thon-03")
    page = client.get("/nodes/thon-03/enrol").get_data(as_text=True)
    code = re.search(r"--code ([0-9A-Z]{4}-[0-9A-Z]{4})", page)
    assert code is not None
    stage.clock.advance(51)
    enrol(stage, code[1], tmp_path / "keys", "thon-03")
    said = text_of(stage, "/nodes/thon-03/enrol")
    assert "mới mở cửa cho máy mới, còn 1 phút 10 giây" in said
    node = text_of(stage, "/nodes/thon-03")
    assert "Chờ đủ hai phút sau thu hồi" in node
    assert "Đang chạy" not in node
    stage.clock.advance(71)
    assert "sudo systemctl enable --now langso@node langso@speaker" in text_of(stage, "/nodes/thon-03/enrol")
    join(stage, "thon-03")
    assert "đã sẵn sàng" in text_of(stage, "/nodes/thon-03/enrol")
    assert "Đang chạy" in text_of(stage, "/nodes/thon-03")

"""Bắt đầu: six steps of a fresh hub, each ticked by what really happened; and villages by name."""

from __future__ import annotations

import html
import itertools
import re
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from broker.hub import villages
from broker.hub.console import steps
from broker.hub.console.steps import Stair
from broker.hub.declined import Declined
from broker.hub.records import (
    Account,
    ApproverKey,
    AuditRow,
    Camera,
    CameraSeen,
    NodeRecord,
    Occurrence,
    ServiceSeen,
    SpeakerSeen,
    TrustList,
    Village,
    setting,
)
from tests.console.stage import NOW, Stage
from tests.console.test_nodes import add_node, join, text_of
from tests.hub.town import believe


def empty(stage: Stage) -> None:
    """A hub as it is right after it was made: one admin, nothing else."""
    with stage.database.session() as db:
        for table in (
            SpeakerSeen,
            CameraSeen,
            ServiceSeen,
            Camera,
            NodeRecord,
            Village,
            ApproverKey,
            TrustList,
        ):
            db.execute(delete(table))
        for account in db.scalars(select(Account).where(Account.username != "quan")):
            account.disabled_at = NOW


def back(stage: Stage, *names: str) -> None:
    """People who were asked in."""
    with stage.database.session() as db:
        for account in db.scalars(select(Account).where(Account.username.in_(names))):
            account.disabled_at = None


def stairs(stage: Stage) -> list[Stair]:
    """The six steps now."""
    with stage.database.reading() as db:
        return steps.stairs_of(db, stage.settings, stage.now())


def done(stage: Stage) -> list[str]:
    """Which steps are done."""
    return [step.key for step in stairs(stage) if step.is_done]


def put(stage: Stage, names: str) -> None:
    """Villages through the form of the first step."""
    form: dict[str, object] = {"names": names, "from": "first-steps"}
    answer = stage.post(stage.client("quan"), "/villages", form, page="/first-steps")
    assert (answer.status_code, answer.headers.get("Location")) == (302, "/first-steps")


def test_a_fresh_hub_is_led_to_its_first_announcement_and_then_left_alone(stage: Stage) -> None:
    empty(stage)
    said = text_of(stage, "/first-steps")
    assert "Sáu bước nữa là loa nói được." in said
    assert "Tên các thôn : làm bây giờ" in said
    assert 'href="/first-steps"' in stage.client("quan").get("/nodes").get_data(as_text=True)
    assert "Bắt đầu: Sáu bước nữa là loa nói được. Làm tiếp" in text_of(stage, "/")
    put(stage, "Đông\nBến")
    assert done(stage) == ["villages"]
    back(stage, "hanh", "binh")
    assert done(stage) == ["villages", "people"]
    with stage.database.session() as db:
        believe(db, stage.keys, {"binh": "k-binh"})
    assert done(stage) == ["villages", "people", "keys", "trust"]
    add_node(stage, "dong", name="thon-01")
    assert "nhà văn hoá thôn đông: chờ máy ghi danh" in text_of(stage, "/first-steps").lower()
    join(stage, "thon-01")
    assert done(stage)[-1] == "node"
    assert "Còn một bước cuối." in text_of(stage, "/first-steps")
    revision = stage.approved(villages=["dong"])
    assert [part.is_done for part in stairs(stage)[-1].parts] == [True, True, True, False, False]
    stage.receipt(revision.announcement_id, "thon-01", "ready")
    assert [part.is_done for part in stairs(stage)[-1].parts] == [True, True, True, True, False]
    assert "announcement" not in done(stage)
    stage.receipt(revision.announcement_id, "thon-01", "played", started_at=stage.now())
    said = text_of(stage, "/first-steps")
    assert "Xã đã dùng được." in said
    assert "Làm tiếp" not in text_of(stage, "/")
    assert "Nhà văn hoá thôn Đông báo về: đã phát" in said
    assert 'href="/first-steps"' not in stage.client("quan").get("/nodes").get_data(as_text=True)


def test_one_person_cannot_be_writer_and_approver_alone(stage: Stage) -> None:
    empty(stage)
    with stage.database.session() as db:
        account = db.scalars(select(Account).where(Account.username == "binh")).one()
        account.disabled_at, account.roles = None, ["editor", "approver"]
    assert "people" not in done(stage)
    back(stage, "hanh")
    assert "people" in done(stage)


def test_a_key_that_waits_is_not_believed_yet(stage: Stage) -> None:
    empty(stage)
    back(stage, "hanh", "binh")
    with stage.database.session() as db:
        believe(db, stage.keys, {"binh": "k-binh"})
        db.execute(delete(TrustList))
    found = {step.key: step for step in stairs(stage)}
    assert found["keys"].is_done
    assert not found["trust"].is_done
    assert [part.said for part in found["trust"].parts] == ["Một khoá đang chờ xã ký"]


def test_an_announcement_that_only_waits_does_not_count_as_heard(stage: Stage) -> None:
    stage.submitted()
    with stage.database.reading() as db:
        assert db.scalars(select(Occurrence)).all() == []
        assert not steps.is_finished(db)
    assert [part.is_done for part in stairs(stage)[-1].parts] == [True, True, False, False, False]


@pytest.mark.parametrize("name", ["hanh", "binh", "lanh", "soat", "khoa"])
def test_only_the_admin_is_led(stage: Stage, name: str) -> None:
    assert stage.client(name).get("/first-steps").status_code == 403
    assert stage.client(name).get("/villages").status_code == 403


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("Đông\nBến", ["Đông", "Bến"]),
        ("thôn Đông, Thôn  Bến;ấp Hạ", ["Đông", "Bến", "Hạ"]),
        ("  đông \n\nĐÔNG\n", ["Đông"]),
        ("Khu phố 3\nThôn 4", ["3", "4"]),
        (" \n ", []),
    ],
)
def test_names_are_read_as_people_type_them(typed: str, found: list[str]) -> None:
    assert villages.named(typed) == found


def test_villages_are_added_once_with_codes_for_the_wire_and_recorded(stage: Stage) -> None:
    put(stage, "Đông\nXóm Chài\nChai")
    with stage.database.reading() as db:
        codes = {row.name: row.code for row in db.scalars(select(Village))}
        added = db.scalars(select(AuditRow).where(AuditRow.action == "village.added")).all()
    assert codes["Đông"] == "dong"
    assert (codes["Chài"], codes["Chai"]) == ("chai", "chai-2")
    assert [row.subject for row in added] == ["chai", "chai-2"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Xin ghi tên ít nhất một thôn"),
        ("???", "chưa dùng được"),
        ("x" * 41, "chưa dùng được"),
        ("\n".join(f"Thôn số {n} a" for n in range(90)), "nhiều nhất 80 thôn"),
    ],
)
def test_what_is_no_village_is_said_and_what_was_typed_stays(stage: Stage, typed: str, said: str) -> None:
    answer = stage.post(stage.client("quan"), "/villages", {"names": typed}, page="/villages")
    page = html.unescape(answer.get_data(as_text=True))
    assert answer.status_code == 409
    assert said in page
    assert typed[:20] in page
    with stage.database.reading() as db:
        assert len(db.scalars(select(Village)).all()) == 8


def test_a_village_in_use_stays_and_one_nobody_needs_can_go(stage: Stage) -> None:
    client = stage.client("quan")
    assert stage.post(client, "/villages/dong/remove", {}, page="/villages").status_code == 409
    assert stage.post(client, "/villages/nowhere/remove", {}, page="/villages").status_code == 409
    put(stage, "Tạm")
    assert stage.post(client, "/villages/tam/remove", {}, page="/villages").status_code == 302
    with stage.database.reading() as db:
        assert db.get(Village, "tam") is None
        assert db.get(Village, "dong") is not None


@pytest.mark.parametrize("count", [1, 2, 5, 8, 13, 40])
def test_villages_without_a_drawn_map_get_cells_that_do_not_lie_on_each_other(
    stage: Stage, count: int
) -> None:
    empty(stage)
    with stage.database.session() as db:
        villages.add_villages(db, [f"Làng {n}" for n in range(count)], "quan", NOW)
    with stage.database.reading() as db:
        rows = db.scalars(select(Village)).all()
    boxes = [tuple(map(float, re.findall(r"[\d.]+", row.path)[:4])) for row in rows]
    assert len(boxes) == count
    for x, y, w, h in boxes:
        assert 10 <= x < x + w <= 396
        assert 10 <= y < y + h <= 294
    for (ax, ay, aw, ah), (bx, by, bw, bh) in itertools.combinations(boxes, 2):
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay


def test_a_village_added_to_a_drawn_map_leaves_the_drawing_alone(stage: Stage) -> None:
    with stage.database.reading() as db:
        before = {row.code: row.path for row in db.scalars(select(Village))}
    put(stage, "Tân Lập")
    with stage.database.reading() as db:
        after = {row.code: row for row in db.scalars(select(Village))}
        assert setting(db, villages.SKETCHED, []) == ["tan-lap"]
    assert {code: after[code].path for code in before} == before
    assert after["tan-lap"].path == ""
    assert after["tan-lap"].centre_y > 0


def test_adding_nothing_new_is_no_error(stage: Stage) -> None:
    with stage.database.session() as db:
        assert villages.add_villages(db, ["Đông"], "quan", NOW + timedelta(days=1)) == []
        with pytest.raises(Declined):
            villages.add_villages(db, [], "quan", NOW)

"""Procedures in officials' hands: written, sent, approved, returned, retired, checked, and what screens then show."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from broker.contract.content import Bundle, Procedure
from broker.hub import content
from broker.hub import content_review as review
from broker.hub.content_shown import ContentMissing, released
from broker.hub.declined import Declined
from broker.hub.records import Account, ContentRevision, SearchWord
from broker.link.media import MediaStore
from kiosk.content import shipped
from tests.hub.town import NOW, Town

CODE = "1.000656"
BASE = shipped().bundle
SHIPPED = next(each for each in BASE.procedures if each.code == CODE)
TITLE = "Báo nhà có người mất"


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    content.set_base(tmp_path, msgspec.json.encode(BASE))
    return MediaStore(tmp_path / "media")


def told(town: Town, store: MediaStore) -> tuple[int, Bundle]:
    with town.database.session() as db:
        row = content.current(db, store.root.parent, store, "xã Vân Khê", NOW)
        path = store.path_of(row.sha256)
        assert path is not None
        return row.generation, msgspec.json.decode(path.read_bytes(), type=Bundle)


def one(bundle: Bundle, code: str = CODE) -> Procedure | None:
    return next((each for each in bundle.procedures if each.code == code), None)


def seen(town: Town, code: str = CODE, base: Bundle = BASE) -> str:
    """What a form is filled with now."""
    with town.database.session() as db:
        return review.stamp(review.shown_now(db, base, code), review.being_written(db, code))


def written(town: Town, read: str = "", **change: Any) -> int:
    procedure = msgspec.structs.replace(SHIPPED, **{"title": TITLE, **change})
    read = read or seen(town, procedure.code)
    with town.database.session() as db:
        return review.save(db, town.hoa, BASE, procedure, read, NOW).id


def sent(town: Town, **change: Any) -> int:
    number = written(town, **change)
    with town.database.session() as db:
        review.send(db, town.hoa, number, NOW)
    return number


def approve(town: Town, who: Account, number: int, base: Bundle = BASE, compared: str = "") -> None:
    """compared: what screens showed when the approver looked; what they show now unless given."""
    with town.database.session() as db:
        code = db.get_one(ContentRevision, number).code
        read = compared or review.stamp(review.shown_now(db, base, code), None)
        review.approve(db, who, base, number, read, NOW)


def approved(town: Town, **change: Any) -> int:
    number = sent(town, **change)
    approve(town, town.binh, number)
    return number


def test_only_what_was_approved_is_shown_and_the_number_grows_only_then(
    town: Town, store: MediaStore
) -> None:
    first, bundle = told(town, store)
    shown = one(bundle)
    assert shown is not None
    assert not shown.approved
    number = sent(town)
    assert told(town, store)[0] == first
    approve(town, town.binh, number)
    second, bundle = told(town, store)
    shown = one(bundle)
    assert shown is not None
    assert (shown.title, shown.approved, shown.checked_by) == (TITLE, True, "Binh")
    assert shown.checked_on == date(2026, 11, 21)
    assert second == first + 1
    assert told(town, store)[0] == second


def test_nobody_approves_the_own_words_and_nothing_is_approved_twice(town: Town) -> None:
    number = written(town)
    with town.database.session() as db:
        review.send(db, town.hoa, number, NOW)
    with pytest.raises(Declined, match="không có quyền"):
        approve(town, town.hoa, number)
    approve(town, town.binh, number)
    with pytest.raises(Declined, match="không còn chờ duyệt"):
        approve(town, town.cuong, number)
    with town.database.session() as db:
        base = msgspec.structs.replace(SHIPPED, title="Khai tử")
        own = review.save(db, town.lanh, BASE, base, review.stamp(_now(town), None), NOW).id
        review.send(db, town.lanh, own, NOW)
    with pytest.raises(Declined, match="không tự duyệt"):
        approve(town, town.lanh, own)


def _now(town: Town) -> Procedure | None:
    with town.database.reading() as db:
        return review.shown_now(db, BASE, CODE)


def test_two_people_never_overwrite_each_other_unseen(town: Town) -> None:
    read = seen(town)
    written(town, read)
    with town.database.session() as db, pytest.raises(Declined) as why:
        review.save(db, town.lanh, BASE, SHIPPED, read, NOW)
    assert why.value.code == "changed-meanwhile"
    with town.database.reading() as db:
        assert [row.body["title"] for row in db.scalars(select(ContentRevision))] == [TITLE]


def test_what_is_saved_over_something_that_waits_takes_it_back(town: Town) -> None:
    waits = sent(town)
    written(town, title="Khai tử")
    with pytest.raises(Declined, match="không còn chờ duyệt"):
        approve(town, town.binh, waits)


def test_what_the_linter_refuses_is_not_sent(town: Town) -> None:
    number = written(town, fee_exempt="")
    with town.database.session() as db, pytest.raises(Declined, match="chỗ phải sửa"):
        review.send(db, town.hoa, number, NOW)


def test_a_returned_version_says_why_and_is_mended_in_place(town: Town) -> None:
    number = sent(town)
    with town.database.session() as db, pytest.raises(Declined, match="Xin ghi vài chữ"):
        review.give_back(db, town.binh, number, " \x00 ", NOW)
    with town.database.session() as db:
        review.give_back(db, town.binh, number, "Thiếu giấy báo tử", NOW)
    assert written(town, title="Khai tử") == number
    with town.database.reading() as db:
        assert db.get_one(ContentRevision, number).state == "draft"


def test_a_retired_procedure_is_known_by_name_and_comes_back_by_approval(
    town: Town, store: MediaStore
) -> None:
    with town.database.session() as db:
        review.retire(db, town.binh, BASE, CODE, "Luật mới", NOW)
    bundle = told(town, store)[1]
    assert one(bundle) is None
    (named,) = [each for each in bundle.named if each.code == CODE]
    assert named.aliases == SHIPPED.aliases
    with town.database.session() as db, pytest.raises(Declined, match="không hướng dẫn"):
        review.retire(db, town.binh, BASE, CODE, "Lần nữa", NOW)
    approved(town)
    bundle = told(town, store)[1]
    assert one(bundle) is not None
    assert CODE not in {each.code for each in bundle.named}


def test_a_shipped_record_is_checked_and_only_as_it_was_read(town: Town, store: MediaStore) -> None:
    read = review.stamp(SHIPPED, None)
    later = NOW + timedelta(days=50)
    with town.database.session() as db:
        review.confirm(db, town.binh, BASE, CODE, read, later)
    shown = one(told(town, store)[1])
    assert shown is not None
    assert (shown.title, shown.approved, shown.checked_on) == (SHIPPED.title, True, later.date())
    with town.database.session() as db, pytest.raises(Declined, match="vừa được thay"):
        review.confirm(db, town.cuong, BASE, CODE, read, later)


def test_an_earlier_version_is_written_anew(town: Town) -> None:
    first = approved(town)
    approved(town, title="Khai tử")
    read = seen(town)
    with town.database.session() as db:
        again = review.restore(db, town.hoa, BASE, first, read, NOW)
        assert (again.body["title"], again.state, again.number) == (TITLE, "draft", 3)


def test_a_renewed_release_leaves_what_the_commune_approved(town: Town, store: MediaStore) -> None:
    number = sent(town)
    changed = msgspec.structs.replace(SHIPPED, title="Khai tử kiểu mới")
    others = [each for each in BASE.procedures if each.code != CODE]
    renewed = msgspec.structs.replace(BASE, procedures=[*others, changed])
    content.set_base(store.root.parent, msgspec.json.encode(renewed))
    with pytest.raises(Declined, match="Màn hình vừa đổi"):
        approve(town, town.binh, number, renewed, compared=review.stamp(SHIPPED, None))
    approve(town, town.binh, number, renewed)
    shown = one(told(town, store)[1])
    assert shown is not None
    assert shown.title == TITLE


def test_what_waits_goes_back_to_its_writer_when_the_procedure_is_retired(town: Town) -> None:
    waits = sent(town)
    with town.database.session() as db:
        review.retire(db, town.binh, BASE, CODE, "Luật mới", NOW)
    with pytest.raises(Declined, match="không còn chờ duyệt"):
        approve(town, town.binh, waits)
    with town.database.reading() as db:
        row = db.get_one(ContentRevision, waits)
        assert (row.state, row.reason) == ("returned", "Thủ tục đã rút: Luật mới")


def test_an_end_that_has_passed_is_neither_sent_nor_approved(town: Town) -> None:
    number = written(town, valid_to=NOW.date() - timedelta(days=1))
    with town.database.session() as db, pytest.raises(Declined, match="chỗ phải sửa"):
        review.send(db, town.hoa, number, NOW)
    number = sent(town, valid_to=NOW.date())
    read, tomorrow = review.stamp(SHIPPED, None), NOW + timedelta(days=1)
    with town.database.session() as db, pytest.raises(Declined, match="chỗ phải sửa"):
        review.approve(db, town.binh, BASE, number, read, tomorrow)


def test_a_new_procedure_by_its_code_and_a_code_that_is_none(town: Town, store: MediaStore) -> None:
    approved(town, code="9.999999")
    assert one(told(town, store)[1], "9.999999") is not None
    for bad in ("", "1.1", "../../etc", "1.001193\n", "١.000656"):
        with pytest.raises(Declined, match="Mã thủ tục"):
            written(town, "x", code=bad)


def test_too_much_text_and_odd_letters_are_not_kept(town: Town) -> None:
    with pytest.raises(Declined, match="dài quá"):
        written(town, note="a" * 1_000_000)
    with pytest.raises(Declined, match="ký tự lạ"):
        written(town, note="a\x00b")
    with pytest.raises(Declined, match="ký tự lạ"):
        written(town, note="a\ud800b")


def test_words_asked_in_vain_are_put_to_a_procedure(town: Town, store: MediaStore) -> None:
    with town.database.session() as db:
        for text in ("ba mat", "thoi tiet"):
            db.add(SearchWord(text=text, count=9, first_on=NOW.date(), last_on=NOW.date()))
    with town.database.session() as db:
        review.settle_word(db, town.hoa, BASE, "ba mat", CODE, NOW)
        review.settle_word(db, town.hoa, BASE, "thoi tiet", "-", NOW)
        with pytest.raises(Declined, match="Không có thủ tục"):
            review.settle_word(db, town.hoa, BASE, "ba mat", "7.777777", NOW)
    shown = one(told(town, store)[1])
    assert shown is not None
    assert shown.aliases == [*SHIPPED.aliases, "ba mat"]


def test_a_body_of_another_release_falls_back_to_the_release(town: Town, store: MediaStore) -> None:
    number = approved(town)
    with town.database.session() as db:
        db.get_one(ContentRevision, number).body = {"code": CODE, "fee": "cũ"}
    shown = one(told(town, store)[1])
    assert shown is not None
    assert shown.title == SHIPPED.title


@pytest.mark.parametrize("old", [b'{"commune_name": "x"}', b"", b"\xff\xfe", b"[" * 99])
def test_content_of_another_release_is_told_and_stops_nobody(tmp_path: Path, old: bytes) -> None:
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "base.json").write_bytes(old)
    with pytest.raises(ContentMissing, match="provision content"):
        released(tmp_path)


def test_a_form_is_filled_inside_a_reading_transaction(town: Town) -> None:
    number = sent(town)
    with town.database.reading() as db:  # on PostgreSQL it refuses every lock
        found = review.being_written(db, CODE)
    assert found is not None
    assert found.id == number

"""Pictures that leave the house: signed, named, written down; and what anybody can tell of the file."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from broker.hub import alert_export, alert_views, alerts, retention
from broker.hub.announcing.render import media_store
from broker.hub.records import Account, Alert, AlertExport, AlertStep, AuditRow
from broker.trust.envelope import Refused
from broker.trust.evidence import MANIFEST, SEAL, check
from broker.trust.keys import new_key, public_pem
from deploy.cli import main
from tests.console.stage import JPEG, Stage

WHY = {"why": "request", "words": "Công văn 12/CV"}
CLIP = b"a clip of twenty seconds"


def take(stage: Stage, number: int, form: dict[str, str] = WHY) -> TestResponse:
    answer: TestResponse = stage.post(
        stage.client("khoa"), f"/duty/{number}/export", dict(form), page=f"/duty/{number}"
    )
    return answer


def root_of(stage: Stage) -> str:
    return (stage.keys.hub / "root.pub").read_text()


def repacked(data: bytes, change: Callable[[dict[str, bytes]], None], kind: int = 0) -> bytes:
    """The file with its parts changed by hand."""
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    change(parts)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", kind) as made:
        for name, each in parts.items():
            made.writestr(name, each)
    return out.getvalue()


def test_a_file_holds_everything_signed_and_is_written_down_before_it_leaves(stage: Stage) -> None:
    number = stage.alarm(clip=CLIP)
    answer = take(stage, number)
    assert answer.status_code == 200
    assert f"filename=canh-bao-{number}-20261121-1642.zip" in answer.headers["Content-Disposition"]
    found = check(io.BytesIO(answer.data), root_of(stage))
    assert found.is_whole
    body = found.body
    assert (body.alert, body.username, body.officer) == (number, "khoa", "Trần Văn Khoa")
    assert (body.commune, body.made_at, body.gone) == ("00/00000", stage.now(), [])
    assert body.reason == "cơ quan có thẩm quyền yêu cầu: Công văn 12/CV"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.read("hinh-khi-bao.jpg") == JPEG
        assert archive.read("doan-hinh.mp4") == CLIP
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_STORED}
        assert "langso evidence check" in archive.read("KIEM-TRA.txt").decode()
    with stage.database.reading() as db:
        row = db.scalars(select(AlertExport)).one()
        assert (row.sha256, row.size) == (sha256(answer.data).hexdigest(), len(answer.data))
        entry = db.scalars(select(AuditRow).where(AuditRow.action == "alert.exported")).one()
        assert entry.detail == {
            "reason": "cơ quan có thẩm quyền yêu cầu", "sha256": row.sha256, "files": "2",
        }  # fmt: skip
        assert entry.id == body.log_index + 1
        assert entry.prev == body.log_hash
        assert db.scalars(select(AlertStep.what).where(AlertStep.alert_id == number)).all()[-1] == "exported"
    page = stage.client("khoa").get(f"/duty/{number}").get_data(as_text=True)
    assert row.sha256 in page
    assert "Khoa lấy hình ra tệp: cơ quan có thẩm quyền" in page


def test_facts_hold_the_times_and_steps_and_nobodys_notes(stage: Stage) -> None:
    number = stage.alarm()
    with stage.database.session() as db:
        officer = db.get_one(Account, stage.people["khoa"].id)
        alerts.take(db, officer, number, stage.now())
        alerts.close(db, officer, number, "handled", "Bà Năm xóm trên", stage.now())
    with zipfile.ZipFile(io.BytesIO(take(stage, number).data)) as archive:
        text = archive.read("alert.json").decode()
    facts = json.loads(text)
    assert "Năm" not in text
    assert facts["started_at"] == "2026-11-21T16:41:57.000+07:00"
    assert facts["reached_the_duty_room_at"] == "2026-11-21T16:42:00.000+07:00"
    assert (facts["closed_as"], facts["camera"]["name"]) == ("Đã xử lý", "Cửa kho lúa")
    assert [(one["who"], one["what"]) for one in facts["steps"]][:2] == [
        ("Trần Văn Khoa", "in-hand"),
        ("Trần Văn Khoa", "closed"),
    ]


def test_what_is_gone_is_named_and_the_record_of_a_file_outlives_its_pictures(stage: Stage) -> None:
    number = stage.alarm(clip=CLIP)
    first = take(stage, number).data
    store = media_store(stage.settings)
    with stage.database.reading() as db:
        alert = db.get_one(Alert, number)
    assert alert.snapshot is not None
    assert alert.clip_sha256 is not None
    store.forget(alert.snapshot)
    store.place_of(alert.clip_sha256).write_bytes(b"rotten")
    found = check(io.BytesIO(take(stage, number).data), root_of(stage))
    assert found.is_whole
    assert found.body.gone == [
        "Hình khi báo: không còn trên máy chủ của xã.",
        "Đoạn hình: tệp trên máy chủ đã hỏng, không đưa ra.",
    ]
    with stage.database.session() as db:
        alerts.close(db, db.get_one(Account, stage.people["khoa"].id), number, "animal", "", stage.now())
    stage.clock.step(40 * 86_400)
    assert retention.give_up_old(stage.database, stage.now()) == 1
    page = stage.client("khoa").get(f"/duty/{number}").get_data(as_text=True)
    assert sha256(first).hexdigest() in page
    assert "Khoa lấy hình ra tệp" in page
    last = check(io.BytesIO(take(stage, number).data), root_of(stage)).body
    assert [one.name for one in last.parts] == ["alert.json", "KIEM-TRA.txt"]
    assert last.gone == ["Hình và đoạn hình đã xoá theo hạn giữ hình, ngày 31/12/2026."]


def test_pictures_deleted_while_a_file_is_made_are_in_it_all_the_same(stage: Stage) -> None:
    number = stage.alarm(clip=CLIP)
    store, out = media_store(stage.settings), io.BytesIO()
    with stage.database.reading() as db:
        officer = db.get_one(Account, stage.people["khoa"].id)
        with alert_export.held(db, officer, number, store, stage.now()) as found:
            for piece in found[1]:
                store.forget(piece.sha256)
            reason = alert_views.reason_of("case", "", alert_export.REASONS)
            made = alert_export.write(db, stage.settings, out, found, officer, reason, stage.now())
    assert made.parts == 2
    assert check(out, root_of(stage)).is_whole
    with zipfile.ZipFile(out) as archive:
        assert archive.read("doan-hinh.mp4") == CLIP


@pytest.mark.parametrize("form", [{}, {"why": "because"}, {"why": "other", "words": "x"}, {"why": "verify"}])
def test_nothing_leaves_without_a_reason(stage: Stage, form: dict[str, str]) -> None:
    number = stage.alarm()
    answer = take(stage, number, form)
    assert answer.status_code == 409
    assert "lý do" in answer.get_data(as_text=True)
    with stage.database.reading() as db:
        assert db.scalars(select(AlertExport)).all() == []


def test_a_hub_without_a_trust_list_or_its_key_says_so(stage: Stage) -> None:
    number = stage.alarm()
    stage.settings.keys.dir = str(stage.settings.data_dir)
    answer = take(stage, number)
    assert answer.status_code in (404, 409)
    assert "anh sách tin cậy" in answer.get_data(as_text=True)
    with stage.database.reading() as db:
        assert db.scalars(select(AlertExport)).all() == []


def test_whatever_was_touched_is_found(stage: Stage) -> None:
    number = stage.alarm(clip=CLIP)
    data, root = take(stage, number).data, root_of(stage)

    def swap(parts: dict[str, bytes]) -> None:
        parts["doan-hinh.mp4"] = b"another clip"

    def drop(parts: dict[str, bytes]) -> None:
        del parts["hinh-khi-bao.jpg"]

    def slip(parts: dict[str, bytes]) -> None:
        parts["hinh-2.jpg"] = JPEG

    for change, said in (
        (swap, ["doan-hinh.mp4: đã bị sửa, không phải tệp được ký"]),
        (drop, ["hinh-khi-bao.jpg: không có"]),
        (slip, ["'hinh-2.jpg': không có trong danh sách được ký"]),
    ):
        assert check(io.BytesIO(repacked(data, change)), root).wrong == said

    def lie(parts: dict[str, bytes]) -> None:
        parts[MANIFEST] = parts[MANIFEST].replace("Trần Văn Khoa".encode(), b"Nobody")

    def unseal(parts: dict[str, bytes]) -> None:
        parts[SEAL] = b"{}"

    for change, code in ((lie, "bad-signature"), (unseal, "malformed")):
        with pytest.raises(Refused, match=code):
            check(io.BytesIO(repacked(data, change)), root)
    with pytest.raises(Refused, match="bad-signature"):
        check(io.BytesIO(data), public_pem(new_key()))
    for bad in (b"no zip", b"", repacked(data, lambda _: None, zipfile.ZIP_DEFLATED), data[:400]):
        with pytest.raises(ValueError, match=r"."):
            check(io.BytesIO(bad), root)
    at = data.index(CLIP)
    broken = data[:at] + b"A" + data[at + 1 :]
    assert check(io.BytesIO(broken), root).wrong == ["doan-hinh.mp4: đã bị sửa, không phải tệp được ký"]


def test_the_command_says_whole_or_what_was_touched(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    number = stage.alarm(clip=CLIP)

    def drop_clip(parts: dict[str, bytes]) -> None:
        del parts["doan-hinh.mp4"]

    file, root = tmp_path / "f.zip", stage.keys.hub / "root.pub"
    data = take(stage, number).data
    file.write_bytes(data)
    assert main(["evidence", "check", str(file), "--root", str(root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"xã mã 00/00000, cảnh báo {number}, lấy ra lúc 16:42:00 21/11/2026 giờ Việt Nam"
    assert lines[1].startswith("người lấy: Trần Văn Khoa (khoa); lý do: cơ quan")
    assert lines[-1] == "nguyên vẹn"
    file.write_bytes(repacked(data, drop_clip))
    assert main(["evidence", "check", str(file), "--root", str(root)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "KHÔNG NGUYÊN VẸN: doan-hinh.mp4: không có"
    file.write_bytes(b"no zip")
    assert main(["evidence", "check", str(file), "--root", str(root)]) == 1
    capsys.readouterr()
    assert main(["evidence", "check", str(tmp_path / "none"), "--root", str(root)]) == 2
    assert "không có tệp" in capsys.readouterr().err
    other = tmp_path / "other.pub"
    other.write_text(public_pem(new_key()))
    file.write_bytes(data)
    assert main(["evidence", "check", str(file), "--root", str(other)]) == 1
    assert "KHÔNG TIN ĐƯỢC" in capsys.readouterr().out

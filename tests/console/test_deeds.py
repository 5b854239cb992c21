"""What is written into the audit log, and how it reads: every decision that matters, each as a sentence."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broker.hub.console.deeds import ACTIONS, GROUPS, Names, say, say_fault
from broker.trust.audit import Entry, Fault
from tests.console.stage import Stage

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, 9, 42, tzinfo=UTC)

WRITTEN = {
    "account.change_password": "account.password-set",
    "account.end_one": "",  # one's own session
    "account.end_others": "",
    "account.new_phone": "account.second-factor-set",
    "account.renew_phone": "account.second-factor-taken",
    "approve.send_back": "announcement.returned",
    "approve.sign": "announcement.approved",
    "audit.look_through": "audit.verified",
    "broadcasts.sort": "announcement.sorted",
    "camera_page.ask": "camera.looked",
    "camera_page.change": "camera.changed",
    "cameras.add": "camera.added",
    "notice.change": "camera.notice-written",
    "channels.add": "channel.added",
    "channels.change": "channel.removed",
    "channels.open_feed": "channel.feed-opened",
    "compose.edit": "announcement.submitted",
    "compose.listen": "",  # nothing is decided while writing
    "compose.new": "announcement.submitted",
    "compose.preview": "",
    "compose.tracks": "",
    "content_edit.edit": "content.sent",
    "content_one.approve": "content.approved",
    "content_one.confirm": "content.checked",
    "content_one.give_back": "content.returned",
    "content_one.restore": "",  # a draft, sent and approved like any other
    "content_one.retire": "content.retired",
    "content_words.settle": "content.word",
    "duty.close": "alert.closed",
    "duty.close_all": "alert.closed",
    "duty.keep_quiet": "camera.quiet-kept",
    "duty.leave_quiet": "camera.quiet",
    "duty.tell_again": "camera.quiet-undone",
    "duty_export.take": "alert.exported",
    "duty_pictures.give_reason": "alert.pictures-viewed",
    "duty.escalate": "alert.escalated",
    "duty_phones.add": "duty.phone-added",
    "duty_phones.remove": "duty.phone-removed",
    "duty_phones.set_unseen": "duty.unseen-set",
    "duty_phones.try_out": "duty.phone-tried",
    "duty.note": "alert.noted",
    "duty.reopen": "alert.reopened",
    "duty.take": "alert.taken",
    "duty.take_all": "alert.taken",
    "shift.hand_over": "duty.shift-handed",
    "shift.take": "duty.shift-taken",
    "emergency.body": "",  # what is to be signed; signing it is written
    "emergency.preview": "",
    "emergency.silence": "play.stopped",
    "emergency.speak": "emergency.spoken",
    "emergency.words": "",  # words nobody has signed yet
    "emergency_one.cancel": "emergency.cancelled",
    "emergency_one.drop": "announcement.withdrawn",
    "emergency_one.sign": "emergency.signed-second",
    "feedback.answer": "feedback.answered",
    "feedback.take": "feedback.taken",
    "found_cameras.add": "camera.added",
    "found_cameras.ask": "camera.asked",
    "found_cameras.search": "camera.searched",
    "hush.lift": "play.resumed",
    "influx.write": "",  # readings of programs; giving them the right is written
    "influx.write_v1": "",
    "looking.go_on": "camera.live-longer",
    "looking.shoot": "camera.looked",
    "looking.start": "camera.live",
    "looking.stop": "",  # it would end by itself within a minute
    "loudspeaker.test": "speaker.tested",
    "loudspeaker.tune": "speaker.tuned",
    "mykeys.add_file": "key.made",
    "mykeys.add_passkey": "key.made",
    "mykeys.remove": "key.removed",
    "nodes.add": "node.code-made",
    "nodes.code_again": "node.code-made",
    "ordering.first": "play.ordered",
    "people.add": "account.invited",
    "people.appoint": "deputy.appointed",
    "people.change": "account.changed",
    "people.end_deputy": "deputy.ended",
    "people.invite": "account.invited",
    "people.switch": "account.disabled",
    "people.take_phone": "account.second-factor-taken",
    "patterns.begin": "",
    "patterns.new": "pattern.kept",
    "patterns.one": "pattern.kept",
    "patterns.remove": "pattern.removed",
    "phrases.add": "phrase.recorded",
    "phrases.remove": "phrase.removed",
    "placing.place": "node.placed",
    "places.add": "village.added",
    "places.languages": "village.languages",
    "places.remove": "village.removed",
    "progress.silence": "play.stopped",
    "progress.stop": "play.stopped",
    "revoke.revoke": "node.revoked",
    "rules.change": "rules.changed",
    "signin.code": "account.signed-in",
    "signin.invitation": "account.invitation-used",
    "signin.set_up": "account.second-factor-set",
    "signin.sign_in": "account.signed-in",
    "signin.sign_out": "account.signed-out",
    "today.take_call": "",  # who goes is shown beside the call
    "trust.take": "trust.taken",
    "stations.add": "station.added",
    "stations.remove": "station.removed",
    "urgent_templates.act": "template.retired",
    "urgent_templates.edit": "template.submitted",
    "urgent_templates.new": "template.submitted",
    "urgent_templates.sign": "template.signed",
    "voices.listen": "",  # listening changes nothing
    "voices.page": "",
    "voices.preview": "",
    "warning_sources.add": "cap.source-added",
    "warning_sources.add_rule": "cap.rule-added",
    "warning_sources.change": "cap.source-removed",
    "warning_sources.put_codes": "cap.codes-set",
    "warning_sources.remove_rule": "cap.rule-removed",
    "warnings.aside": "cap.ignored",
    "warnings.bring": "cap.received",
    "warnings.draft": "cap.drafted",
    "wire.set_aside": "quarantine.set-aside",
    "words.listen": "",
    "words.remove": "word.removed",
    "words.save": "word.added",
    "words.take_file": "word.changed",
    "words.trial": "",
}
"""Every form of the console → what it writes, or nothing with the reason why not."""


# -- what is written


def written_actions() -> Iterator[tuple[str, str]]:
    """Every action that the product's source hands to write_audit or to what stands before it."""
    doors = {"write_audit", "_decided", "_changed"}
    for top in ("broker", "deploy"):
        for path in sorted((ROOT / top).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                is_named = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "action"
                is_door = isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in doors
                if is_named or is_door:
                    for argument in [node.value] if isinstance(node, ast.Assign) else node.args:
                        either = (
                            [argument.body, argument.orelse]
                            if isinstance(argument, ast.IfExp)
                            else [argument]
                        )
                        for one in either:
                            if isinstance(one, ast.Constant) and re.fullmatch(
                                r"[a-z]+\.[a-z-]+", str(one.value)
                            ):
                                yield str(one.value), path.name


def test_every_action_that_is_written_has_a_sentence_and_every_sentence_a_writer() -> None:
    found = dict(written_actions())
    assert {action: file for action, file in found.items() if action not in ACTIONS} == {}
    assert set(ACTIONS) - set(found) == set()


def test_every_action_is_found_under_one_kind_of_deeds() -> None:
    beginnings = [each for _, some in GROUPS.values() for each in some]
    for action in ACTIONS:
        assert any(action.startswith(each) for each in beginnings), action


def test_every_form_of_the_console_says_what_it_writes(stage: Stage) -> None:
    forms = {rule.endpoint for rule in stage.app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert forms - set(WRITTEN) == set(), "say in WRITTEN what these write into the audit log, or why nothing"
    assert set(WRITTEN) - forms == set(), "forms that are gone"
    assert {each for each in WRITTEN.values() if each} <= set(ACTIONS)


# -- sentences

NAMES = Names(
    people={"binh": "Phạm Văn Bình", "hanh": "Lê Thị Hạnh"},
    nodes={"thon-01": "Đông 1, nhà văn hoá"},
    cameras={"thon-01.cong": "Cửa kho lúa"},
    titles={"bt-7": "Cắt điện sáng Chủ nhật"},
)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            ("binh", "announcement.approved", "bt-7.1", {"key": "k-1"}),
            "ký duyệt bản tin “Cắt điện sáng Chủ nhật”, bằng khoá k-1",
        ),
        (
            ("hanh", "announcement.submitted", "bt-7.3", {}),
            "gửi duyệt bản tin “Cắt điện sáng Chủ nhật”, bản sửa 3",
        ),
        (
            ("binh", "announcement.heard", "bt-7", {"heard": "skipped"}),
            "bỏ qua, chưa nghe hết bản tin “Cắt điện sáng Chủ nhật” trước khi ký",
        ),
        (("binh", "play.stopped", "*", {}), "tắt tiếng cả xã"),
        (
            ("binh", "play.stopped", "bt-7.1.20261121T103000Z", {}),
            "dừng lượt phát 17:30 21/11/2026 của bản tin “Cắt điện sáng Chủ nhật”",
        ),
        (("binh", "play.stopped", "odd", {}), "dừng lượt phát odd"),
        (
            ("quan", "account.roles-changed", "hanh", {"before": "editor", "after": "editor,approver"}),
            "đổi việc của Lê Thị Hạnh, từ biên tập thành biên tập, duyệt",
        ),
        (
            ("quan", "account.roles-changed", "hanh", {"before": "editor", "after": ""}),
            "đổi việc của Lê Thị Hạnh, từ biên tập thành chưa có việc nào",
        ),
        (("hanh", "account.password-set", "hanh", {}), "đặt mật khẩu mới"),
        (("quan", "account.password-set", "hanh", {}), "đặt mật khẩu mới của Lê Thị Hạnh"),
        (
            (
                "quan",
                "deputy.appointed",
                "hanh",
                {"for": "binh", "role": "approver", "until": "2026-11-30T10:00:00+00:00"},
            ),
            "giao Lê Thị Hạnh làm thay Phạm Văn Bình, việc duyệt, đến 17:00 30/11/2026",
        ),
        (
            ("quan", "trust.taken", "4", {"added": "k-2,k-3", "removed": "k-1"}),
            "đưa vào dùng danh sách tin cậy số 4: thêm khoá k-2, k-3; bỏ khoá k-1",
        ),
        (("quan", "trust.taken", "4", {"added": "", "removed": ""}), "đưa vào dùng danh sách tin cậy số 4"),
        (("quan", "node.revoked", "thon-01", {"reason": "mất cắp"}), "thu hồi Đông 1, nhà văn hoá: mất cắp"),
        (
            ("hub.rights", "node.cut-off", "thon-01", {"seconds": "1.8"}),
            "cắt hẳn Đông 1, nhà văn hoá sau 1,8 giây",
        ),
        (
            ("thon-01.node", "certificate.renewed", "thon-01.node", {"until": "2027-11-21"}),
            "gia hạn chứng thư đến 21/11/2027",
        ),
        (
            ("thon-01.node", "certificate.renewed", "thon-01.node", {"until": "mai"}),
            "gia hạn chứng thư đến mai",
        ),
        (
            (
                "hub.rights",
                "rights.pushed",
                "broker",
                {"removed": "role thon-01.board, thon-01.board and 3 more", "mended": "nobody"},
            ),
            "chỉnh quyền ở máy chuyển tin: bỏ quyền của thon-01.board và 3 nữa; sửa lại quyền của người không tên",
        ),
        (("quan", "camera.added", "thon-01.cong", {}), "thêm camera Cửa kho lúa"),
        (("khoa", "clip.viewed", "alert 12", {}), "xem đoạn hình của cảnh báo số 12"),
        (
            ("khoa", "alert.pictures-viewed", "alert 12", {"reason": "xem lại khi giao ca"}),
            "xem hình của cảnh báo số 12: xem lại khi giao ca",
        ),
        (
            ("quan", "quarantine.set-aside", "thon-01.board", {}),
            "đánh dấu đã xem tin hỏng của Đông 1, nhà văn hoá (bo mạch)",
        ),
        (
            ("binh", "key.made", "binh", {"key": "k-9", "kind": "passkey"}),
            "tạo khoá ký mới: khoá trong máy hoặc điện thoại, mã k-9",
        ),
        (("soat", "audit.verified", "90", {"result": "touched"}), "soi cả sổ nhật ký: KHÔNG còn nguyên vẹn"),
        (("x", "weather.changed", "rain", {}), "weather.changed: rain"),
        (("x", "node.revoked", "thon-99", {}), "thu hồi thon-99"),
        (("x", "key.made", "x", {}), "tạo khoá ký mới: …, mã …"),
        (("", "", "", {}), "dòng này không đọc được"),
    ],
)
def test_an_entry_is_a_sentence_about_things_as_people_call_them(
    entry: tuple[str, str, str, dict[str, str]], said: str
) -> None:
    actor, action, subject, detail = entry
    assert say(Entry(at=NOW, actor=actor, action=action, subject=subject, detail=detail), NAMES) == said


@pytest.mark.parametrize("action", ACTIONS)
def test_no_sentence_needs_what_an_entry_may_lack(action: str) -> None:
    said = say(Entry(at=NOW, actor="x", action=action, subject="", detail={}), Names())
    assert said
    assert "{" not in said


def test_actors_are_people_points_the_hub_or_the_command() -> None:
    assert NAMES.actor("binh") == "Phạm Văn Bình"
    assert NAMES.actor("thon-01.speaker") == "Đông 1, nhà văn hoá (loa)"
    assert NAMES.actor("thon-01") == "Đông 1, nhà văn hoá"
    assert NAMES.actor("hub.rights") == NAMES.actor("hub") == "Trung tâm xã"
    assert NAMES.actor("provision") == "Lệnh quản trị tại trung tâm"
    assert NAMES.actor("nobody") == "nobody"


@pytest.mark.parametrize("flaw", ["missing", "edited", "moved", "cut", "rewritten"])
def test_every_fault_is_one_sentence_with_its_rows(flaw: str) -> None:
    said = say_fault(Fault(index=10, since=7, flaw=flaw))  # type: ignore[arg-type]
    assert said.endswith(".")
    assert "10" in said

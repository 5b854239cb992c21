"""Entries of the audit log as sentences: who did what to which thing. Pure: names are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Final

from broker.hub.console.access import ROLES_SAID
from broker.hub.console.deeds_content import CONTENT
from broker.hub.console.deeds_duty import DUTY
from broker.hub.console.deeds_set import say_camera, say_rules, say_tuning
from broker.hub.console.wording import hm, local
from broker.speech.languages import LANGUAGES
from broker.trust.audit import Entry, Fault
from broker.trust.envelope import parse_occurrence

GROUPS: Final = MappingProxyType(
    {
        "tin": (
            "Bản tin và lượt phát",
            (
                "announcement.",
                "emergency.",
                "template.",
                "play.",
                "rules.",
                "phrase.",
                "pattern.",
                "word.",
                "station.",
                "channel.",
            ),
        ),
        "khoa": ("Khoá ký, danh sách tin cậy", ("key.", "trust.")),
        "nguoi": ("Người và quyền", ("account.", "deputy.")),
        "vao": ("Vào, ra bảng điều khiển", ("account.signed-", "account.locked")),
        "diem": ("Điểm và máy", ("node.", "certificate.", "rights.", "village.", "speaker.")),
        "hinh": ("Camera, cảnh báo", ("camera.", "alert.", "clip.", "duty.")),
        "dan": ("Phản ánh của bà con", ("feedback.",)),
        "tep": ("Số đo, tin hỏng, tải về", ("readings.", "broadcasts.", "quarantine.", "token.")),
        "canh": ("Cảnh báo từ nơi khác", ("cap.",)),
        "man": ("Nội dung màn hình", ("content.",)),
        "so": ("Sổ nhật ký", ("audit.",)),
    }
)
"""Kinds of deeds to look for: words, and how their actions begin."""

ACTIONS: Final = MappingProxyType(
    {
        **DUTY,
        **CONTENT,
        "announcement.submitted": "gửi duyệt {announcement}",
        "announcement.returned": "trả lại {announcement} cho người viết",
        "announcement.approved": "ký duyệt {announcement}{relayed}, bằng khoá {key}",
        "announcement.heard": "{heard} {announcement} trước khi ký",
        "announcement.withdrawn": "gỡ {announcement}",
        "announcement.sorted": "xếp {announcement} vào lĩnh vực {field}",
        "emergency.spoken": "cho phát khẩn cấp {announcement}, bằng khoá {key}",
        "emergency.drilled": "diễn tập khẩn cấp {announcement}, bằng khoá {key}",
        "emergency.signed-first": "ký thứ nhất tin khẩn cấp {announcement}, bằng khoá {key}",
        "emergency.signed-second": "ký thứ hai và cho phát khẩn cấp {announcement}, bằng khoá {key}",
        "emergency.cancelled": "huỷ phát khẩn cấp {announcement}",
        "template.submitted": "gửi mẫu khẩn cấp “{title}” để ký",
        "template.signed": "ký mẫu khẩn cấp “{title}”, dùng đến {until}, bằng khoá {key}",
        "template.signed-second": "ký thêm mẫu khẩn cấp “{title}” bằng khoá {key}",
        "template.returned": "trả lại mẫu khẩn cấp “{title}” để sửa",
        "template.retired": "thôi dùng mẫu khẩn cấp “{title}”",
        "play.stopped": "{stopped}",
        "play.ordered": "xếp lượt phát {play} đọc trước",
        "rules.changed": "đổi giờ giấc của loa{rules}",
        "node.placed": "ghi toạ độ của {node}{place}",
        "play.resumed": "cho loa cả xã nói lại",
        "speaker.tuned": "đặt lại loa của {node}{tuning}",
        "speaker.tested": "cho loa của {node} kêu thử",
        "key.made": "tạo khoá ký mới{other}: {kind}, mã {key}",
        "key.removed": "bỏ khoá ký {key}{other}",
        "trust.taken": "đưa vào dùng danh sách tin cậy số {subject}{keys}",
        "account.created": "tạo tài khoản cho {person}, việc {roles}",
        "account.changed": "sửa họ tên, chức danh hoặc thôn của {person}",
        "account.roles-changed": "đổi việc của {person}, từ {before} thành {after}",
        "account.disabled": "khoá tài khoản của {person}",
        "account.enabled": "mở lại tài khoản của {person}",
        "account.invited": "mời {person} vào làm việc",
        "account.invitation-used": "nhận lời mời và đặt mật khẩu",
        "account.password-set": "đặt mật khẩu mới{other}",
        "account.password-taken": "huỷ mật khẩu{other}",
        "account.second-factor-set": "cài mã xác nhận trên điện thoại",
        "account.second-factor-taken": "gỡ mã xác nhận{other}",
        "account.signed-in": "đăng nhập",
        "account.signed-out": "đăng xuất",
        "account.sessions-ended": "đăng xuất máy khác của mình",
        "account.locked": "tạm khoá đăng nhập{other} vì nhập sai nhiều lần",
        "deputy.appointed": "giao {person} làm thay {for}, việc {role}, đến {until}",
        "deputy.ended": "cho {person} thôi làm thay việc {role}",
        "node.code-made": "lấy mã ghi danh cho {node}",
        "node.code-wrong": "nhập sai mã ghi danh, còn {left} lần thử",
        "node.enrolled": "ghi danh xong {node}",
        "node.revoked": "thu hồi {node}{reason}",
        "node.cut-off": "cắt hẳn {node} sau {seconds} giây",
        "certificate.renewed": "gia hạn chứng thư đến {until}",
        "certificate.refused": "xin gia hạn một chứng thư nhiều lần bằng khoá khác nhau, bị từ chối",
        "rights.pushed": "chỉnh quyền ở máy chuyển tin{changes}",
        "village.added": "thêm thôn {name}",
        "village.removed": "bỏ thôn {name}",
        "village.languages": "ghi {language} được nói ở: {villages}",
        "phrase.recorded": "ghi câu “{label}” bằng {language}",
        "pattern.kept": "cất mẫu bản tin “{label}”",
        "pattern.removed": "bỏ mẫu bản tin “{label}”",
        "phrase.removed": "bỏ câu ghi sẵn “{label}” bằng {language}",
        "camera.added": "thêm camera {camera}",
        "camera.changed": "sửa cài đặt của camera {camera}{camera_set}",
        "camera.view-accepted": "ghi rằng camera {camera} đang nhìn đúng hướng",
        "camera.searched": "tìm camera trong mạng của {node}",
        "camera.asked": "hỏi luồng hình của camera {device} trong mạng của {node}",
        "camera.looked": "xin một hình hiện tại của camera {camera}{reason}",
        "camera.notice-written": "ghi thông báo có camera, giữ hình {days} ngày",
        "camera.removed": "gỡ camera {camera}",
        "channel.added": "thêm kênh “{subject}”, gửi tới {address}",
        "channel.off": "tạm dừng kênh “{subject}”",
        "channel.on": "bật lại kênh “{subject}”",
        "channel.removed": "bỏ kênh “{subject}”",
        "channel.feed-opened": "mở nguồn tin cho mọi người",
        "channel.feed-shut": "đóng nguồn tin cho mọi người",
        "station.added": "thêm đài tiếp sóng “{subject}”, địa chỉ {address}",
        "station.removed": "bỏ đài tiếp sóng “{subject}”, địa chỉ {address}",
        "word.added": "thêm từ “{subject}” vào từ của xã, đọc là “{said}”",
        "word.changed": "đổi cách đọc từ “{subject}”, từ “{was}” thành “{said}”",
        "word.removed": "bỏ từ “{subject}”, trước đọc là “{was}”",
        "feedback.read": "đọc phản ánh {subject}",
        "feedback.taken": "nhận trả lời phản ánh {subject}",
        "feedback.answered": "trả lời phản ánh {subject}",
        "readings.exported": "tải về số đo {subject}",
        "broadcasts.exported": "tải về nhật ký phát sóng {subject}",
        "quarantine.set-aside": "đánh dấu đã xem tin hỏng của {machine}",
        "quarantine.downloaded": "tải về mẫu tin hỏng của {machine}",
        "token.made": "cho chương trình {subject} gửi số đo",
        "token.revoked": "thôi cho chương trình {subject} gửi số đo",
        "cap.received": "nhận cảnh báo từ nơi khác “{title}”, số {subject}",
        "cap.drafted": "soạn nháp từ cảnh báo số {subject}: “{title}”",
        "cap.prepared": "làm sẵn mẫu khẩn cấp “{template}” theo cảnh báo số {subject}",
        "cap.cancelled": "bỏ cảnh báo số {subject} “{title}” vì nơi gửi đã huỷ",
        "cap.replaced": "thay cảnh báo số {subject} “{title}” bằng tin sau của nơi gửi",
        "cap.ignored": "xem cảnh báo số {subject} “{title}”, cho là không cần phát",
        "cap.source-added": "thêm nguồn cảnh báo “{name}”: {address}",
        "cap.source-removed": "bỏ nguồn cảnh báo “{name}”: {address}",
        "cap.rule-added": "thêm quy tắc làm sẵn mẫu khẩn cấp “{template}”",
        "cap.rule-removed": "bỏ quy tắc làm sẵn mẫu khẩn cấp “{template}”",
        "cap.codes-set": "đặt mã vùng của xã trong cảnh báo: {codes}",
        "audit.verified": "soi cả sổ nhật ký: {result}",
        "audit.printed": "mở bản in của sổ nhật ký, {subject}",
        "audit.restored": "báo đã lấy lại dữ liệu từ bản sao{reason}",
    }
)
"""Action → what was done; the names in braces are made by Names."""

_SERVICES: Final = MappingProxyType(
    {
        "node": "máy",
        "speaker": "loa",
        "camera": "camera",
        "kiosk": "màn hình",
        "board": "bo mạch",
    }
)


@dataclass(frozen=True)
class Names:
    """What things are called now, by what the log calls them. What is not in here is called as in the log."""

    people: Mapping[str, str] = field(default_factory=dict)
    nodes: Mapping[str, str] = field(default_factory=dict)
    cameras: Mapping[str, str] = field(default_factory=dict)
    """By `node.camera`."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Of announcements, by id."""

    def person(self, username: str) -> str:
        """A person's full name."""
        return self.people.get(username, username)

    def actor(self, actor: str) -> str:
        """Who did it: a person, a machine, the hub itself, the command at the hub."""
        if actor in self.people:
            return self.people[actor]
        if actor == "provision":
            return "Lệnh quản trị tại trung tâm"
        if actor == "hub" or actor.startswith("hub."):
            return "Trung tâm xã"
        return self.machine(actor)

    def machine(self, identity: str) -> str:
        """A node or a service of one: "Đông 1, nhà văn hoá (loa)"."""
        node, _, service = identity.partition(".")
        if node not in self.nodes:
            return identity
        said = _SERVICES.get(service, service)
        return f"{self.nodes[node]} ({said})" if said else self.nodes[node]

    def announcement(self, subject: str) -> str:
        """`bt-7.2` is "bản tin “Cắt điện”, bản sửa 2"; without a revision the announcement itself."""
        key, _, revision = subject.partition(".")
        said = f"bản tin “{self.titles.get(key, key)}”"
        return f"{said}, bản sửa {revision}" if revision.isdigit() and revision != "1" else said


def say(entry: Entry, names: Names) -> str:
    """What was done, without who: "ký duyệt bản tin “Cắt điện”, bằng khoá k-1"."""
    pattern = ACTIONS.get(entry.action)
    if pattern is None:
        return f"{entry.action}: {entry.subject}" if entry.action else "dòng này không đọc được"
    return pattern.format_map(_Words(entry, names))


class _Words(dict[str, str]):
    """The names in braces, made when they are asked for."""

    def __init__(self, entry: Entry, names: Names) -> None:
        super().__init__()
        self._entry, self._names = entry, names

    def __missing__(self, name: str) -> str:
        made = _MADE.get(name)
        return made(self._entry, self._names) if made else self._entry.detail.get(name, "…")


def _other(entry: Entry, names: Names) -> str:
    """Whose it is, where one did it to somebody else."""
    return "" if entry.actor == entry.subject else f" của {names.person(entry.subject)}"


def _roles(name: str) -> Callable[[Entry, Names], str]:
    return lambda entry, _: say_roles(entry.detail.get(name, "").split(","))


def say_roles(roles: Sequence[str]) -> str:
    """Roles in words: "biên tập, duyệt"."""
    return ", ".join(ROLES_SAID.get(role, role) for role in roles if role) or "chưa có việc nào"


def _stopped(entry: Entry, names: Names) -> str:
    if entry.subject == "*":
        return f"tắt tiếng cả xã{_till(entry.detail.get('until', ''))}"
    try:
        key, _, start = parse_occurrence(entry.subject)
    except ValueError:
        return f"dừng lượt phát {entry.subject}"
    return f"dừng lượt phát {hm(start)} {local(start):%-d/%-m/%Y} của {names.announcement(key)}"


def _play(entry: Entry, names: Names) -> str:
    """Which playing: "17:30 21/11/2026 của bản tin …"."""
    try:
        key, _, start = parse_occurrence(entry.subject)
    except ValueError:
        return entry.subject
    return f"{hm(start)} {local(start):%-d/%-m/%Y} của {names.announcement(key)}"


def _till(moment: str) -> str:
    try:
        return f" đến {hm(datetime.fromisoformat(moment))}"
    except ValueError:
        return ""  # an order of before silence was held, or a damaged line


def _relayed(station: str) -> str:
    return f" (tiếp sóng {station})" if station else ""


def _language(entry: Entry) -> str:
    code = entry.detail.get("language", entry.subject)
    return LANGUAGES.get(code, code)


def _until(entry: Entry, names: Names) -> str:
    del names
    try:
        moment = datetime.fromisoformat(entry.detail["until"])
    except (KeyError, ValueError):
        return entry.detail.get("until", "…")
    if moment.tzinfo is None:
        return f"{moment:%-d/%-m/%Y}"
    return f"{hm(moment)} {local(moment):%-d/%-m/%Y}"


def _reason(entry: Entry, names: Names) -> str:
    del names
    return f": {entry.detail['reason']}" if entry.detail.get("reason") else ""


def _keys(entry: Entry, names: Names) -> str:
    """ ": thêm khoá a, b; bỏ khoá c" """
    del names
    parts = (("thêm khoá", "added"), ("bỏ khoá", "removed"))
    return _parts([(word, entry.detail.get(name, "").replace(",", ", ")) for word, name in parts])


def _changes(entry: Entry, names: Names) -> str:
    del names
    parts = (("thêm", "added"), ("bỏ", "removed"), ("sửa lại", "mended"))
    return _parts([(word, _rights(entry.detail.get(name, ""))) for word, name in parts])


def _rights(told: str) -> str:
    """Whose rights a change was about, as keys.rights tells it: "role thon-01.board, thon-01.board"."""
    told, _, more = told.partition(" and ")
    rest = f" và {more.removesuffix(' more')} nữa" if more else ""
    said = [_OTHERS.get(name, name.removeprefix("role ")) for name in told.split(", ") if name]
    return f"quyền của {', '.join(dict.fromkeys(said))}{rest}" if said else ""


_OTHERS = MappingProxyType({"nobody": "người không tên", "defaults": "mọi máy khi chưa khai riêng"})


def _parts(parts: Sequence[tuple[str, str]]) -> str:
    said = "; ".join(f"{word} {what}" for word, what in parts if what)
    return f": {said}" if said else ""


_KINDS = MappingProxyType({"passkey": "khoá trong máy hoặc điện thoại", "file": "tệp khoá"})
_RESULTS = MappingProxyType({"whole": "liền mạch, không ai sửa", "touched": "KHÔNG còn nguyên vẹn"})
_HEARD = MappingProxyType({"yes": "nghe hết", "skipped": "bỏ qua, chưa nghe hết"})

_MADE: Final[Mapping[str, Callable[[Entry, Names], str]]] = MappingProxyType(
    {
        "subject": lambda entry, _: entry.subject,
        "announcement": lambda entry, names: names.announcement(entry.subject),
        "relayed": lambda entry, _: _relayed(entry.detail.get("station", "")),
        "person": lambda entry, names: names.person(entry.subject),
        "for": lambda entry, names: names.person(entry.detail.get("for", "…")),
        "node": lambda entry, names: names.nodes.get(entry.subject, entry.subject),
        "machine": lambda entry, names: names.machine(entry.subject),
        "camera_set": lambda entry, _: say_camera(entry.detail),
        "camera": lambda entry, names: names.cameras.get(entry.subject, entry.subject),
        "alert": lambda entry, _: entry.subject.removeprefix("alert "),
        "other": _other,
        "roles": _roles("roles"),
        "role": _roles("role"),
        "before": _roles("before"),
        "after": _roles("after"),
        "until": _until,
        "seconds": lambda entry, _: entry.detail.get("seconds", "…").replace(".", ","),
        "reason": _reason,
        "keys": _keys,
        "changes": _changes,
        "stopped": _stopped,
        "tuning": lambda entry, _: say_tuning(entry.detail),
        "play": _play,
        "rules": lambda entry, _: say_rules(entry.detail),
        "place": lambda entry, _: f": {entry.detail['at']}" if entry.detail.get("at") else ": bỏ toạ độ",
        "language": lambda entry, _: _language(entry),
        "villages": lambda entry, _: entry.detail.get("villages") or "không thôn nào",
        "days": lambda entry, _: entry.detail.get("days", "…"),
        "kind": lambda entry, _: _KINDS.get(entry.detail.get("kind", ""), "…"),
        "result": lambda entry, _: _RESULTS.get(entry.detail.get("result", ""), "…"),
        "heard": lambda entry, _: _HEARD.get(entry.detail.get("heard", ""), "nghe"),
    }
)


def say_fault(fault: Fault) -> str:
    """What was done to the log, as one sentence."""
    sentences = {
        "missing": f"Dòng {fault.index} đã mất, các dòng sau vẫn còn.",
        "edited": f"Dòng {fault.index} không còn đúng như lúc ghi.",
        "moved": f"Dòng {fault.index} không nối tiếp dòng {fault.index - 1}: "
        "ở đó có dòng bị chèn, bị đổi chỗ, bị sửa hoặc bị bỏ.",
        "cut": f"Sổ bị cắt mất các dòng từ {fault.since} đến {fault.index}.",
        "rewritten": f"Sổ bị ghi lại từ một dòng trong khoảng {fault.since} đến {fault.index}: "
        "mã giữ ở nơi khác không khớp.",
    }
    return sentences[fault.flaw]


def bounds_of(since: str, until: str) -> tuple[date | None, date | None]:
    """Days that were asked for, `2026-11-21`, the later one the day after; None for what is no day."""
    first, last = _day(since), _day(until)
    return first, last + timedelta(days=1) if last and last < date.max else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None

"""The audit log as its page and its paper show it: which rows were asked for, and in which words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import groupby
from urllib.parse import urlencode

from flask import request
from sqlalchemy import ColumnElement, and_, not_, or_, select
from sqlalchemy.orm import Session

from broker.hub import audit
from broker.hub.audit import Look, NodeHead
from broker.hub.console.deeds import GROUPS, Names, bounds_of, say, say_fault
from broker.hub.console.wording import ago, hm, local, long_day, number, when
from broker.hub.records import Account, Announcement, AuditRow, Camera, NodeRecord, Revision
from broker.hub.signed_heads import House, HubKeys
from broker.link.clock import LOCAL
from broker.trust.audit import START, Head, Row, code_of

_OF_SESSIONS = GROUPS["vao"][1]


@dataclass(frozen=True)
class Line:
    """One row of the log as people read it."""

    index: int
    day: date
    clock: str
    who: str
    what: str
    is_intact: bool


@dataclass(frozen=True)
class Kept:
    """What one node keeps of the log."""

    label: str
    weight: str
    said: str
    code: str
    seen: str


@dataclass(frozen=True)
class HeadSaid:
    """A head in words."""

    index: str
    code: str
    hash: str

    @classmethod
    def of(cls, head: Head) -> HeadSaid:
        """Empty for a log without rows."""
        if head == START:
            return cls("0", "", "")
        return cls(number(head.index), code_of(head.hash), head.hash)


@dataclass(frozen=True)
class Choice:
    """What of the log somebody wants to see."""

    who: str
    what: str
    since: str
    until: str

    @classmethod
    def asked(cls) -> Choice:
        """From this request; what is no such thing is not asked for."""
        args = request.args
        what, since, until = args.get("viec", ""), args.get("tu", ""), args.get("den", "")
        first, last = bounds_of(since, until)
        return cls(
            args.get("ai", "")[:200],
            what if what in GROUPS else "",
            since if first else "",
            until if last else "",
        )

    def __bool__(self) -> bool:
        return bool(self.who or self.what or self.since or self.until)

    def wanted(self) -> list[ColumnElement[bool]]:
        """The same for the database."""
        found: list[ColumnElement[bool]] = []
        if self.who:
            found.append(AuditRow.actor == self.who)
        if self.what:
            begins = _begins(GROUPS[self.what][1])
            found.append(and_(begins, not_(_begins(_OF_SESSIONS))) if self.what == "nguoi" else begins)
        first, last = bounds_of(self.since, self.until)
        if first:
            found.append(AuditRow.at >= datetime.combine(first, time(), LOCAL))
        if last:
            found.append(AuditRow.at < datetime.combine(last, time(), LOCAL))
        return found

    def address(self) -> str:
        """As the query of an address, with its question mark; empty for everything."""
        named = {"ai": self.who, "viec": self.what, "tu": self.since, "den": self.until}
        return f"?{urlencode({name: value for name, value in named.items() if value})}" if self else ""

    def said(self, names: Names) -> str:
        """In words: "từ 14/11/2026 đến 21/11/2026, việc của Phạm Văn Bình"."""
        parts = [
            f"{word} {date.fromisoformat(day):%-d/%-m/%Y}"
            for word, day in (("từ", self.since), ("đến", self.until))
            if day
        ]
        said = " ".join(parts) or "mọi ngày"
        if self.who:
            said += f", việc của {names.actor(self.who)}"
        if self.what:
            words = GROUPS[self.what][0]
            said += f", loại: {words[0].lower()}{words[1:]}"
        return said


def _begins(beginnings: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(AuditRow.action.startswith(each) for each in beginnings))


def names_of(db: Session, rows: Sequence[Row] = ()) -> Names:
    """What people, nodes and cameras are called now, and the announcements these rows are about."""
    about = {row.entry.subject.split(".")[0] for row in rows if row.entry.action.startswith(("ann", "play."))}
    titles = (
        select(Announcement.id, Revision.title)
        .join(
            Revision,
            and_(Revision.announcement_id == Announcement.id, Revision.number == Announcement.latest),
        )
        .where(Announcement.id.in_(about))
    )
    return Names(
        people={
            row.username: row.full_name for row in db.execute(select(Account.username, Account.full_name))
        },
        nodes={row.name: row.label for row in db.execute(select(NodeRecord.name, NodeRecord.label))},
        cameras={f"{row.node}.{row.camera}": row.name for row in db.scalars(select(Camera))},
        titles={key: title for key, title in db.execute(titles) if title},
    )


def lines_of(rows: Sequence[Row], names: Names) -> list[Line]:
    """The rows in words."""
    return [
        Line(
            index=row.index,
            day=local(row.entry.at).date(),
            clock=hm(row.entry.at),
            who=names.actor(row.entry.actor),
            what=say(row.entry, names),
            is_intact=audit.is_intact(row),
        )
        for row in rows
    ]


def by_day(lines: Sequence[Line], today: date | None) -> Iterator[tuple[str, list[Line]]]:
    """Runs of rows of one day, with the day in words."""
    for day, found in groupby(lines, key=lambda line: line.day):
        yield ("Hôm nay, " if day == today else "") + long_day(day), list(found)


@dataclass(frozen=True)
class State:
    """All that is known of the log: where it ends, the last look, what nodes keep, and what `announce` says."""

    head: Head
    look: Look | None
    nodes: Sequence[NodeHead]
    is_refused: bool

    @classmethod
    def of(cls, db: Session, house: House) -> State:
        """As it is now."""
        nodes = audit.node_heads(db, HubKeys(db, house))
        return cls(audit.newest(db), audit.last_look(db), nodes, audit.is_refused(db))

    @property
    def weight(self) -> str:
        """ok, wait or bad: may this log be believed?"""
        if self.is_refused or not all(each.is_well for each in self.nodes):
            return "bad"
        if self.look is not None and not self.look.is_well:
            return "bad"
        return "ok" if self.look is not None and self.kept else "wait"

    @property
    def kept(self) -> int:
        """How many nodes keep a head that this hub signed."""
        return sum(each.head != START and each.is_signed for each in self.nodes)

    @property
    def bad_row(self) -> int:
        """Where the log is broken; 0 where nobody found anything."""
        return self.look.fault.index if self.look is not None and self.look.fault is not None else 0

    def headline(self) -> str:
        """The answer first."""
        if self.weight == "bad":
            return "Sổ nhật ký không còn nguyên vẹn."
        if self.head == START:
            return "Sổ nhật ký còn trống."
        if self.look is None:
            return "Sổ nhật ký chưa được soi lần nào."
        if not self.kept:
            return "Sổ liền mạch; chưa điểm nào giữ mã của sổ."
        everyone = (
            f"cả {self.kept}" if self.kept == len(self.nodes) else f"{self.kept} trên {len(self.nodes)}"
        )
        return f"Sổ liền mạch, {everyone} điểm giữ mã khớp với sổ."

    def length(self, at: datetime) -> str:
        """How long the log is, and when it was looked through."""
        said = f"{number(self.head.index)} dòng."
        if self.look is None:
            return said
        day = local(self.look.at)
        near = abs((local(at).date() - day.date()).days) < 7
        moment = f"lúc {when(self.look.at, at)}" if near else f"ngày {day:%-d/%-m/%Y}"
        return f"{said} Soi cả sổ lần gần nhất {moment}, tới dòng {number(self.look.rows)}."

    def doubts(self) -> list[str]:
        """What speaks against a node and not against the log."""
        return [
            f"{each.label}: điểm này báo mã không phải của trung tâm ký, xin cho người xem lại máy ở đó."
            for each in self.nodes
            if not each.is_signed
        ]

    def troubles(self) -> list[str]:
        """What is wrong, one sentence each."""
        said = []
        if self.look is not None and self.look.fault is not None:
            said.append(say_fault(self.look.fault))
        if self.look is not None:
            said += _troubles_of(self.look)
        if self.is_refused:
            said.append("Sổ không còn chứa mã đã gửi cho các điểm lần trước, nên trung tâm thôi gửi mã mới.")
        said += [
            f"Mã mà {each.label} đang giữ không có trong sổ này." for each in self.nodes if not each.agrees
        ]
        said += [
            f"{each.label} đã nhận hai mã trái nhau từ trung tâm và giữ lại cả hai làm bằng chứng."
            for each in self.nodes
            if each.complains
        ]
        return said


def _troubles_of(look: Look) -> list[str]:
    """What the last look found beside the rows."""
    said = []
    if look.foreign:
        said.append(f"Cơ sở dữ liệu có lệnh tự chạy không phải của Làng Số: {', '.join(look.foreign)}.")
    elif not look.has_triggers:
        said.append("Khoá chống sửa trong cơ sở dữ liệu đã bị gỡ.")
    if not look.has_true_plan:
        said.append("Mã đang gửi cho các điểm không phải mã mà trung tâm đã ký.")
    return said


def kept_by(each: NodeHead, at: datetime) -> Kept:
    """What a node keeps, in words."""
    said = ago(each.seen_at, at) if each.seen_at else ""
    seen = {"": "chưa báo lần nào", "vừa xong": "vừa báo"}.get(said, f"báo {said}")
    index = number(each.head.index)
    if each.head == START:
        return Kept(each.label, "wait", "chưa giữ mã nào", "", seen)
    code = code_of(each.head.hash)
    if not each.is_signed:
        return Kept(each.label, "look", "báo mã không phải của trung tâm ký", code, seen)
    if not each.agrees:
        return Kept(each.label, "bad", f"lệch ở dòng {index}", code, seen)
    if each.complains:
        return Kept(each.label, "bad", "báo có hai mã trái nhau", code, seen)
    return Kept(each.label, "ok", f"khớp, tới dòng {index}", code, seen)

"""The masthead: which pages a person sees in it, and how many things wait there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import url_for
from sqlalchemy import and_, func, not_, or_, select

from broker.hub import content_review
from broker.hub.console import drills, notice, stations, steps
from broker.hub.console.access import Visitor
from broker.hub.records import ContentRevision, Database, Feedback, Revision

VOICE_LISTENERS = ("editor", "approver", "village", "leader", "admin")
OFFICE = ("editor", "approver", "leader", "admin", "auditor", "village")


@dataclass(frozen=True)
class Item:
    """One entry: where it leads, its words, and its count of waiting things."""

    key: str
    name: str
    href: str
    icon: str = ""
    short: str = ""
    count: int = 0


def menus(database: Database, person: Visitor) -> dict[str, Any]:
    """`menu` for the masthead, `more` for the person's own menu, `tabs` for a phone."""
    main = _main(person, _waiting_feedback(database) if person.is_any("editor", "leader") else 0)
    if person.is_any("approver"):
        waits = _waiting_approval(database, person)
        main.insert(1, Item("approvals", "Chờ duyệt", url_for("approvals.queue"), "check", "Duyệt", waits))
    if person.is_any("admin") and not _is_finished(database):
        main.insert(0, Item("first", "Bắt đầu", url_for("firststeps.first_steps"), "up", "Bắt đầu"))
    more = (
        [Item("cameras", "Camera của xã", url_for("cameras.all_cameras"))] if person.is_any("admin") else []
    )
    if person.is_any("admin", "police"):
        more.append(Item("duty-phones", "Nơi gọi của phòng trực", url_for("duty_phones.all_phones")))
    if person.is_any("admin", "leader", "auditor"):
        machines = Item("nodes", "Điểm và máy", url_for("nodes.all_nodes"), "village", "Máy")
        (main if person.is_any("admin") else more).append(machines)
        more.append(Item("people", "Người dùng", url_for("people.all_people")))
        more.append(Item("wire", "Đường truyền", url_for("wire.wire")))
        log = Item("audit", "Nhật ký", url_for("audit.log"), "book", "Nhật ký")
        (main if person.is_any("auditor") else more).append(log)
    if person.is_any(*notice.READERS):
        more.append(Item("notice", "Thông báo có camera", url_for("notice.page")))
    if person.is_any(*OFFICE, "helper"):
        more.append(Item("week", "Lịch tuần", url_for("week.week")))
    if person.is_any("police") and not any(item.key == "duty" for item in main):
        more.append(Item("duty", "Phòng trực công an", url_for("duty.room")))
    if person.is_any("editor", "approver"):
        more.append(Item("patterns", "Mẫu bản tin", url_for("patterns.shelf")))
        more.append(Item("phrases", "Câu ghi sẵn", url_for("phrases.all_phrases")))
    if person.is_any(*drills.READERS):
        more.append(Item("drills", "Diễn tập loa", url_for("drills.all_drills")))
    if person.is_any(*stations.READERS):
        more.append(Item("stations", "Đài tiếp sóng", url_for("stations.all_stations")))
    if person.is_any("editor", "approver", "leader", "admin", "auditor"):
        more.append(Item("channels", "Kênh khác", url_for("channels.all_channels")))
    if person.is_any("editor", "approver", "leader", "admin", "auditor"):
        more.append(Item("warnings", "Cảnh báo từ nơi khác", url_for("warnings.all_warnings")))
    if person.is_any(*OFFICE):
        more.append(Item("aired", "Nhật ký phát sóng", url_for("broadcasts.log")))
    if person.is_any(*OFFICE):
        more.append(Item("rules", "Giờ giấc của loa", url_for("rules.page")))
        more.append(Item("why", "Vì sao không phát?", url_for("silent.page")))
    if person.is_any("editor", "approver", "leader", "admin", "auditor"):
        more.append(Item("urgent-templates", "Mẫu khẩn cấp", url_for("urgent_templates.all_templates")))
    if person.is_any(*VOICE_LISTENERS):
        more.append(Item("voices", "Nghe giọng", url_for("voices.page")))
    if person.is_any(*OFFICE):
        more.append(Item("words", "Từ của xã", url_for("words.page")))
    if person.is_any("admin", "leader", "auditor", "approver"):
        more.append(Item("trust", "Danh sách tin cậy", url_for("trust.page")))
    if person.is_any("approver"):
        more.append(Item("my-keys", "Khoá ký của tôi", url_for("mykeys.page")))
    if person.is_any(*content_review.READERS):
        waits = _waiting_content(database, person)
        item = Item("content", "Nội dung màn hình", url_for("content_list.all_procedures"), count=waits)
        more.insert(0, item)
    more.append(Item("account", "Tài khoản của tôi", url_for("account.mine")))
    on_phone = [item for item in main if item.icon][:5]
    return {"menu": main, "more": [*more, *(i for i in main if i not in on_phone)], "tabs": on_phone}


def _main(person: Visitor, feedback: int) -> list[Item]:
    items = []
    if person.is_any(*OFFICE, "helper"):
        items.append(Item("today", "Hôm nay", url_for("today.today"), "calendar", "Hôm nay"))
    if person.is_any("editor", "approver", "village"):
        items.append(Item("write", "Soạn bản tin", url_for("compose.new"), "pencil", "Soạn"))
    if person.is_any(*OFFICE):
        items.append(Item("play", "Cụm loa", url_for("speakers.points"), "horn", "Cụm loa"))
    if person.is_any("editor", "leader"):
        items.append(Item("say", "Phản ánh", url_for("feedback.inbox"), "say", "Phản ánh", feedback))
    if person.is_any("editor", "approver", "leader", "admin", "auditor", "police"):
        items.append(Item("over", "Tổng quan", url_for("overview.overview"), "list", "Tổng quan"))
    if person.is_any("police") and not person.is_any("editor", "approver"):
        items.append(Item("duty", "Phòng trực", url_for("duty.room"), "camera", "Phòng trực"))
    return items


def _is_finished(database: Database) -> bool:
    with database.reading() as db:
        return steps.is_finished(db)


def _waiting_approval(database: Database, person: Visitor) -> int:
    """Announcements of others that wait; who must sign an emergency second is told on the red line."""
    query = select(func.count()).where(Revision.state == "submitted", Revision.author_id != person.id)
    with database.reading() as db:
        return db.scalar(query) or 0


def _waiting_content(database: Database, person: Visitor) -> int:
    """Procedures of others that wait for an approver, and one's own that came back."""
    own = ContentRevision.written_by == person.id
    mine = [and_(ContentRevision.state == "returned", own)]
    if person.is_any(*content_review.APPROVERS):
        mine.append(and_(ContentRevision.state == "sent", not_(own)))
    query = select(func.count()).select_from(ContentRevision).where(or_(*mine))
    with database.reading() as db:
        return db.scalar(query) or 0


def _waiting_feedback(database: Database) -> int:
    with database.reading() as db:
        return db.scalar(select(func.count()).select_from(Feedback).where(Feedback.state == "new")) or 0

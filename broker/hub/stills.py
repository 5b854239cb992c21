"""Pictures of a camera that somebody asks for: who may, how often, what came of it, and how long they are kept."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from broker.contract.camera import CameraPicture
from broker.hub.declined import Declined
from broker.hub.records import Account, Alert, Camera, CameraStill, ServiceSeen, note_change, write_audit
from broker.hub.roles import require_role
from broker.link.clock import LOCAL

ASKERS: Final = ("admin", "police")
"""Who sets cameras up, and who watches them."""
ANSWER_WITHIN: Final = timedelta(seconds=20)
REST: Final = timedelta(seconds=5)
"""Between two pictures of one camera."""
MOST_ASKED, WHILE = 30, timedelta(minutes=10)
"""Pictures one person may ask for within a while."""
KEPT: Final = timedelta(hours=24)
"""After this a picture is deleted; what alerts hold is theirs."""
SILENT: Final = (
    "Camera không gửi hình trong 20 giây. Xem điểm còn nối và camera còn nhìn không, rồi chụp lại."
)
NO_PICTURE: Final = (
    "Điểm gửi về một tệp không phải là hình. Xin chụp lại; vẫn vậy thì khởi động lại máy ở điểm."
)
Outcome = Literal["waiting", "came", "refused", "silent", "gone"]


def ask(
    db: Session, account: Account, node: str, camera: str, now: datetime, reason: str = ""
) -> CameraStill:
    """Ask a camera for a picture of now; written into the audit log with who asked, and why where that is asked for.

    Declined: no right, no such camera, a node that is away, one already under way, too many.
    """
    require_role(db, account, now, *ASKERS)
    row = db.get(Camera, (node, camera))
    if row is None or row.retired_at is not None:
        raise Declined("no-camera", "Không tìm thấy camera này, có thể nó đã được gỡ.")
    refusal = _refusal(db, account, node, camera, now)
    if refusal:
        raise Declined("not-now", refusal)
    still = CameraStill(
        request=f"h-{secrets.token_hex(12)}", node=node, camera=camera, asked_at=now, asked_by=account.id
    )
    db.add(still)
    db.flush()
    write_audit(
        db, now, account.username, "camera.looked", f"{node}.{camera}", {"reason": reason} if reason else {}
    )
    note_change(db, "still", still.request, now)
    return still


def wanted(db: Session, now: datetime) -> Sequence[CameraStill]:
    """Pictures asked for that no command was sent for and that somebody still waits for, oldest first."""
    query = select(CameraStill).where(
        CameraStill.asked_at > now - ANSWER_WITHIN,
        CameraStill.sent_at.is_(None),
        CameraStill.came_at.is_(None),
    )
    return db.scalars(query.order_by(CameraStill.asked_at)).all()


def take(db: Session, row: CameraStill, said: CameraPicture, picture: str | None, now: datetime) -> None:
    """The answer to a request; `picture`: sha256 of what is in the store. Only the first answer counts."""
    if row.came_at is not None:
        return
    row.taken_at, row.came_at, row.picture = said.taken_at, now, picture
    row.reason = "" if picture else said.reason[:300] or NO_PICTURE
    note_change(db, "still", row.request, now)


def outcome_of(row: CameraStill, now: datetime) -> Outcome:
    """What came of a request."""
    if row.came_at is None:
        return "waiting" if now <= row.asked_at + ANSWER_WITHIN else "silent"
    if row.reason:
        return "refused"
    return "came" if row.picture and now <= row.asked_at + KEPT else "gone"


def latest(
    db: Session, node: str, camera: str, now: datetime, asked_by: int | None = None
) -> tuple[CameraStill | None, CameraStill | None]:
    """The newest request for a camera, and the newest that brought a picture which may still be shown.

    asked_by: only this account's, for its reason was written down and nobody else's is theirs.
    """
    own = select(CameraStill).where(CameraStill.node == node, CameraStill.camera == camera)
    if asked_by is not None:
        own = own.where(CameraStill.asked_by == asked_by)
    newest = own.order_by(CameraStill.asked_at.desc(), CameraStill.request)
    shown = newest.where(CameraStill.picture.is_not(None), CameraStill.asked_at > now - KEPT)
    return db.scalars(newest.limit(1)).first(), db.scalars(shown.limit(1)).first()


def put_away(db: Session, now: datetime) -> list[str]:
    """Forget requests that are over. Returns the hashes of pictures that nothing refers to any more, to be deleted."""
    rows = db.scalars(select(CameraStill).where(CameraStill.asked_at <= now - KEPT)).all()
    pictures = {row.picture for row in rows if row.picture}
    for row in rows:
        db.delete(row)
    db.flush()
    return sorted(each for each in pictures if not _is_held(db, each))


def _is_held(db: Session, sha256: str) -> bool:
    """Whether an alert or another still has the same picture."""
    columns = (Alert.snapshot, Alert.before, Alert.best)
    alert = select(Alert.id).where(or_(*(each == sha256 for each in columns))).limit(1)
    still = select(CameraStill.request).where(CameraStill.picture == sha256).limit(1)
    return db.scalar(alert) is not None or db.scalar(still) is not None


def _refusal(db: Session, account: Account, node: str, camera: str, now: datetime) -> str:
    life = db.get(ServiceSeen, f"{node}.camera")
    if life is None or life.state in ("lost", "stopped"):
        return "Điểm đang mất nối nên chưa chụp được; nối lại rồi chụp."
    last, _ = latest(db, node, camera, now)
    if last is not None and outcome_of(last, now) == "waiting":
        return "Đang chờ hình của camera này, xin đợi vài giây."
    if last is not None and now < last.asked_at + REST:
        return f"Vừa chụp lúc {last.asked_at.astimezone(LOCAL):%H:%M:%S}, xin đợi vài giây rồi chụp lại."
    mine = select(func.count()).select_from(CameraStill)
    asked = db.scalar(mine.where(CameraStill.asked_by == account.id, CameraStill.asked_at > now - WHILE)) or 0
    return "Anh/chị đã chụp quá nhiều hình, mười phút nữa xin chụp tiếp." if asked >= MOST_ASKED else ""

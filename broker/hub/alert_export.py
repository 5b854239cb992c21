"""Pictures of an alert as a signed file, for whoever may ask for them: an investigator, a court, a file of the case.

The files are opened at once, so that retention may delete them meanwhile; what is gone by then is named in the
manifest. Nothing is unpacked or converted: the parts are the bytes that the node sent, told with their SHA-256.
`broker/trust/evidence.py` says how such a file is believed, `langso evidence check` does it.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import IO, Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub import audit, trusted
from broker.hub.alert_views import Reason
from broker.hub.alerts import CLOSE_REASONS, MAY_SEE
from broker.hub.declined import Declined
from broker.hub.records import (
    Account,
    Alert,
    AlertExport,
    AlertStep,
    Camera,
    Village,
    note_change,
    write_audit,
)
from broker.hub.roles import require_role
from broker.link.clock import LOCAL
from broker.link.config import Settings
from broker.link.media import CHUNK, MediaError, MediaStore
from broker.trust.evidence import MANIFEST, SEAL, EvidenceBody, EvidencePart, seal
from broker.trust.identity import load_hub_signer
from broker.trust.keys import IdentityError

REASONS: Final = MappingProxyType(
    {
        "request": "cơ quan có thẩm quyền yêu cầu",
        "case": "đưa vào hồ sơ vụ việc",
        "complaint": "giải quyết khiếu nại",
    }
)
"""Why pictures are taken out; beside these own words are taken."""
FACTS, HOWTO = "alert.json", "KIEM-TRA.txt"
_PICTURES: Final = (
    ("snapshot", "hinh-khi-bao.jpg", "Hình khi báo"),
    ("before", "hinh-truoc-do.jpg", "Hình trước đó"),
    ("best", "hinh-ro-nhat.jpg", "Hình nhìn rõ nhất"),
)
_CLIPS: Final = MappingProxyType({"video/mp4": "mp4", "video/webm": "webm", "video/x-matroska": "mkv"})
_BIG: Final = 1 << 30
"""Parts beyond this may need the longer form of ZIP."""
_HOWTO = """\
Tệp này do trung tâm của {commune} lập lúc {at}, gồm hình của cảnh báo số {alert}.
Trong tệp không có gì được sửa hay nén lại: hình và đoạn hình đúng như máy ở thôn gửi về.

manifest.json   ghi tên từng tệp, mã SHA-256 của nó, ai lấy ra, lúc nào, vì sao, thiếu gì.
chu-ky.json     chữ ký của trung tâm trên manifest.json, kèm danh sách tin cậy do khoá gốc của xã ký.
alert.json      giờ giấc, camera, các bước xử lý. Ghi chú của cán bộ không có trong này.

Cách kiểm tra
1. Xin xã tệp root.pub (khoá gốc, ai cũng được xem) bằng đường khác, không lấy cùng chỗ với tệp này.
2. Trên máy có cài Làng Số, gõ:
       langso evidence check TEN-TEP.zip --root root.pub
   Dòng cuối ghi "nguyên vẹn" là đúng nguyên như lúc trung tâm ký. Lệnh này không cần mạng.
3. Không có Làng Số thì so mã từng tệp với manifest.json:
       sha256sum *            (Linux)
       certutil -hashfile TEN-TEP SHA256   (Windows)
   Cách này chỉ cho biết tệp khớp với manifest.json; chữ ký phải kiểm bằng lệnh ở mục 2.
4. Xã giữ mã SHA-256 của cả tệp zip trong phòng trực, ở cảnh báo số {alert}, và ghi việc lấy ra trong sổ nhật ký.
"""


@dataclass(frozen=True)
class Piece:
    """One picture or clip that is to go out, held open."""

    name: str
    what: str
    sha256: str
    file: IO[bytes]


@dataclass(frozen=True)
class Written:
    """What was made of it."""

    sha256: str
    size: int
    parts: int


@contextmanager
def held(
    db: Session, account: Account, alert_id: int, store: MediaStore, now: datetime
) -> Iterator[tuple[Alert, list[Piece], list[str]]]:
    """The alert, its pieces held open, and what is gone. Raises Declined without the right."""
    require_role(db, account, now, *MAY_SEE)
    alert = db.get(Alert, alert_id)
    if alert is None:
        raise Declined("no-alert", "Không tìm thấy cảnh báo này.")
    gone = _gone(alert)
    with ExitStack() as stack:
        pieces = []
        for name, what, sha256 in _wanted(alert):
            file = _opened(store, sha256)
            if file is None:
                gone.append(f"{what}: không còn trên máy chủ của xã.")
                continue
            stack.enter_context(file)
            if _digest(file) != sha256:
                gone.append(f"{what}: tệp trên máy chủ đã hỏng, không đưa ra.")
                continue
            pieces.append(Piece(name, what, sha256, file))
        yield alert, pieces, gone


def write(
    db: Session,
    settings: Settings,
    out: IO[bytes],
    found: tuple[Alert, list[Piece], list[str]],
    account: Account,
    reason: Reason,
    now: datetime,
) -> Written:
    """Write the signed file into `out`, which can be read and sought in. Raises OSError, Declined."""
    alert, pieces, gone = found
    name, private, trust = _signer(db, settings)
    at = f"{now.astimezone(LOCAL):%H:%M:%S ngày %-d/%-m/%Y}"
    howto = _HOWTO.format(commune=settings.place.commune_name, at=at, alert=alert.id).encode()
    facts = json.dumps(facts_of(db, alert), ensure_ascii=False, indent=1).encode()
    small = [(FACTS, "Giờ giấc và các bước xử lý", facts), (HOWTO, "Cách kiểm tra", howto)]
    parts = [
        EvidencePart(name=one.name, what=one.what, size=_size(one.file), sha256=one.sha256) for one in pieces
    ]
    parts += [
        EvidencePart(name=name, what=what, size=len(data), sha256=hashlib.sha256(data).hexdigest())
        for name, what, data in small
    ]
    head = audit.newest(db)
    body = EvidenceBody(
        commune=trusted.commune_of(settings),
        alert=alert.id,
        made_at=now.astimezone(UTC),
        username=account.username,
        officer=account.full_name,
        reason=reason.said,
        parts=parts,
        gone=gone,
        log_index=head.index,
        log_hash=head.hash,
    )
    try:
        manifest, sealed = seal(body, name, private, trust)
    except ValueError as why:
        raise Declined("bad-words", "Lý do có ký tự không dùng được, xin ghi lại.") from why
    first = [(MANIFEST, manifest.encode()), (SEAL, sealed), *((one, data) for one, _, data in small)]
    _pack(out, first, pieces, now)
    out.seek(0)
    digest = hashlib.sha256()
    for chunk in iter(lambda: out.read(CHUNK), b""):
        digest.update(chunk)
    return Written(digest.hexdigest(), out.tell(), len(pieces))


def note(
    db: Session, account: Account, alert_id: int, reason: Reason, written: Written, now: datetime
) -> None:
    """Keep that it goes out, before a byte does. An officer's own words stay out of the audit log."""
    require_role(db, account, now, *MAY_SEE)
    row = AlertExport(
        alert_id=alert_id, account_id=account.id, at=now, reason=reason.said,
        sha256=written.sha256, size=written.size,
    )  # fmt: skip
    db.add(row)
    db.add(AlertStep(alert_id=alert_id, account_id=account.id, at=now, what="exported", note=reason.said))
    detail = {"reason": reason.logged, "sha256": written.sha256, "files": str(written.parts)}
    write_audit(db, now, account.username, "alert.exported", f"alert {alert_id}", detail)
    note_change(db, "alert", str(alert_id), now)


def exports_of(db: Session, alert_id: int) -> Sequence[AlertExport]:
    """Every file that ever left, oldest first; they outlive the pictures."""
    return db.scalars(
        select(AlertExport).where(AlertExport.alert_id == alert_id).order_by(AlertExport.id)
    ).all()


def facts_of(db: Session, alert: Alert) -> dict[str, Any]:
    """What is known of an alert, without anybody's notes: they may name people."""
    camera, village = db.get(Camera, (alert.node, alert.camera)), db.get(Village, alert.village)
    people = {one.id: one.full_name for one in db.scalars(select(Account))}
    return {
        "alert": alert.id,
        "kind": alert.kind,
        "what": alert.what,
        "node": alert.node,
        "camera": {"code": alert.camera, "name": camera.name if camera else ""},
        "village": village.name if village else alert.village,
        "started_at": _iso(alert.started_at),
        "ended_at": _iso(alert.ended_at),
        "lasted_ms": alert.lasted_ms,
        "clock": alert.clock,
        "reached_the_duty_room_at": _iso(alert.raised_at),
        "zone": alert.zone,
        "confidence": alert.confidence,
        "reasons": alert.reasons,
        "labels": alert.labels,
        "boxes": alert.boxes,
        "best_boxes": alert.best_boxes,
        "evidence": alert.evidence,
        "state": alert.state,
        "closed_as": CLOSE_REASONS.get(alert.close_reason, alert.close_reason),
        "officer": people.get(alert.officer_id or 0, ""),
        "steps": [
            {"at": _iso(one.at), "who": people.get(one.account_id or 0, "trung tâm"), "what": one.what}
            for one in alert.steps
        ],
    }


def _wanted(alert: Alert) -> Iterator[tuple[str, str, str]]:
    for column, name, what in _PICTURES:
        sha256 = getattr(alert, column)
        if sha256:
            yield name, what, sha256
    if alert.has_clip and alert.clip_sha256:
        kind = _CLIPS.get((alert.clip or {}).get("type", ""), "bin")
        yield f"doan-hinh.{kind}", "Đoạn hình", alert.clip_sha256


def _gone(alert: Alert) -> list[str]:
    """What the records say is no longer, or not yet, here."""
    if alert.pictures_gone_at is not None:
        return [f"Hình và đoạn hình đã xoá theo hạn giữ hình, ngày {_day(alert.pictures_gone_at)}."]
    if alert.clip_gone_at is not None:
        return [f"Đoạn hình đã xoá để lấy chỗ cho đoạn hình mới, ngày {_day(alert.clip_gone_at)}."]
    return ["Đoạn hình chưa được gửi về."] if alert.clip and not alert.has_clip else []


def _opened(store: MediaStore, sha256: str) -> IO[bytes] | None:
    try:
        path = store.path_of(sha256)
        return path.open("rb") if path is not None else None
    except (MediaError, FileNotFoundError):  # deleted between looking and opening
        return None


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in iter(lambda: file.read(CHUNK), b""):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def _size(file: IO[bytes]) -> int:
    size = file.seek(0, 2)
    file.seek(0)
    return size


def _signer(db: Session, settings: Settings) -> tuple[str, Any, Any]:
    """The hub's key, and the trust list in force, which must vouch for it. Raises Declined."""
    trust, signed = trusted.in_force(db, settings), trusted.signed_in_force(db)
    try:
        name, private = load_hub_signer(settings.keys_dir)
    except IdentityError as why:
        raise Declined(
            "no-hub-key", "Trung tâm không đọc được khoá ký của mình, xin báo người quản trị."
        ) from why
    if not any(one.key == name and "hub" in one.roles for one in trust.keys):
        raise Declined("no-hub-key", "Danh sách tin cậy chưa có khoá của trung tâm, xin báo người quản trị.")
    return name, private, signed


def _pack(out: IO[bytes], small: Sequence[tuple[str, bytes]], pieces: Sequence[Piece], now: datetime) -> None:
    local = now.astimezone(LOCAL)
    stamp = (max(1980, local.year), local.month, local.day, local.hour, local.minute, local.second)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in small:
            archive.writestr(_info(name, stamp), data)
        for piece in pieces:
            with archive.open(_info(piece.name, stamp), "w", force_zip64=_size(piece.file) > _BIG) as part:
                for chunk in iter(lambda source=piece.file: source.read(CHUNK), b""):  # type: ignore[misc]
                    part.write(chunk)


def _info(name: str, stamp: tuple[int, int, int, int, int, int]) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, stamp)
    info.external_attr = 0o444 << 16
    return info


def _iso(at: datetime | None) -> str | None:
    return at.astimezone(LOCAL).isoformat(timespec="milliseconds") if at is not None else None


def _day(at: datetime) -> str:
    return f"{at.astimezone(LOCAL):%-d/%-m/%Y}"

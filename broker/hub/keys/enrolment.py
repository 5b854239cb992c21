"""Taking a node in with a code, renewing its certificates, and revoking it: what the hub decides and writes down.

Nothing here talks to the broker: a change "rights" in the records tells `announce` to bring the broker in line.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broker.contract import HUB, NODE_SERVICES, ContractError, Identity
from broker.hub.declined import Declined
from broker.hub.keys.issuing import Issuer
from broker.hub.records import (
    Account,
    AuditRow,
    Certificate,
    EnrolCode,
    NodeRecord,
    Revocation,
    Village,
    note_change,
    write_audit,
)
from broker.link.config import Settings
from broker.trust.certificates import certify_request, serial_of
from broker.trust.enrolment import Ask, Welcome, code_hash, new_code, read_code, requests_hash
from broker.trust.identity import load_hub_seal, load_root
from broker.trust.keys import IdentityError, read_file

log = logging.getLogger(__name__)

CODE_LASTS = timedelta(minutes=15)
TRIES = 50
"""Wrong ones of one code altogether: a million millions to fifty that nobody guesses it in its time."""
TRIES_OF_ONE = 5
"""Wrong ones of one code from one address: no single machine can use up the tries of all."""
SUCCESSORS = 2
"""Certificates that may follow one: the node's own, and one more where a disk was put back from a copy."""
_WRONG = (
    "Mã không đúng, đã hết hạn, hoặc không phải mã của điểm này. Xin xem lại mã trên trang Điểm và máy; "
    "máy nào nhập sai quá 5 lần thì phải lấy mã mới."
)


@dataclass(frozen=True)
class Offer:
    """A code for one node. It is shown now and kept nowhere."""

    node: str
    code: str
    expires_at: datetime


class Tries:
    """Wrong tries by code and address, for as long as the listener runs. Threads share it."""

    def __init__(self) -> None:
        self._wrong: Counter[tuple[int, str]] = Counter()
        self._lock = threading.Lock()

    def are_over(self, code: int, address: str) -> bool:
        """Whether this address may not try this code (its row) any more."""
        with self._lock:
            return self._wrong[code, address] >= TRIES_OF_ONE

    def note(self, code: int, address: str) -> None:
        """One more wrong try; what belongs to codes long over is forgotten."""
        with self._lock:
            self._wrong[code, address] += 1
            for old in [each for each in self._wrong if each[0] < code - 1000]:
                del self._wrong[old]


def weigh(ask: Ask) -> str:
    """The hash of the code that was sent, empty for what is none. Slow: call it before a transaction begins."""
    try:
        return code_hash(ask.node, read_code(ask.code))
    except IdentityError:
        return ""


def offer_code(
    db: Session,
    *,
    node: str,
    village: str,
    label: str,
    by: Account | str,
    now: datetime,
    services: Sequence[str] = NODE_SERVICES,
    again: bool = False,
) -> Offer:
    """Register a node and give it a code, the only one that counts from now on.

    again: also for a node that holds valid certificates (a new disk, for instance); the new ones replace them.
    Raises Declined for a name or village that cannot be, and for a node that is enrolled already.
    """
    who = _name_of(by)
    _check_names(node, services)
    if db.get(Village, village) is None:
        raise Declined("no-village", "Trung tâm chưa biết thôn này, xin thêm thôn trước.")
    record = db.get(NodeRecord, node)
    if record is None:
        record = NodeRecord(name=node, village=village, label=label, registered_at=now)
        db.add(record)
    elif _is_being_revoked(db, node):
        raise Declined("revoking", "Điểm này đang được thu hồi, xin chờ thu hồi xong rồi hãy cấp mã mới.")
    elif is_enrolled(db, node) and not again:
        raise Declined(
            "enrolled", "Điểm này đã có chứng thư. Máy vừa thay mới thì thu hồi máy cũ trước, rồi lấy mã."
        )
    record.village, record.label = village, label
    code = new_code()
    _end_codes(db, node, now)
    row = EnrolCode(
        node=node,
        services=list(services),
        code_hash=code_hash(node, code),
        made_at=now,
        made_by=who,
        expires_at=now + CODE_LASTS,
        tries_left=TRIES,
    )
    db.add(row)
    db.flush()
    write_audit(db, now, who, "node.code-made", node, {"services": ",".join(services), "village": village})
    note_change(db, "node", node, now)
    return Offer(node, code, row.expires_at)


def admit(
    db: Session,
    settings: Settings,
    issuer: Issuer,
    ask: Ask,
    now: datetime,
    *,
    weighed: str | None = None,
    tries: Tries | None = None,
    address: str = "",
) -> Welcome:
    """Take a node in: its certificates and all it must know. The same keys get the same answer until the code ends.

    weighed: what `weigh` made of it. tries, address: how often each address was wrong. Raises Declined. Commit all
    the same: a wrong try is counted in this transaction.
    """
    row = _right_code(db, ask, now, weigh(ask) if weighed is None else weighed, tries or Tries(), address)
    asked = requests_hash(ask.requests)
    if row.used_at is not None and row.requests_hash != asked:
        raise Declined(
            "code-used", "Mã này đã dùng rồi. Nếu cần cài lại máy, xin lấy mã mới trên trang Điểm và máy."
        )
    if row.used_at is None and _are_revoked(db, row, asked):
        raise Declined("keys-used", "Khoá của máy này đã bị thu hồi. Xin chạy lại lệnh: máy sẽ tạo khoá mới.")
    chains = _certify(db, issuer, row, ask, row.used_at or now)
    if row.used_at is None:
        row.used_at, row.requests_hash = now, asked
        db.get_one(NodeRecord, row.node).retired_at = None
        write_audit(db, now, row.made_by, "node.enrolled", row.node, {"services": ",".join(row.services)})
        for topic, key in (("rights", row.node), ("node", row.node), ("plan", "*")):
            note_change(db, topic, key, now)
    return _welcome(db, settings, row.node, chains)


def renew(db: Session, issuer: Issuer, who: Identity, presented_serial: str, csr: str, now: datetime) -> str:
    """A new certificate (chain PEM) for a service that showed its old one; the same request gets the same again.

    presented_serial: of the certificate it showed, in hexadecimal. Raises Declined; commit all the same, so that it
    stands in the audit log when one old certificate asks for more than it may.
    """
    old = db.get(Certificate, presented_serial)
    node = db.get(NodeRecord, who.node)
    if old is None or old.identity != str(who) or node is None:
        raise Declined(
            "unknown-certificate", "Trung tâm không có tên chứng thư này, xin cấp mã mới cho điểm."
        )
    if old.revoked_at is not None or node.retired_at is not None or old.not_after <= now:
        raise Declined("revoked", "Chứng thư này đã bị thu hồi hoặc hết hạn, xin cấp mã mới cho điểm.")
    if now < old.issued_at + (old.not_after - old.issued_at) / 2:
        raise Declined("too-early", "Chứng thư còn mới, chưa cần gia hạn.")
    salt = f"renew/{presented_serial}"
    try:
        known = db.get(Certificate, f"{serial_of(csr, salt):x}")
        if known is None:
            _check_successors(db, who, old, now)
        chain, serial, until = certify_request(issuer, csr, who, known.issued_at if known else now, salt)
    except (IdentityError, ContractError) as why:
        raise Declined("bad-request", f"Yêu cầu cấp chứng thư không hợp lệ: {why}.") from why
    if known is None:
        _keep(db, who, serial, now, until)
        write_audit(db, now, str(who), "certificate.renewed", str(who), {"until": f"{until:%Y-%m-%d}"})
        note_change(db, "node", who.node, now)
    return chain


def _check_successors(db: Session, who: Identity, old: Certificate, now: datetime) -> None:
    """Raise Declined when enough certificates followed this one: whoever stole it gets no heap of them."""
    newer = select(func.count()).where(
        Certificate.identity == str(who),
        Certificate.issued_at > old.issued_at,
        Certificate.revoked_at.is_(None),
    )
    if (db.scalar(newer) or 0) < SUCCESSORS:
        return
    told = select(AuditRow.id).where(
        AuditRow.action == "certificate.refused",
        AuditRow.subject == str(who),
        AuditRow.at > now - timedelta(days=1),
    )
    if (
        db.scalar(told.limit(1)) is None
    ):  # once a day: the log is not for whoever holds the certificate to fill
        write_audit(db, now, str(who), "certificate.refused", str(who), {})
        log.error("%s asks for one certificate after another", who, extra={"event": "renewed-too-often"})
    raise Declined(
        "renewed-already", "Chứng thư này đã được gia hạn bằng khoá khác, xin kiểm tra máy và cấp mã mới."
    )


def revoke_node(db: Session, node: str, by: Account | str, reason: str, now: datetime) -> Revocation:
    """Take a node out for good: its certificates count no more, and `announce` cuts it off from the row on.

    Raises Declined for a node that is unknown or out already.
    """
    record = db.get(NodeRecord, node)
    if record is None:
        raise Declined("no-node", "Trung tâm không có điểm nào tên như vậy.")
    if record.retired_at is not None and not is_enrolled(db, node):
        raise Declined("already-revoked", "Điểm này đã thu hồi rồi.")
    who = _name_of(by)
    _revoke_certificates(db, node, "revoked", now)
    _end_codes(db, node, now)
    record.retired_at = now
    row = Revocation(node=node, asked_at=now, asked_by=who, reason=reason)
    db.add(row)
    db.flush()
    write_audit(db, now, who, "node.revoked", node, {"reason": reason[:200]})
    for topic, key in (("rights", node), ("node", node), ("plan", "*")):
        note_change(db, topic, key, now)
    return row


def is_enrolled(db: Session, node: str) -> bool:
    """Whether a node holds a certificate that was not revoked."""
    found = select(Certificate.serial).where(Certificate.node == node, Certificate.revoked_at.is_(None))
    return db.scalar(found.limit(1)) is not None


def is_revoked(db: Session, serial: str) -> bool:
    """Whether the certificate with this serial number (hexadecimal) counts no more."""
    row = db.get(Certificate, serial)
    return row is not None and row.revoked_at is not None


def _name_of(by: Account | str) -> str:
    return by if isinstance(by, str) else by.username


def _check_names(node: str, services: Sequence[str]) -> None:
    try:
        for service in services:
            Identity(node, service)
    except ContractError as why:
        raise Declined(
            "bad-name", "Tên điểm gồm 1 đến 32 chữ thường không dấu, chữ số và dấu - ở giữa: thon-01."
        ) from why
    if node == HUB or not services:
        raise Declined("bad-name", "Tên này dành riêng cho trung tâm, xin chọn tên khác.")


def _is_being_revoked(db: Session, node: str) -> bool:
    query = select(Revocation.id).where(Revocation.node == node, Revocation.probed_at.is_(None))
    return db.scalar(query.limit(1)) is not None


def _end_codes(db: Session, node: str, now: datetime) -> None:
    for row in db.scalars(select(EnrolCode).where(EnrolCode.node == node, EnrolCode.ended_at.is_(None))):
        row.ended_at = now


def _right_code(db: Session, ask: Ask, now: datetime, weighed: str, tries: Tries, address: str) -> EnrolCode:
    """The row of the code that was given, when it is right and still counts.

    Whoever does not know the code learns nothing: whether there is one, whether it is over, what is left of it.
    """
    query = select(EnrolCode).where(EnrolCode.node == ask.node, EnrolCode.ended_at.is_(None))
    row = db.scalars(query.order_by(EnrolCode.id.desc()).limit(1)).first()
    if row is None or tries.are_over(row.id, address):
        raise Declined("wrong-code", _WRONG)
    if not secrets.compare_digest(weighed, row.code_hash):
        if row.tries_left > 0 and now < row.expires_at:
            tries.note(row.id, address)
            row.tries_left -= 1
            write_audit(db, now, ask.node, "node.code-wrong", ask.node, {"left": str(row.tries_left)})
        raise Declined("wrong-code", _WRONG)
    if now >= row.expires_at:
        raise Declined("code-over", "Mã này đã quá 15 phút. Xin lấy mã mới trên trang Điểm và máy.")
    if row.tries_left <= 0:
        raise Declined(
            "no-tries", "Mã này bị nhập sai quá nhiều lần nên đã huỷ. Xin lấy mã mới trên trang Điểm và máy."
        )
    return row


def _are_revoked(db: Session, row: EnrolCode, asked: str) -> bool:
    """Whether these very keys were let in before and revoked since."""
    before = select(EnrolCode.used_at).where(EnrolCode.node == row.node, EnrolCode.requests_hash == asked)
    used_at = db.scalar(before.order_by(EnrolCode.id.desc()).limit(1))
    if used_at is None:
        return False
    revoked = select(Revocation.id).where(Revocation.node == row.node, Revocation.asked_at >= used_at)
    return db.scalar(revoked.limit(1)) is not None


def _certify(db: Session, issuer: Issuer, row: EnrolCode, ask: Ask, at: datetime) -> dict[str, str]:
    """Chains by service. The first time the certificates take the place of the node's earlier ones."""
    is_first = row.used_at is None
    made: dict[str, tuple[str, str, datetime]] = {}
    try:
        for service in row.services:
            who = Identity(row.node, service)
            made[service] = certify_request(issuer, ask.requests.get(service, ""), who, at, f"code/{row.id}")
    except (IdentityError, ContractError) as why:
        raise Declined("bad-request", f"Máy gửi yêu cầu không hợp lệ: {why}.") from why
    if len({serial for _, serial, _ in made.values()}) < len(made):
        raise Declined("bad-request", "Máy gửi yêu cầu không hợp lệ: hai dịch vụ dùng chung một khoá.")
    if is_first:
        _revoke_certificates(db, row.node, "replaced", at)
        for service, (_, serial, until) in made.items():
            _keep(db, Identity(row.node, service), serial, at, until)
    return {service: chain for service, (chain, _, _) in made.items()}


def _keep(db: Session, who: Identity, serial: str, now: datetime, until: datetime) -> None:
    row = Certificate(serial=serial, identity=str(who), node=who.node, issued_at=now, not_after=until)
    db.add(row)
    db.flush()


def _revoke_certificates(db: Session, node: str, reason: str, now: datetime) -> None:
    query = select(Certificate).where(Certificate.node == node, Certificate.revoked_at.is_(None))
    for row in db.scalars(query):
        row.revoked_at, row.reason = now, reason


def _welcome(db: Session, settings: Settings, node: str, chains: dict[str, str]) -> Welcome:
    village = db.get_one(Village, db.get_one(NodeRecord, node).village)
    keys, host = settings.keys_dir, settings.hub_name
    shown = f"[{host}]" if ":" in host else host
    return Welcome(
        node=node,
        province=settings.place.province,
        commune=settings.place.commune,
        commune_name=settings.place.commune_name,
        village=village.code,
        village_name=_spoken(village.name),
        broker_host=host,
        broker_port=settings.broker.port,
        broker_tls=settings.broker.tls,
        device_url=f"https://{shown}:{settings.device_port.port}",
        ca=read_file(keys / "ca.pem").decode(),
        root=load_root(keys),
        hub_seal=load_hub_seal(keys).decode(),
        certificates=chains,
    )


def _spoken(village: str) -> str:
    """`Đông` as people say it, `thôn Đông`; a name that says its kind itself stays."""
    kinds = ("thôn ", "ấp ", "bản ", "khu ", "tổ ", "làng ", "xóm ", "buôn ", "phum ", "sóc ")
    return village if village.casefold().startswith(kinds) else f"thôn {village}"

"""The head of the audit log goes out to every node, each hour and at once after what matters most.

A node keeps what it was told. Whoever owns the hub's database can compute the whole log anew, but cannot take the
heads back. So a head is signed only when the log still contains the one that was signed before: what is wrong is
said, and the nodes keep the last true head as their newest.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session as Db

from broker.contract import Place
from broker.contract.hub import AuditPlan, Signature, Signed
from broker.hub import audit
from broker.hub.announcing.plans import Signer
from broker.hub.records import REFUSALS, AuditRow, Database, Plan, audit_rows
from broker.hub.signed_heads import PLACE_OF_PLAN, SignedHead
from broker.link.service import Beat
from broker.link.session import Session
from broker.trust.audit import START, Head, verify
from broker.trust.envelope import AuditBody

log = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
AT_ONCE = (
    "announcement.approved",
    "announcement.withdrawn",
    "audit.restored",
    "node.revoked",
    "play.stopped",
    "trust.",
)
"""Actions, or how they begin, after which the nodes are told without waiting for the hour."""
LOOK_EVERY_S = 24 * 3600.0
LOOK_AGAIN_S = 60.0
"""After a look that the database did not let finish."""
WAIT_S = 1.0


class LogChanged(Exception):
    """The log does not contain the head that was signed last; the text says which rows."""


def audit_plan(db: Db, signer: Signer, place: Place, signed: SignedHead, now: datetime) -> AuditPlan | None:
    """What nodes are to keep; None while there is nothing. A new head is signed when its time has come.

    Raises LogChanged when the log is not what it was, OSError.
    """
    plan = db.get(Plan, PLACE_OF_PLAN)
    last = _head_of(plan)
    _refuse_other_history(db, (last, signed.read()))
    newest = audit.newest(db)
    if newest == START:
        return None
    if plan is None or (newest.index > last.index and _is_time(db, plan, last, now)):
        verdict = verify(audit_rows(db, last.index), after=last)
        if verdict.fault is not None:
            raise LogChanged(f"row {verdict.fault.index} of the audit log: {verdict.fault.flaw}")
        signed.write(newest)  # before anything is said: this file knows at least what the nodes know
        plan = _keep(db, plan, newest, signer, place, now)
    return AuditPlan(generation=plan.generation, signed=_signed(plan))


def forget(db: Db, signed: SignedHead) -> None:
    """Begin anew with what the log is now: the next head is signed without looking back. Raises OSError."""
    plan = db.get(Plan, PLACE_OF_PLAN)
    if plan is not None:
        db.delete(plan)
    signed.forget()


class Watch:
    """Looks through the whole log when the service starts and once a day, and says when it was touched."""

    def __init__(self, database: Database, session: Session) -> None:
        self._database = database
        self._session = session

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Worker: until stopped."""
        monotonic = self._session.clock.monotonic
        next_s = 0.0
        while not stop.is_set():
            beat()
            if monotonic() >= next_s:
                next_s = monotonic() + (LOOK_EVERY_S if self.look() else LOOK_AGAIN_S)
            stop.wait(WAIT_S)

    def look(self) -> bool:
        """One look. False when the database did not let it finish."""
        try:
            with self._database.reading() as db:
                finding = audit.inspect(db, self._session.settings)
            with self._database.session() as db:
                audit.note_look(db, finding, self._session.clock.now())
        except REFUSALS as why:
            log.warning("audit log not looked at: %s", why, extra={"event": "audit-look-failed"})
            return False
        fault = finding.verdict.fault
        if finding.is_well:
            self._session.cleared("audit-log")
            log.info("audit log whole, %d rows", finding.verdict.head.index, extra={"event": "audit-whole"})
        else:
            where = f"row {fault.index}: {fault.flaw}" if fault else "its guards are not what they were"
            log.error("audit log: %s", where, extra={"event": "audit-broken"})
            self._session.problem(
                "audit-log", "Sổ nhật ký không còn nguyên vẹn, xin mở trang Nhật ký để xem."
            )
        return True


def _refuse_other_history(db: Db, heads: tuple[Head, ...]) -> None:
    for head in heads:
        if not audit.contains(db, head):
            raise LogChanged(f"row {head.index} of the audit log is not the one whose head was signed")


def _is_time(db: Db, plan: Plan, last: Head, now: datetime) -> bool:
    if now - plan.made_at >= EVERY or now < plan.made_at:
        return True
    actions = db.scalars(select(AuditRow.action).where(AuditRow.id > last.index))
    return any(action.startswith(AT_ONCE) for action in actions)


def _keep(db: Db, plan: Plan | None, newest: Head, signer: Signer, place: Place, now: datetime) -> Plan:
    commune = f"{place.province}/{place.commune}"
    signed = signer.sign(
        AuditBody(generation=newest.index, commune=commune, hash=newest.hash, at=now), "audit"
    )
    if plan is None:
        plan = Plan(node=PLACE_OF_PLAN[0], kind=PLACE_OF_PLAN[1])
        db.add(plan)
    plan.generation, plan.fingerprint, plan.body = newest.index, newest.hash, signed.body
    plan.signatures = msgspec.to_builtins(signed.signatures)
    plan.made_at, plan.until = now, None
    return plan


def _head_of(plan: Plan | None) -> Head:
    return START if plan is None else Head(plan.generation, plan.fingerprint)


def _signed(plan: Plan) -> Signed:
    return Signed(body=plan.body, signatures=msgspec.convert(plan.signatures, list[Signature]))

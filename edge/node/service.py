"""The service `node`: health of this computer, its kiosk's content, its clock's floor, the hub's audit heads."""

from __future__ import annotations

import logging
import random
import threading

from broker.contract.board import Readings
from broker.contract.hub import ContentPlan, TrustPlan
from broker.link.clock import MachineClock
from broker.link.config import Settings
from broker.link.media import MediaClient, MediaError, MediaStore
from broker.link.outbox import OutboxFull
from broker.link.plans import KeptPlan, KeptTrust
from broker.link.service import Beat, Worker
from broker.link.session import Session
from broker.trust.envelope import ContentBody, Refused
from broker.trust.identity import load_root
from broker.trust.reasons import sentence
from edge.node.content import generation_of, swap_in
from edge.node.heads import HeadBook, HeadsWork
from edge.node.health import HOT_CELSIUS, LITTLE_DISK_PERCENT, measure, readings_of
from edge.node.renewal import RenewalWork

log = logging.getLogger(__name__)

HEALTH_EVERY_S = 10.0
READINGS_EVERY_S = 60.0
RETRY_S = (2.0, 60.0)
WAIT_S = 0.25
"""Longest sleep of a worker, so that a stop is heard at once."""


def build(settings: Settings, session: Session) -> list[Worker]:
    """The workers of this service: `health`, `content`, `heads` and `renewal`."""
    commune = f"{settings.where.province}/{settings.where.commune}"
    trust = KeptTrust(settings.data_dir / "node" / "trust.json", load_root(settings.keys_dir), commune)
    content = _ContentWork(settings, session, trust)
    heads = HeadsWork(settings, session, trust)
    return [
        Worker("health", _HealthWork(settings, session, heads.book).run),
        Worker("content", content.run, patience_s=60),
        Worker("heads", heads.run),
        Worker("renewal", RenewalWork(settings, session).run, patience_s=60),
    ]


class _HealthWork:
    """Measures, says, and keeps the clock's floor."""

    def __init__(self, settings: Settings, session: Session, book: HeadBook) -> None:
        self._data = settings.data_dir
        self._book = book
        self._session = session
        self._said_at = float("-inf")

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Once at the start and every HEALTH_EVERY_S."""
        while True:
            beat()
            self._say()
            if stop.wait(HEALTH_EVERY_S):
                return

    def _say(self) -> None:
        session, clock = self._session, self._session.clock
        head = self._book.newest
        health = measure(self._data, clock, generation_of(self._data / "content"), head)
        session.send(health)
        self._judge(health.disk_free_percent, health.cpu_celsius, health.clock)
        now = clock.monotonic()
        if now - self._said_at < READINGS_EVERY_S:
            return
        self._said_at = now
        try:
            session.send(Readings(items=readings_of(health, health.at)))
            if isinstance(clock, MachineClock):
                clock.keep_floor()
        except (OutboxFull, OSError) as why:
            session.problem("disk", f"Máy hết chỗ ghi, cần người xem: {why}")
        else:
            session.cleared("disk")

    def _judge(self, disk_free_percent: float, cpu_celsius: float | None, clock: str) -> None:
        tests = {
            "disk-little": (
                disk_free_percent < LITTLE_DISK_PERCENT,
                f"Đĩa chỉ còn trống {disk_free_percent:.0f} %.",
            ),
            "hot": (
                (cpu_celsius or 0) > HOT_CELSIUS,
                f"Máy nóng {cpu_celsius or 0:.0f} độ, cần chỗ thoáng hơn.",
            ),
            "clock": (clock == "unknown", "Đồng hồ của máy chưa đúng, loa chưa phát bản tin thường."),
        }
        for code, (is_so, text) in tests.items():
            if is_so:
                self._session.problem(code, text)
            else:
                self._session.cleared(code)


class _ContentWork:
    """Follows the hub's content plan."""

    def __init__(self, settings: Settings, session: Session, trust: KeptTrust) -> None:
        self._session = session
        self._root = settings.data_dir / "content"
        self._store = MediaStore(settings.data_dir / "media")
        self._client = MediaClient(settings, session.who, self._store)
        self._trust = trust
        self._plan = KeptPlan(
            settings.data_dir / "node" / "content.json",
            "content",
            ContentBody,
            self._trust,
            session.clock.now(),
        )
        self._inbox = session.inbox(TrustPlan, ContentPlan)
        self._unheard: ContentPlan | None = None

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Take plans as they come; go on trying to complete the newest one."""
        monotonic = self._session.clock.monotonic
        wait_s, try_at = RETRY_S[0], 0.0
        while not stop.is_set():
            beat()
            received = self._inbox.get(WAIT_S)
            if received is not None:
                self._take(received.message)
                try_at = 0.0
            if not self._is_behind() or monotonic() < try_at:
                continue
            if self._complete(stop):
                wait_s = RETRY_S[0]
            else:
                try_at = monotonic() + wait_s * random.uniform(0.8, 1.2)  # noqa: S311  (jitter)
                wait_s = min(wait_s * 2, RETRY_S[1])

    def _complete(self, stop: threading.Event) -> bool:
        """Bring in the newest bundle. False when it must be tried again."""
        try:
            if self._plan.signed is not None:
                swap_in(self._plan.signed, self._root, self._client, self._store, stop)
        except (MediaError, OSError) as why:
            log.info("content waits: %s", why, extra={"event": "content-waits"})
            self._session.problem("content", "Nội dung mới của màn hình chưa tải xong, máy đang tải lại.")
            return False
        self._session.cleared("content")
        return True

    def _is_behind(self) -> bool:
        return self._plan.generation > generation_of(self._root)

    def _take(self, plan: TrustPlan | ContentPlan) -> None:
        try:
            if isinstance(plan, TrustPlan):
                self._trust.take(plan)
                # The plan may have come before the list that lets it be believed.
                plan_before, self._unheard = self._unheard, None
                if plan_before is None:
                    return
                plan = plan_before
            if self._trust.body is None:
                self._unheard = plan
                return
            self._plan.take(plan.signed, self._session.clock.now())
            self._session.cleared("plan-refused")
        except Refused as why:
            log.warning("plan refused: %s", why, extra={"event": "plan-refused", "reason": why.code})
            self._session.problem("plan-refused", sentence(why.code))
        except OSError as why:
            self._session.problem("disk", f"Máy hết chỗ ghi, cần người xem: {why}")

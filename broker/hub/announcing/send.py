"""From the records to the nodes: plans as they change, commands at once, everything again after a reconnect."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session as Db

from broker.contract import NODE_SERVICES, Identity, spec_of
from broker.contract.hub import (
    CameraPlan,
    ContentPlan,
    LiveWanted,
    Media,
    PictureWanted,
    PlayNow,
    StopPlay,
    TestSpeaker,
    TrustPlan,
)
from broker.contract.message import Message
from broker.hub import camera_search, camera_setup, content, live_view, retention, stills, trusted
from broker.hub.announcing import ending, heads, plans, schedule
from broker.hub.announcing.plans import Signer
from broker.hub.audit import REFUSED
from broker.hub.declined import Declined
from broker.hub.loudspeakers import wanted_tests
from broker.hub.records import (
    REFUSALS,
    Database,
    NodeRecord,
    Occurrence,
    Play,
    Revision,
    Stop,
    changes_after,
    newest_change,
    note_change,
)
from broker.hub.signed_heads import SignedHead
from broker.link.clock import LOCAL
from broker.link.media import MediaStore
from broker.link.service import Beat
from broker.link.session import NotConnected, Session
from broker.trust.seal import public_of

log = logging.getLogger(__name__)

POLL_S = 0.2
TICK_S = 20.0
"""Plans are looked at this often without any change: time passes too."""
AGAIN_S = 300.0
"""Retained plans are said again this often, for a broker that forgot them."""
TOPICS = (
    "plan",
    "stop",
    "camera",
    "node",
    "content",
    "announcement",
    "trust",
    "test",
    "still",
    "live",
    "search",
)
STOP_VALID = timedelta(seconds=600)


class Sender:
    """Keeps the nodes' plans as the records want them. One worker; the only one that signs for the hub."""

    def __init__(self, database: Database, session: Session, signer: Signer, media: MediaStore) -> None:
        self._database = database
        self._session = session
        self._clock = session.clock
        self._signer = signer
        self._media = media
        self._opener = camera_setup.hub_opener(session.settings.keys_dir)
        self._signed_head = SignedHead(session.settings.data_dir)
        self._said: dict[tuple[Identity, str], int] = {}
        self._last = 0
        self._connected = False
        self._tick_at_s = self._again_at_s = 0.0

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Worker: until stopped."""
        while not stop.is_set():
            beat()
            try:
                self.step()
                self._session.cleared("database")
            except NotConnected:
                log.info("the broker left while plans were sent", extra={"event": "send-cut"})
            except (*REFUSALS, OSError) as why:
                log.error("plans not made: %s", why, extra={"event": "plans-failed"})
                self._session.problem(
                    "database", "Trung tâm xã chưa đọc ghi được dữ liệu nên lịch phát chưa mới."
                )
                stop.wait(1.0)
            stop.wait(POLL_S)

    def step(self) -> None:
        """One look: send what changed. Raises NotConnected, database errors, OSError."""
        now_s = self._clock.monotonic()
        connected = self._session.connected
        if (connected and not self._connected) or now_s >= self._again_at_s:
            self._said.clear()
            self._again_at_s = now_s + AGAIN_S
            self._tick_at_s = now_s
        self._connected = connected
        with self._database.reading() as db:
            newest = newest_change(db)
            fresh = bool(changes_after(db, self._last, TOPICS, 1))
        if fresh or now_s >= self._tick_at_s:
            self._tick_at_s = now_s + TICK_S
            self.tend()
            if connected:
                self.send_commands()
                self.send_plans()
        self._last = newest

    def tend(self) -> None:
        """What time brings: announcements whose times are over, and plays of the days ahead."""
        with self._database.session() as db:
            now = self._clock.now()
            ending.expire(db, now)
            schedule.write_plays(db, now)
            retention.give_up(db, stills.put_away(db, now), now)
            camera_search.put_away(db, now)

    def send_commands(self) -> None:
        """Silence first, then what is to be spoken at once."""
        now = self._clock.now()
        with self._database.session() as db:
            query = select(Stop).where(Stop.sent_at.is_(None), Stop.at > now - STOP_VALID).order_by(Stop.id)
            for row in db.scalars(query):
                for node in row.nodes:
                    self._session.send(
                        StopPlay(occurrence=row.occurrence, at=row.at), to=Identity(node, "speaker")
                    )
                row.sent_at = now
        with self._database.session() as db:
            for play, occurrence in _plays_now(db, now):
                revision = occurrence.revision
                command = PlayNow(
                    occurrence=occurrence.id,
                    announcement=revision.announcement_id,
                    start=occurrence.start,
                    signed=plans.signed_of(revision),
                    media=msgspec.convert(revision.audio, Media),
                )
                self._session.send(command, to=Identity(play.node, "speaker"))
                play.state, play.sent_at = "sent", now
                note_change(db, "play", play.occurrence, now)
        with self._database.session() as db:
            for test in wanted_tests(db, now):
                self._session.send(TestSpeaker(test=test.test, at=now), to=Identity(test.node, "speaker"))
                test.sent_at = now
        with self._database.session() as db:
            for still in stills.wanted(db, now):
                asked = PictureWanted(request=still.request, camera=still.camera)
                self._session.send(asked, to=Identity(still.node, "camera"))
                still.sent_at = now
        with self._database.session() as db:
            for search in camera_search.wanted(db, now):
                self._session.send(camera_search.command(search), to=Identity(search.node, "camera"))
                search.sent_at = now
            for view in live_view.wanted(db, now):
                look = LiveWanted(view=view.view, camera=view.camera, until=view.until)
                self._session.send(look, to=Identity(view.node, "camera"))
                view.sent_until = view.until

    def send_plans(self) -> None:
        """Every plan that its service has not been told in this connection."""
        now = self._clock.now()
        with self._database.session() as db:
            nodes = db.scalars(select(NodeRecord).where(NodeRecord.retired_at.is_(None))).all()
            wanted = [*self._trust(db, nodes), *self._plans(db, nodes, now), *self._head(db, nodes, now)]
        # Only what is committed is said: a generation must never be given twice.
        for to, plan, generation in wanted:
            key = (to, spec_of(plan).kind)
            if self._said.get(key) != generation:
                self._session.send(plan, to=to)
                self._said[key] = generation

    def _plans(
        self, db: Db, nodes: Sequence[NodeRecord], now: datetime
    ) -> list[tuple[Identity, Message, int]]:
        found: list[tuple[Identity, Message, int]] = []
        too_large = ""
        if self._opener:
            camera_setup.seal_kept(db, public_of(self._opener))
        self._note(
            "no-seal-key",
            "" if self._opener else "Trung tâm xã thiếu khoá niêm phong; camera chưa chạy được.",
        )
        for node in nodes:
            plays, left_out = plans.plays_plan(db, self._signer, node, now)
            found.append((Identity(node.name, "speaker"), plays, plays.generation))
            if left_out:
                log.error(
                    "%d plays of %s fit no plan", len(left_out), node.name, extra={"event": "plan-too-large"}
                )
                since = left_out[0].start.astimezone(LOCAL)
                too_large = (
                    f"Lịch phát của {node.label} dài quá một gói tin, lượt từ {since:%H:%M} chưa gửi "
                    "được; xin bớt bản tin trong ngày."
                )
            cameras: CameraPlan | None = plans.cameras_plan(db, self._signer, node, self._opener, now)
            if cameras is not None:
                found.append((Identity(node.name, "camera"), cameras, cameras.generation))
        shown = self._content(db, now)
        if shown is not None:
            found += [(Identity(node.name, "node"), shown, shown.generation) for node in nodes]
        self._note("plan-too-large", too_large)
        return found

    def _content(self, db: Db, now: datetime) -> ContentPlan | None:
        commune = self._session.settings.place.commune_name
        try:
            bundle = content.current(db, self._session.settings.data_dir, self._media, commune, now)
        except content.ContentMissing:
            self._note("no-content", "Trung tâm xã chưa có nội dung cho màn hình ở các thôn.")
            return None
        self._note("no-content", "")
        return plans.content_plan(db, self._signer, bundle, now)

    def _trust(self, db: Db, nodes: Sequence[NodeRecord]) -> list[tuple[Identity, Message, int]]:
        try:
            generation = trusted.in_force(db, self._session.settings).generation
            signed = trusted.signed_in_force(db)
        except Declined as why:
            log.debug("trust list: %s", why)
            self._note(
                "no-trust", "Trung tâm xã thiếu danh sách khoá tin cậy; loa sẽ không nhận bản tin mới."
            )
            return []
        self._note("no-trust", "")
        if signed is None:
            return []
        plan = TrustPlan(generation=generation, signed=signed)
        receivers = [each for each in NODE_SERVICES if each in spec_of(TrustPlan).receivers]
        return [(Identity(node.name, service), plan, generation) for node in nodes for service in receivers]

    def _head(
        self, db: Db, nodes: Sequence[NodeRecord], now: datetime
    ) -> list[tuple[Identity, Message, int]]:
        """The head of the audit log, for every node to keep."""
        place = self._session.settings.where
        try:
            plan = heads.audit_plan(db, self._signer, place, self._signed_head, now)
        except heads.LogChanged as why:
            log.error("no head of the audit log: %s", why, extra={"event": "audit-head-refused"})
            self._note(
                REFUSED, "Sổ nhật ký đã bị sửa nên mã sổ không gửi cho các điểm nữa, xin mở trang Nhật ký."
            )
            return []
        except OSError as why:
            log.error("no head of the audit log: %s", why, extra={"event": "audit-head-failed"})
            self._note("audit-disk", "Trung tâm hết chỗ ghi nên mã sổ nhật ký chưa gửi được cho các điểm.")
            return []
        self._note(REFUSED, "")
        self._note("audit-disk", "")
        return [] if plan is None else [(Identity(n.name, "node"), plan, plan.generation) for n in nodes]

    def _note(self, code: str, sentence: str) -> None:
        if sentence:
            self._session.problem(code, sentence)
        else:
            self._session.cleared(code)


def _plays_now(db: Db, now: datetime) -> list[tuple[Play, Occurrence]]:
    """Plays of "Phát ngay" that no command was sent for and that are due and may still begin."""
    rows = db.execute(
        select(Play, Occurrence)
        .join(Occurrence, Occurrence.id == Play.occurrence)
        .join(Revision, Revision.id == Occurrence.revision_id)
        .where(
            Play.state == "planned",
            Revision.play_now.is_(True),
            Revision.state == "approved",
            Occurrence.cancelled_at.is_(None),
            Occurrence.start > now - timedelta(days=1),
            Occurrence.start <= now,
        )
    )
    return [(play, row) for play, row in rows if now < row.start + timedelta(seconds=row.tolerance_s)]

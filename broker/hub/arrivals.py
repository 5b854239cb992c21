"""What each message from the nodes does to the records. Runs inside ingest's transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract import Identity
from broker.contract.board import (
    AmplifierAlarm,
    AmplifierState,
    BoardStatus,
    Readings,
    ReadingsNow,
    SensorAlarm,
    SosAlarm,
)
from broker.contract.camera import (
    CameraOutage,
    CameraPicture,
    CamerasFound,
    CameraStatus,
    CameraTampered,
    MotionEnded,
    MotionLabelled,
    MotionStarted,
)
from broker.contract.kiosk import FeedbackSent, HelperCalled, SearchMissed
from broker.contract.message import Message
from broker.contract.node import Lost, NodeHealth, ServiceState
from broker.contract.speaker import LocalUse, PlanApplied, PlayReceipt, SpeakerStatus, SpeakerTested
from broker.hub import alerts, board_alerts, camera_search, camera_setup, gaps, live_view, receipts, stills
from broker.hub.announcing.checks import visible
from broker.hub.believable import Unusable, check_times, doubt_of_alarm
from broker.hub.camera_heed import note_held
from broker.hub.jpeg import is_jpeg
from broker.hub.records import (
    AmplifierSeen,
    AmplifierTrouble,
    BoardSeen,
    CameraSearch,
    CameraSeen,
    CameraStill,
    Feedback,
    HelperCall,
    LocalUseSeen,
    NodeSeen,
    ServiceSeen,
    SpeakerSeen,
    SpeakerTest,
    note_change,
)
from broker.hub.search_words import count_missed
from broker.hub.telemetry.recorder import Recorder
from broker.link.media import MediaStore

_TOLD = ("state", "tampering", "watching")
"""What of a camera or a board pages are told of at once; rates and sizes they see when they look again."""
_UP = ("ready", "degraded")
"""Lives in which a service hears commands."""
_ALARMS = (
    *(MotionStarted, MotionLabelled, MotionEnded, CameraTampered, CameraOutage),
    *(SosAlarm, SensorAlarm, AmplifierAlarm),
)


@dataclass(frozen=True)
class Context:
    """What storing a message needs."""

    db: Session
    media: MediaStore
    recorder: Recorder
    who: Identity
    epoch: str
    """Of the outbox it came from; empty off the durable lanes."""
    now: datetime
    """The hub's time."""
    raw: bytes = b""
    """The packet as it came."""
    clock: str = "trusted"
    """How far its sender believed its own time."""
    complaints: list[str] = field(default_factory=list)
    """Parts of a message that were left out of what was stored, each to be counted."""


def store(ctx: Context, message: Message) -> None:
    """Store one message. Raises Unusable, or whatever the database says of its values."""
    if isinstance(message, _ALARMS):
        message = _timely(ctx, message)
    check_times(message, ctx.now)
    try:
        _ARRIVALS[type(message)](ctx, message)
    except alerts.OtherEpisode as why:
        raise Unusable(str(why)) from why


def _timely(ctx: Context, said: Message) -> Message:
    """An alarm with the hub's time where its own cannot be, and without characters that no database takes.

    A wrong clock or a strange letter must not keep it from the officer.
    """
    changed: dict[str, Any] = {}
    is_timely = True
    for name in said.__struct_fields__:
        value = getattr(said, name)
        if isinstance(value, str) and value != (clean := visible(value)):
            changed[name] = clean
        doubt = doubt_of_alarm(name, value, ctx.now)
        if doubt:
            changed[name] = None if name == "last_picture_at" else ctx.now
            ctx.complaints.append(f"{type(said).__name__}: {doubt}")
            is_timely = False
    if not is_timely and hasattr(said, "clock"):
        changed["clock"] = "unknown"
    return msgspec.structs.replace(said, **changed) if changed else said


def _service(ctx: Context, said: ServiceState) -> None:
    row = ctx.db.get(ServiceSeen, str(ctx.who))
    if said.state == "lost" and row is not None and row.boot != said.boot:
        return  # the will of an earlier start, kept by the broker
    problems = msgspec.to_builtins(said.problems)
    since = said.since
    if said.state == "lost":
        since = row.since if row is not None and row.state == "lost" else ctx.now
    if row is None:
        row = ServiceSeen(identity=str(ctx.who), node=ctx.who.node, service=ctx.who.service, state="")
        ctx.db.add(row)
    if (row.state, row.problems, row.boot) != (said.state, problems, said.boot):
        note_change(ctx.db, "service", str(ctx.who), ctx.now)
    is_back = said.state in _UP and (row.state not in _UP or row.boot != said.boot)
    row.state, row.since, row.boot, row.version = said.state, since, said.boot, said.version
    row.problems, row.seen_at = problems, ctx.now
    if is_back and ctx.who.service == "camera":
        live_view.ask_anew(ctx.db, ctx.who.node, ctx.now)


def _health(ctx: Context, said: NodeHealth) -> None:
    row = ctx.db.get(NodeSeen, ctx.who.node)
    if row is None:
        row = NodeSeen(node=ctx.who.node)
        ctx.db.add(row)
    _copy(said, row, leave=("audit_signed",))
    row.audit_signed = msgspec.to_builtins(said.audit_signed)
    row.seen_at = ctx.now
    note_change(ctx.db, "node", ctx.who.node, ctx.now)


def _speaker(ctx: Context, said: SpeakerStatus) -> None:
    row = _speaker_row(ctx)
    _copy(said, row)
    note_change(ctx.db, "speaker", ctx.who.node, ctx.now)


def _applied(ctx: Context, said: PlanApplied) -> None:
    row = _speaker_row(ctx)
    row.applied_generation, row.applied_at = said.generation, said.at
    row.ready, row.missing = said.ready, said.missing
    row.refused = msgspec.to_builtins(said.refused)
    note_change(ctx.db, "speaker", ctx.who.node, ctx.now)


def _speaker_row(ctx: Context) -> SpeakerSeen:
    row = ctx.db.get(SpeakerSeen, ctx.who.node)
    if row is None:
        row = SpeakerSeen(node=ctx.who.node)
        ctx.db.add(row)
    row.seen_at = ctx.now
    return row


def _receipt(ctx: Context, said: PlayReceipt) -> None:
    receipts.take(ctx.db, ctx.who.node, said, ctx.raw, ctx.now)


def _motion_started(ctx: Context, said: MotionStarted) -> None:
    alerts.raise_motion(ctx.db, ctx.who.node, said, _picture(ctx, said, said.snapshot), ctx.now)


def _motion_labelled(ctx: Context, said: MotionLabelled) -> None:
    alerts.label_motion(ctx.db, ctx.who.node, said, ctx.now)


def _motion_ended(ctx: Context, said: MotionEnded) -> None:
    has_clip = said.clip is not None and ctx.media.path_of(said.clip.sha256) is not None
    alerts.end_motion(ctx.db, ctx.who.node, said, has_clip, ctx.now, _picture(ctx, said, said.best))


def _tampered(ctx: Context, said: CameraTampered) -> None:
    now_seen, before = _picture(ctx, said, said.snapshot), _picture(ctx, said, said.before)
    alerts.raise_tampering(ctx.db, ctx.who.node, said, now_seen, ctx.now, before)


def _outage(ctx: Context, said: CameraOutage) -> None:
    alerts.raise_outage(ctx.db, ctx.who.node, said, ctx.now)


def _still(ctx: Context, said: CameraPicture) -> None:
    row = ctx.db.get(CameraStill, said.request)
    if row is None or (row.node, row.camera) != (ctx.who.node, said.camera):
        raise Unusable("nobody asked for this picture")
    stills.take(ctx.db, row, said, _picture(ctx, said, said.jpeg), ctx.now)


def _found(ctx: Context, said: CamerasFound) -> None:
    row = ctx.db.get(CameraSearch, said.request)
    if row is None or row.node != ctx.who.node:
        raise Unusable("nobody asked for this search")
    camera_search.take(ctx.db, row, said, ctx.now)


def _picture(ctx: Context, said: Message, jpeg: bytes | None) -> str | None:
    """sha256 of a picture in the store; None without one. What is no picture is left out, the alarm stays."""
    if not jpeg:
        return None
    if not is_jpeg(jpeg):
        ctx.complaints.append(f"{type(said).__name__}: not a JPEG")
        return None
    return ctx.media.add(jpeg, "image/jpeg").sha256


def _cameras(ctx: Context, said: CameraStatus) -> None:
    """States of a node's cameras; one with an impossible time is left out, the others and the key are taken."""
    known = {r.camera: r for r in ctx.db.scalars(select(CameraSeen).where(CameraSeen.node == ctx.who.node))}
    states = {}
    for each in said.cameras:
        try:
            check_times(each, ctx.now)
            states[each.camera] = each
        except Unusable as why:
            ctx.complaints.append(f"CameraStatus: {why}")
    _mirror(ctx, known, states, CameraSeen, "camera")
    note_held(ctx.db, ctx.who.node, said.generation, ctx.now)
    if said.seal:
        try:
            camera_setup.note_seal(ctx.db, ctx.who.node, said.seal, ctx.now)
        except ValueError:
            ctx.complaints.append("CameraStatus: the sealing key is none")


def _boards(ctx: Context, said: BoardStatus) -> None:
    known = {r.board: r for r in ctx.db.scalars(select(BoardSeen).where(BoardSeen.node == ctx.who.node))}
    _mirror(ctx, known, {each.board: each for each in said.boards}, BoardSeen, "board")


def _mirror(ctx: Context, known: dict[str, Any], said: dict[str, Any], table: type[Any], topic: str) -> None:
    """Make the rows of this node say what its service said, and drop those it no longer names."""
    for name, state in said.items():
        check_times(state, ctx.now)
        row = known.pop(name, None)
        if row is None:
            row = table(node=ctx.who.node)
            ctx.db.add(row)
        if any(getattr(row, each, None) != getattr(state, each, None) for each in _TOLD):
            note_change(ctx.db, topic, f"{ctx.who.node}.{name}", ctx.now)
        _copy(state, row)
        row.seen_at = ctx.now
    for name, row in known.items():
        ctx.db.delete(row)
        note_change(ctx.db, topic, f"{ctx.who.node}.{name}", ctx.now)


def _tested(ctx: Context, said: SpeakerTested) -> None:
    row = ctx.db.get(SpeakerTest, said.test)
    if row is None:
        row = SpeakerTest(test=said.test, node=ctx.who.node)
        ctx.db.add(row)
    elif row.node != ctx.who.node:
        raise Unusable("a test of another node")
    _copy(said, row, leave=("test",))
    note_change(ctx.db, "speaker", ctx.who.node, ctx.now)


def _local_use(ctx: Context, said: LocalUse) -> None:
    row = ctx.db.get(LocalUseSeen, (ctx.who.node, said.use))
    if row is None:
        row = LocalUseSeen(node=ctx.who.node, use=said.use)
        ctx.db.add(row)
    _copy(said, row, leave=("use",))
    note_change(ctx.db, "speaker", ctx.who.node, ctx.now)


def _amplifier(ctx: Context, said: AmplifierState) -> None:
    row = ctx.db.get(AmplifierSeen, ctx.who.node)
    if row is None:
        row = AmplifierSeen(node=ctx.who.node)
        ctx.db.add(row)
    _copy(said, row)
    row.seen_at = ctx.now
    note_change(ctx.db, "speaker", ctx.who.node, ctx.now)


def _amplifier_alarm(ctx: Context, said: AmplifierAlarm) -> None:
    row = ctx.db.get(AmplifierTrouble, (ctx.who.node, said.alarm))
    if row is None:
        row = AmplifierTrouble(node=ctx.who.node, alarm=said.alarm, received_at=ctx.now)
        ctx.db.add(row)
    _copy(said, row, leave=("alarm",))
    note_change(ctx.db, "speaker", ctx.who.node, ctx.now)
    board_alerts.raise_amplifier(ctx.db, ctx.who.node, said, _clock(ctx), ctx.now)


def _sos(ctx: Context, said: SosAlarm) -> None:
    board_alerts.raise_sos(ctx.db, ctx.who.node, said, _clock(ctx), ctx.now)


def _sensor_alarm(ctx: Context, said: SensorAlarm) -> None:
    board_alerts.raise_sensor(ctx.db, ctx.who.node, said, _clock(ctx), ctx.now)


def _clock(ctx: Context) -> str:
    """How far the times of a board's alarm may be believed: not at all where the hub has put its own (_timely)."""
    return ctx.clock if ctx.clock in ("trusted", "estimated") and not ctx.complaints else "unknown"


def _readings(ctx: Context, said: Readings) -> None:
    done = ctx.recorder.write(ctx.db, {ctx.who: said.items}, ctx.now)[ctx.who]
    ctx.complaints.extend(f"Readings: {reason}" for reason in sorted(done.refused))


def _readings_now(ctx: Context, said: ReadingsNow) -> None:
    ctx.recorder.show(ctx.db, ctx.who, said.items, ctx.now)
    note_change(ctx.db, "reading", ctx.who.node, ctx.now)


def _lost(ctx: Context, said: Lost) -> None:
    gaps.note_told(ctx.db, str(ctx.who), ctx.epoch, said, ctx.now)


def _feedback(ctx: Context, said: FeedbackSent) -> None:
    row = ctx.db.get(Feedback, said.code)
    if row is not None:
        if (row.node, row.sealed) != (ctx.who.node, said.sealed):
            raise Unusable("feedback code is taken by another word")
        return
    ctx.db.add(
        Feedback(code=said.code, node=ctx.who.node, at=said.at, received_at=ctx.now, sealed=said.sealed)
    )
    note_change(ctx.db, "feedback", said.code, ctx.now)


def _helper(ctx: Context, said: HelperCalled) -> None:
    if ctx.db.get(HelperCall, said.call) is not None:
        return
    ctx.db.add(
        HelperCall(call=said.call, node=ctx.who.node, at=said.at, page=said.page[:200], received_at=ctx.now)
    )
    note_change(ctx.db, "helper", said.call, ctx.now)


def _copy(said: msgspec.Struct, row: object, leave: Iterable[str] = ()) -> None:
    """Copy the fields of a message into the columns of the same names."""
    for name in said.__struct_fields__:
        if name not in leave:
            setattr(row, name, getattr(said, name))


_ARRIVALS: dict[type[Message], Callable[[Context, Any], None]] = {
    ServiceState: _service,
    NodeHealth: _health,
    SpeakerStatus: _speaker,
    PlanApplied: _applied,
    PlayReceipt: _receipt,
    SpeakerTested: _tested,
    LocalUse: _local_use,
    AmplifierState: _amplifier,
    AmplifierAlarm: _amplifier_alarm,
    SosAlarm: _sos,
    SensorAlarm: _sensor_alarm,
    MotionStarted: _motion_started,
    MotionLabelled: _motion_labelled,
    MotionEnded: _motion_ended,
    CameraTampered: _tampered,
    CameraOutage: _outage,
    CameraPicture: _still,
    CamerasFound: _found,
    CameraStatus: _cameras,
    BoardStatus: _boards,
    Readings: _readings,
    ReadingsNow: _readings_now,
    Lost: _lost,
    FeedbackSent: _feedback,
    HelperCalled: _helper,
    SearchMissed: lambda ctx, said: count_missed(ctx.db, said, ctx.now),
}

KNOWN = tuple(_ARRIVALS)
"""Every message the hub stores."""

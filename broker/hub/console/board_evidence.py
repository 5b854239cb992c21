"""What a board's alarm shows in place of a picture: a button's place, a sensor's last hours, an amplifier's state."""

from __future__ import annotations

from datetime import datetime, timedelta

from markupsafe import Markup
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broker.hub import alerts
from broker.hub.console import board_words
from broker.hub.console.day import commune_of
from broker.hub.console.faults import AMPLIFIER_SAID
from broker.hub.console.history import History, Span
from broker.hub.console.levels import Sensor, sensors_of
from broker.hub.console.wording import hms, lasting, number
from broker.hub.records import Alert
from broker.hub.telemetry import series
from broker.look.chart import Frame, Level, Mark, line_chart

SIX_HOURS = Span("6h", "6 giờ", timedelta(hours=6), 120, "6 giờ trước", "6 giờ")
AFTER = timedelta(hours=1)
"""The picture of an alarm that is over goes on so long behind its end."""
FRAME = Frame(700, 210, 132)
MONTH = timedelta(days=30)
_RELAY = {"on": "Đang đóng", "off": "Đang ngắt"}
_DOUBTS = {
    "unchecked": "Số đo chưa được kiểm tra",
    "suspect": "Số đo đáng ngờ",
    "stale": "Cảm biến lặp lại số cũ",
}
_USES = {"microphone": "Có người ở thôn nói micro", "mute": "Khoá im lặng ở thôn đang bật"}

Fact = tuple[str, str]


def facts_of(db: Session, alert: Alert, now: datetime) -> dict[str, object]:
    """For the page of an alert: (name, value) of each fact, a sentence, and a picture where there is a series."""
    if alert.kind not in board_words.KINDS:
        return {}
    facts, said, picture = _sos(alert, now), "", Markup("")
    if alert.kind == "sensor":
        sensor = next(
            (
                one
                for one in sensors_of(db, commune_of(db), alert.node, alert.what)
                if one.one.service == "board"
            ),
            None,
        )
        facts, picture = _sensor(alert, sensor, now), _chart(db, alert, sensor, now)
    elif alert.kind == "amplifier":
        facts, said = _amplifier(alert), AMPLIFIER_SAID.get(alert.what, "")
    return {
        "board_facts": [*facts, ("30 ngày qua", _month(db, alert, now))],
        "board_said": said,
        "board_picture": picture,
    }


def _sos(alert: Alert, now: datetime) -> list[Fact]:
    place = str(alert.evidence.get("place") or alert.camera)
    if alert.ended_at is None:
        held = f"Chưa nhả, đã {lasting((now - alert.started_at).total_seconds())}"
    else:
        held = lasting(alert.lasted_ms / 1000) if alert.lasted_ms >= 1000 else "Dưới một giây"
    return [("Nút ở", place), ("Bấm lúc", hms(alert.started_at)), ("Giữ nút", held)]


def _sensor(alert: Alert, sensor: Sensor | None, now: datetime) -> list[Fact]:
    told = alert.evidence
    digits = sensor.kind.digits if sensor else 2
    unit = sensor.kind.unit if sensor else str(told.get("unit", ""))

    def say(name: str) -> str:
        value = told.get(name)
        return f"{number(value, digits)} {unit}" if isinstance(value, (int, float)) else "–"

    facts = [("Mức báo động", say("limit")), ("Lần báo gần nhất", say("value"))]
    if told.get("peak") != told.get("value"):
        facts.append(("Cao nhất từ lúc báo", say("peak")))
    if sensor is not None:
        facts.append(("Bây giờ", f"{sensor.say_now(now)}. {sensor.say_age(now)}"))
    if told.get("quality") in _DOUBTS:
        facts.append(("Độ tin", _DOUBTS[str(told["quality"])]))
    return facts


def _amplifier(alert: Alert) -> list[Fact]:
    told = alert.evidence
    current_a = told.get("current_a")
    facts = [
        ("Rơ-le", _RELAY.get(str(told.get("relay")), "Không rõ")),
        ("Dòng điện", f"{number(current_a, 2)} A" if isinstance(current_a, (int, float)) else "Không rõ"),
        ("Khoá micro", "Đang bật" if told.get("microphone") else "Không bật"),
        ("Khoá im lặng", "Đang bật" if told.get("mute") else "Không bật"),
    ]
    if told.get("use") in _USES:
        facts.append(("Người ở thôn", _USES[str(told["use"])]))
    facts.append(("Bản tin lúc đó", _announced(told)))
    return facts


def _announced(told: dict[str, object]) -> str:
    if not told.get("announcement"):
        return "Không có"
    title, by = told.get("title") or told["announcement"], told.get("by")
    return f"“{title}”" + (f", {by} viết" if by else "")


def _chart(db: Session, alert: Alert, sensor: Sensor | None, now: datetime) -> Markup:
    """The hours before the alarm, and up to now while it stands."""
    until = now if alert.ended_at is None else min(now, alert.ended_at + AFTER)
    since, step = until - SIX_HOURS.length, timedelta(seconds=SIX_HOURS.bucket_s)
    if sensor is None:
        return Markup("")
    rows = series.query(db, alert.node, alert.what, since, until + timedelta(seconds=1), SIX_HOURS.bucket_s)
    history = History(SIX_HOURS, since, until, until, rows, sensor.one)
    limit = alert.evidence.get("limit")
    levels = [Level(float(limit), "Mức báo động")] if isinstance(limit, (int, float)) else []
    values = [row.mean for row in rows if row.mean is not None]
    said = (
        f"cao nhất {sensor.say(history.high)}, cuối cùng {sensor.say(values[-1])}"
        if values
        else "không có số đo"
    )
    return line_chart(
        [Mark(min(row.at + step / 2, until), row.mean, row.low, row.high) for row in rows],
        levels,
        label=f"{sensor.title}, 6 giờ đến {hms(until)}: {said}",
        unit=sensor.kind.unit,
        since=since,
        until=until,
        gap=history.gap,
        decimals=sensor.kind.digits,
        since_text=hms(since)[:5],
        until_text="bây giờ" if until == now else hms(until)[:5],
        frame=FRAME,
    )


def _month(db: Session, alert: Alert, now: datetime) -> str:
    """How often the same thing was told, and how often for nothing."""
    same = (
        Alert.node == alert.node,
        Alert.kind == alert.kind,
        Alert.camera == alert.camera,
        Alert.what == alert.what,
        Alert.started_at > now - MONTH,
    )
    total = db.scalar(select(func.count()).select_from(Alert).where(*same)) or 0
    is_false = Alert.close_reason.in_([code for code in alerts.CLOSE_REASONS if code != "handled"])
    false = db.scalar(select(func.count()).select_from(Alert).where(*same, is_false)) or 0
    return f"{total} lần, {false} báo nhầm" if false else f"{total} lần"

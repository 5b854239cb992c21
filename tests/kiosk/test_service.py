"""The kiosk as a service: the real session without a broker, the real web server, the real voice of this machine."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from broker.contract.board import Reading, Readings
from broker.link.clock import MachineClock
from broker.link.config import Settings, SettingsError
from broker.link.service import Worker
from broker.link.session import Session
from broker.look.serving import Web
from kiosk.app import create_app
from kiosk.feedback import CODE
from kiosk.service import Measured, build, house_of
from tests.fakes.house import set_stage
from tests.fakes.session import FakeInbox
from tests.settings import node_settings
from tests.until import until


@contextmanager
def running(worker: Worker) -> Iterator[threading.Thread]:
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop, lambda: None))
    thread.start()
    try:
        yield thread
    finally:
        began = time.monotonic()
        stop.set()
        thread.join(5)
        assert not thread.is_alive()
        assert time.monotonic() - began < 1.0


def get(port: int, path: str, body: str | None = None) -> tuple[int, str]:
    wire = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with suppress(http.client.RemoteDisconnected):
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        wire.request("POST" if body else "GET", path, body, headers)
        answer = wire.getresponse()
        text = answer.read().decode(errors="replace")
        wire.close()
        return answer.status, text
    return 0, ""


def a_session(settings: Settings) -> Session:
    settings.keys_dir.mkdir(parents=True, exist_ok=True)
    (settings.keys_dir / "kiosk.password").write_text("secret", encoding="ascii")
    return Session(settings, "kiosk", MachineClock(settings.data_dir / "floor", "host"))


def a_web(app: Any, port: int = 0) -> Web:
    """The screen's web server."""
    return Web(app, "127.0.0.1", port, key="kiosk.port", threads=4)


def test_feedback_is_kept_with_the_hub_away_and_known_to_wait(tmp_path: Path) -> None:
    settings = node_settings(tmp_path)
    settings.keys_dir.mkdir(parents=True, exist_ok=True)
    (settings.keys_dir / "hub-seal.pub").write_bytes(set_stage().house.seal_key() or b"")
    session = a_session(settings)
    house = house_of(settings, session, Measured(session.inbox(Readings)))
    web = a_web(create_app(house))
    with running(Worker("web", web.run)):
        status, page = get(web.port, "/gop-y/light/village", "loi=Hong+den&mot_lan=x")
        code = next(found for found in CODE.findall(page) if house.post.is_waiting(found))
        assert status == 303
        assert "Đang chờ có mạng" in get(web.port, f"/gop-y/light/village/{code}")[1]
    assert not house.post.is_waiting("0" * 10)
    session.outbox.close()
    again = a_session(settings)
    assert house_of(settings, again, Measured(FakeInbox((Readings,), 5))).post.is_waiting(code)  # type: ignore[arg-type]
    started = a_web(create_app(house_of(settings, again, Measured(FakeInbox((Readings,), 5)))))  # type: ignore[arg-type]
    with running(Worker("web", started.run)):
        status, page = get(started.port, f"/gop-y/light/village/{code}")
    assert (status, "Đang chờ có mạng" in page) == (200, True), "the browser had not yet got the code"
    again.outbox.close()


def test_machine_without_the_hubs_key_says_so_in_its_state(tmp_path: Path) -> None:
    settings = node_settings(tmp_path, extra="[kiosk]\nport = 0\n")
    session = a_session(settings)
    workers = build(settings, session)
    assert "seal-key-missing" in session.problems
    assert [each.name for each in workers] == ["readings", "web"]
    for worker in workers:
        with running(worker):
            pass
    session.outbox.close()


def test_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    first = a_web(lambda _environ, _start: [b""])
    with pytest.raises(SettingsError, match=f"kiosk.port: {first.port} .* choose a free port"):
        a_web(lambda _environ, _start: [b""], first.port)
    with running(Worker("web", first.run)):
        pass


def test_newest_reading_of_each_series_is_kept_and_names_cannot_fill_the_memory() -> None:
    inbox = FakeInbox((Readings,), 10)
    measured = Measured(inbox)  # type: ignore[arg-type]
    at = datetime(2026, 11, 21, tzinfo=UTC)

    def reading(series: str, value: float, minute: int) -> Reading:
        return Reading(series=series, at=at.replace(minute=minute), value=value, unit="m")

    measured.take([reading("a.water_level_m", 1, 5), reading("a.water_level_m", 2, 6)])
    measured.take([reading("a.water_level_m", 9, 1)])
    assert [each.value for each in measured.latest()] == [2]
    measured.take([reading(f"s{n}.x", n, 0) for n in range(500)])
    assert len(measured.latest()) == 100


def test_web_answers_while_readings_arrive(tmp_path: Path) -> None:
    settings = node_settings(tmp_path, extra="[kiosk]\nport = 0\n")
    session = a_session(settings)
    house = house_of(settings, session, Measured(session.inbox(Readings)))
    web = a_web(create_app(house))
    with running(Worker("web", web.run)):
        until(lambda: get(web.port, "/nha")[0] == 200, 5)
    session.outbox.close()

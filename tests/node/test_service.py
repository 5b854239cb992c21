"""The service `node`: health said at once, problems in words, content followed only when it is believed."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from broker.contract import Identity
from broker.contract.board import Readings
from broker.contract.hub import ContentPlan, Media, Signed
from broker.contract.node import NodeHealth
from broker.trust.envelope import ContentBody, canonical, sign
from edge.node.service import build
from tests.camera.town import NOW, Town, public_of
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession
from tests.settings import node_settings
from tests.until import until


@pytest.fixture
def house(tmp_path: Path):  # type: ignore[no-untyped-def]
    town = Town()
    settings = node_settings(tmp_path)
    (settings.keys_dir / "root.pub").write_text(public_of(town.root))
    for name in ("ca.pem", "node.pem", "node.key"):
        (settings.keys_dir / name).write_text("")
    session = FakeSession(Identity("thon-01", "node"), settings, FakeClock(NOW))
    stop = threading.Event()
    workers = build(settings, session)  # type: ignore[arg-type]
    threads = [threading.Thread(target=each.run, args=(stop, lambda: None)) for each in workers]
    for thread in threads:
        thread.start()
    yield town, session, settings
    stop.set()
    for thread in threads:
        thread.join(10)


def plan(town: Town, generation: int, signer: object = None) -> ContentPlan:
    media = Media(sha256="0" * 64, size=1, type="application/json")
    body = canonical(ContentBody(generation=generation, bundle=media))
    signature = sign(body, "content", "hub-1", signer or town.hub)  # type: ignore[arg-type]
    return ContentPlan(generation=generation, signed=Signed(body=body, signatures=[signature]))


def test_health_and_its_series_are_said_at_the_start(house) -> None:  # type: ignore[no-untyped-def]
    _, session, _ = house
    health = session.wait_for(NodeHealth)
    assert 0 < health.disk_free_percent <= 100
    assert health.clock == "trusted"
    names = {each.series for each in session.wait_for(Readings).items}
    assert {"node.load_1m", "node.memory_free_percent", "node.disk_free_percent"} <= names


def test_a_plan_that_cannot_be_fetched_yet_is_a_sentence_and_nothing_stops(house) -> None:  # type: ignore[no-untyped-def]
    town, session, _ = house
    session.deliver(plan(town, 7))  # before the list that makes it believed
    session.deliver(town.trust())
    until(lambda: "content" in session.problems, 20)
    assert "tải lại" in session.problems["content"]


def test_a_plan_signed_by_a_stranger_is_not_followed(house) -> None:  # type: ignore[no-untyped-def]
    town, session, settings = house
    session.deliver(town.trust())
    session.deliver(plan(town, 9, Town().hub))
    session.deliver(plan(town, 8))
    until(lambda: "content" in session.problems, 20)
    assert '"generation":8' in (settings.data_dir / "node" / "content.json").read_text().replace("\\", "")

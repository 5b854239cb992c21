"""What keeps a camera from seeing is told once and ended once, though the outbox is full and the power goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from broker.contract.camera import CameraOutage, CameraTampered
from edge.camera.moment import Moment
from edge.camera.standing import Standing
from edge.camera.troubles import Troubles
from tests.camera.town import NOW
from tests.fakes.clock import FakeClock


class Node:
    """A node whose outbox takes things or not; `again` is what a power cut leaves."""

    def __init__(self, file: Path) -> None:
        self.file, self.takes, self.said = file, True, []
        self.clock = FakeClock(NOW)
        self.again()

    def again(self) -> None:
        """A new life with the same disk."""
        self.standing = Standing(
            Troubles(self.file, "boot"), self.clock, self._send, lambda camera, _: f"{camera}-1", lambda: None
        )

    def moment(self) -> Moment:
        """Now."""
        return Moment(self.clock.now(), round(self.clock.monotonic() * 1000), "trusted")

    def _send(self, msg: Any) -> bool:
        if self.takes:
            self.said.append(msg)
        return self.takes


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """Its outbox takes everything."""
    return Node(tmp_path / "troubles.json")


def _tamper(node: Node) -> None:
    node.standing.tampered("cong", "moved", node.moment(), now=b"n", before=b"b", confidence=0.7)


def test_what_a_full_outbox_refused_is_said_later_under_one_name(node: Node) -> None:
    node.takes = False
    node.standing.outage_began("cong", node.moment(), seen=True, why="silent")
    _tamper(node)
    node.again()
    node.standing.retry()
    assert node.said == []
    node.takes = True
    node.standing.retry()
    node.standing.retry()
    assert [(type(each), each.ended_at) for each in node.said] == [
        (CameraOutage, None),
        (CameraTampered, None),
    ]
    node.standing.outage_began("cong", node.moment(), seen=True, why="silent")
    assert len(node.said) == 2, "it is one outage, however often it is found"


def test_an_end_that_was_refused_is_said_later_with_its_gap(node: Node) -> None:
    node.standing.outage_began("cong", node.moment(), seen=True, why="silent")
    node.clock.advance(90.0)
    node.takes = False
    node.standing.ended("cong", "outage", node.moment())
    assert node.standing.of("cong", "outage") is None
    node.again()
    node.clock.advance(600.0)
    node.takes = True
    node.standing.retry()
    node.standing.retry()
    over = node.said[1:]
    assert [(each.outage, each.lasted_ms) for each in over] == [("cong-1", 90_000)]


def test_neither_begin_nor_end_was_taken_and_both_come_in_order(node: Node) -> None:
    node.takes = False
    _tamper(node)
    node.clock.advance(5.0)
    node.standing.ended("cong", "tampering", node.moment())
    node.takes = True
    node.standing.retry()
    assert [each.ended_at is None for each in node.said] == [True, False]
    assert node.standing.of("cong", "tampering") is None


def test_of_a_camera_that_left_the_plan_what_is_open_is_over(node: Node) -> None:
    node.standing.outage_began("cong", node.moment(), seen=False, why="missing")
    node.standing.outage_began("san", node.moment(), seen=False, why="missing")
    node.standing.keep_only({"san"}, node.moment())
    assert [each.camera for each in node.said if each.ended_at is not None] == ["cong"]
    assert node.standing.of("san", "outage") is not None

"""The contract: what may be declared, what may be read, and that nothing malformed passes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.contract import (
    HUB,
    MESSAGES,
    ContractError,
    Identity,
    Lane,
    Place,
    filters_of,
    identity_of,
    parse_topic,
    read,
    spec_of,
    topic_of,
)
from broker.contract.board import Reading, Readings
from broker.contract.camera import MotionStarted
from broker.contract.hub import Ack, StopPlay
from broker.contract.message import LARGE, Message, encode, message, payload

PLACE = Place("37", "14000")
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
BOARD = Identity("thon-01", "board")
TOPIC = "ls/37/14000/thon-01/board/tele/readings"


def frame(body: bytes | None = None, **change: Any) -> bytes:
    """A readings frame, or one with some of its fields changed."""
    if body is None:
        body = payload(Readings(items=[Reading(series="nha.air_celsius", at=NOW, value=28.5, unit="°C")]))
    raw = msgspec.json.decode(encode(body, NOW, "trusted", "e" * 16, 1, 1))
    return msgspec.json.encode({**raw, **change})


def test_a_topic_leads_back_to_its_message_and_identity() -> None:
    for kind in MESSAGES:
        spec = spec_of(kind)
        parties = spec.receivers if spec.delivery.addressed else spec.senders
        for service in parties:
            who = Identity(HUB if service in ("ingest", "announce", "web") else "thon-01", service)
            assert parse_topic(PLACE, topic_of(PLACE, who, kind)) == (spec, who)


def test_every_topic_has_seven_parts_and_no_two_messages_share_one() -> None:
    seen = [(spec_of(kind).service, spec_of(kind).lane, spec_of(kind).kind) for kind in MESSAGES]
    assert len(seen) == len(set(seen))
    assert topic_of(PLACE, BOARD, Readings) == TOPIC


def test_filters_of_a_command_name_only_its_receiver() -> None:
    speaker = Identity("thon-01", "speaker")
    assert filters_of(PLACE, speaker, StopPlay) == ("ls/37/14000/thon-01/speaker/cmd/stop",)
    assert filters_of(PLACE, Identity("thon-01", "camera"), StopPlay) == ()
    assert filters_of(PLACE, Identity(HUB, "ingest"), Ack) == ()


def test_what_is_encoded_is_read_back_with_its_position() -> None:
    received = read(PLACE, TOPIC, frame())
    assert received.who == BOARD
    assert received.message.items[0].value == 28.5
    assert (received.frame.epoch, received.frame.seq, received.spec.lane) == ("e" * 16, 1, Lane.TELE)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "frame"),
        (b"{", "frame"),
        (b"[]", "frame"),
        (b"\xff\xfe", "frame"),
        (b'"x"', "frame"),
        (frame(v=2), "version 2"),
        (frame(v=True), "frame"),
        (frame(at="2026-11-21T09:00:00"), "time zone"),
        (frame(at=5), "frame"),
        (frame(seq=0), "epoch and seq"),
        (frame(epoch=""), "epoch and seq"),
        (frame(epoch="a\x00b"), "epoch"),
        (frame(epoch="e" * 33), "epoch"),
        (frame(seq=2**63), "seq"),  # no database could hold it
        (frame(seq=1, first=10**30), "first"),
        (frame(m={}), "items"),
        (frame(m={"items": []}), "items"),
        (frame(m={"items": [{"series": "A b", "at": NOW, "value": 1, "unit": ""}]}), "series"),
        (frame(m={"items": [{"series": "a.b", "at": NOW, "value": "1", "unit": ""}]}), "value"),
        (frame(m={"items": [{"series": "a.b", "at": NOW, "value": True, "unit": ""}]}), "value"),
        (frame(m=None), "Readings"),
        (b"x" * (LARGE + 1), "bytes"),
        (b'{"m":' * 5000, "recursion"),  # nested so deep that the reader's own stack would overflow
    ],
)
def test_what_is_malformed_is_refused_with_the_place_of_the_fault(raw: bytes, says: str) -> None:
    with pytest.raises(ContractError, match=says):
        read(PLACE, TOPIC, raw)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "ls",
        "ls/37/14000/thon-01/board/tele",
        TOPIC + "/more",
        "ls/38/14000/thon-01/board/tele/readings",
        "ls/37/14000/thon-01/camera/tele/readings",
        "ls/37/14000/THON-01/board/tele/readings",
        "ls/37/14000/+/board/tele/readings",
        "ls/37/14000/hub/board/tele/readings",
        "ls/37/14000/thon-01/board/cmd/readings",
        "ls/37/14000/thon-01/board/tele/unknown",
    ],
)
def test_a_topic_outside_the_contract_is_refused(topic: str) -> None:
    with pytest.raises(ContractError):
        read(PLACE, topic, frame())


@pytest.mark.parametrize(
    "node", ["+", "#", "a/b", "", "thôn-01", "a" * 33, "Admin", "admin", "-a", "a-", "a\n", "canary"]
)
def test_a_name_that_could_be_mistaken_is_no_identity(node: str) -> None:
    with pytest.raises(ContractError):
        Identity(node, "camera")


@pytest.mark.parametrize(
    "text", ["thon-01", "thon-01.", ".camera", "thon-01.ingest", "hub.camera", "hub.admin"]
)
def test_an_identity_is_a_node_and_one_of_its_services(text: str) -> None:
    with pytest.raises(ContractError):
        identity_of(text)


def test_a_message_larger_than_its_limit_is_not_encoded() -> None:
    items = [Reading(series="a." + "b" * 70, at=NOW, value=1.0, unit="x" * 100) for _ in range(200)]
    with pytest.raises(ContractError, match="at most"):
        payload(Readings(items=items))
    snapshot = MotionStarted(episode="e", camera="c", started_at=NOW, snapshot=b"\xff" * 90_000)
    assert len(encode(payload(snapshot), NOW, "trusted", "e" * 16, 1, 1)) <= LARGE


def test_a_declaration_that_breaks_the_rules_is_refused() -> None:
    with pytest.raises(ContractError, match="none of"):
        message("speaker/cmd/x", senders=("mayor",), receivers=("speaker",))
    with pytest.raises(ContractError, match="lower-case"):
        message("speaker/cmd/Play_Now", senders=("announce",), receivers=("speaker",))
    with pytest.raises(ContractError, match="not declared"):
        spec_of(Message)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_bytes_whatever_make_reading_raise_anything_else(raw: bytes) -> None:
    try:
        read(PLACE, TOPIC, raw)
    except ContractError:
        return


@given(st.text(max_size=60), st.floats(allow_nan=False, allow_infinity=False))
def test_any_reading_survives_the_way(unit: str, value: float) -> None:
    body = payload(Readings(items=[Reading(series="a.b", at=NOW, value=value, unit=unit)]))
    found = read(PLACE, TOPIC, frame(body)).message.items[0]
    assert found.value == value


def test_text_travels_composed() -> None:
    body = payload(Readings(items=[Reading(series="a.b", at=NOW, value=1.0, unit="đô\u0323")]))
    assert "độ".encode() in body

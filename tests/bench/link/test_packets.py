"""The bench's own MQTT: split packets come out whole, and a real broker and a bare paho understand what it writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.contract import HUB, Identity
from tests.bench.link import packets
from tests.bench.link.processes import FILTER, child, percentile, publisher
from tests.brokers import RunningBroker


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_packets_come_out_whole_however_the_stream_is_cut(size: int) -> None:
    payload = b"x" * 300
    stream = b"\x20\x02\x00\x00" + packets.publish("a/b", payload, 7) + b"\x40\x02\x00\x08"
    incoming = packets.Incoming()
    found = [packet for at in range(0, len(stream), size) for packet in incoming.feed(stream[at : at + size])]
    assert [kind for kind, _ in found] == [packets.CONNACK, packets.PUBLISH, packets.PUBACK]
    assert found[1][1].endswith(payload)
    assert found[2][1] == b"\x00\x08"


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([3.0, 1.0, 2.0, 4.0], 0.5) == 3.0
    assert percentile([5.0], 0.99) == 5.0


def test_every_message_of_the_publisher_reaches_a_bare_subscriber(tmp_path: Path) -> None:
    ingest, sources = Identity(HUB, "ingest"), [Identity("thon-01", "board"), Identity("thon-02", "board")]
    broker = RunningBroker("mosquitto", tmp_path / "broker", [ingest, *sources], bounded=False)
    broker.start()
    try:
        with (
            child("subscriber", broker.port, broker.passwords[str(ingest)], FILTER, 80) as bare,
            publisher(broker, sources, hop=False) as made,
        ):
            bare.answer()
            made.ask({"do": "build", "upto": 40})
            sent = made.ask({"do": "rush", "upto": 40, "seconds": 30})
            came = bare.answer()
    finally:
        broker.stop()
    assert sent["acked"] == {"thon-01": 40, "thon-02": 40}
    assert came["count"] == 80

"""A process with one raw connection per source that publishes readings: as fast as acknowledged, or at a rate.

Packets are built before the clock runs. One JSON order a line comes in on stdin, one JSON answer a line goes out:
{"do": "build", "upto": N}               make the packets up to position N
{"do": "rush", "upto": N, "seconds": S}  publish up to position N, ends when all is acknowledged or time is up
{"do": "pace", "per_s": R, "seconds": S} publish at R messages/s in all, whatever is acknowledged
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from broker.contract import Identity, Place, identity_of, topic_of
from broker.contract.board import Reading, Readings
from broker.contract.hub import Ack
from broker.contract.message import encode, payload
from tests.bench.link import packets

PATIENCE_S = 3.0
"""Without progress for so long a source sends again what is not acknowledged."""
SERIES = "water_level_m.song-van"
HOURS = 2
"""Readings are this old at the first position and come a millisecond or a second apart: every one is another."""


class _AckFrame(msgspec.Struct):
    m: Ack


class Source:
    """One connection and how far it is acknowledged: by the hub (`hop`), or by the broker alone."""

    def __init__(self, who: Identity, place: Place, step: timedelta, *, hop: bool) -> None:
        self.who = who
        self.hop = hop
        self.sent = self.acked = self.again = 0
        self.moved_s = 0.0
        self.ready: list[bytes] = []
        self.out = memoryview(b"")
        self.epoch = os.urandom(8).hex()
        self._topic = topic_of(place, who, Readings)
        self._acks = topic_of(place, who, Ack)
        self._began = datetime.now(UTC) - timedelta(hours=HOURS)
        self._step = step
        self._incoming = packets.Incoming()
        self._decoder = msgspec.json.Decoder(_AckFrame)

    def connect(self, port: int, password: str) -> None:
        """Connect and listen for the hub's acknowledgements."""
        self.sock = socket.create_connection(("127.0.0.1", port), 10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.sendall(packets.connect(str(self.who), str(self.who), password))
        self._wait_for(packets.CONNACK)
        self.sock.sendall(packets.subscribe(self._acks, 0))
        self._wait_for(packets.SUBACK)
        self.sock.setblocking(False)

    def _wait_for(self, kind: int) -> None:
        while True:
            data = self.sock.recv(4096)
            if not data:
                raise ConnectionError(f"the broker refused {self.who}")
            if any(found == kind for found, _ in self._incoming.feed(data)):
                return

    def build(self, upto: int) -> None:
        """Make the packets up to a position."""
        self.ready += [self.packet(seq) for seq in range(len(self.ready) + 1, upto + 1)]

    def packet(self, seq: int) -> bytes:
        """The packet of one position; its reading has the position as its value."""
        at = self._began + self._step * seq
        body = payload(Readings(items=[Reading(series=SERIES, at=at, value=float(seq), unit="m")]))
        return packets.publish(self._topic, encode(body, at, "trusted", self.epoch, seq), seq)

    def push(self, upto: int, window: int) -> None:
        """Hand the socket what the window allows."""
        if not self.out:
            now_s = time.monotonic()
            if self.sent > self.acked and now_s - self.moved_s > PATIENCE_S:
                self.again += self.sent - self.acked
                self.sent, self.moved_s = self.acked, now_s
            end = min(upto, self.acked + window)
            if end <= self.sent:
                return
            if self.sent == self.acked:
                self.moved_s = now_s
            self.out = memoryview(b"".join(self.ready[self.sent : end]))
            self.sent = end
        self.flush()

    def flush(self) -> None:
        """Write what the socket takes now."""
        try:
            self.out = self.out[self.sock.send(self.out) :]
        except BlockingIOError:
            return

    def hear(self) -> None:
        """Read what came: acknowledgements of the hub or of the broker."""
        data = self.sock.recv(1 << 16)
        if not data:
            raise ConnectionError(f"the broker ended the connection of {self.who}")
        before = self.acked
        for kind, body in self._incoming.feed(data):
            if kind == packets.PUBLISH and self.hop:
                ack = self._decoder.decode(body).m
                if ack.epoch == self.epoch:
                    self.acked = max(self.acked, ack.upto)
            elif kind == packets.PUBACK and not self.hop:
                self.acked += 1
        if self.acked > before:
            self.moved_s = time.monotonic()


class Publisher:
    """All sources of this process in one loop."""

    def __init__(self, job: dict[str, Any]) -> None:
        """job: port, place, passwords by identity, hop, window, step_ms."""
        self._window = int(job["window"])
        step = timedelta(milliseconds=job["step_ms"])
        self._sources = [
            Source(identity_of(name), Place(*job["place"]), step, hop=job["hop"]) for name in job["passwords"]
        ]
        self._wires = selectors.DefaultSelector()
        for source in self._sources:
            source.connect(job["port"], job["passwords"][str(source.who)])
            self._wires.register(source.sock, selectors.EVENT_READ, source)

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do one order; the answer says when it began and ended (monotonic seconds) and the CPU seconds it took."""
        if order["do"] == "build":
            for source in self._sources:
                source.build(order["upto"])
            return {}
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        if order["do"] == "rush":
            found: dict[str, Any] = self._rush(order["upto"], order["seconds"])
        else:
            found = self._pace(order["per_s"], order["seconds"], resend=order.get("resend", False))
        return found | {
            "began_s": began_s,
            "ended_s": time.monotonic(),
            "cpu_s": time.process_time() - began_cpu_s,
        }

    def _rush(self, upto: int, seconds: float) -> dict[str, Any]:
        before = sum(source.acked for source in self._sources)
        ends_s = time.monotonic() + seconds
        while any(source.acked < upto for source in self._sources) and time.monotonic() < ends_s:
            for source in self._sources:
                source.push(upto, self._window)
                wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if source.out else 0)
                self._wires.modify(source.sock, wanted, source)
            self._hear(0.2)
        acked = {source.who.node: source.acked for source in self._sources}
        return {"acked": acked, "count": sum(acked.values()) - before, "again": self._again()}

    def _again(self) -> int:
        return sum(source.again for source in self._sources)

    def _hear(self, wait_s: float) -> None:
        for key, events in self._wires.select(max(0.0, wait_s)):
            if events & selectors.EVENT_WRITE:
                key.data.flush()
            if events & selectors.EVENT_READ:
                key.data.hear()

    def _pace(self, per_s: float, seconds: float, *, resend: bool) -> dict[str, Any]:
        """At a steady rate, the sources in turn; `resend`: from what is acknowledged after a second without it."""
        sent: list[tuple[str, int, float]] = []
        began_s = time.monotonic()
        for n in range(int(per_s * seconds)):
            source = self._sources[n % len(self._sources)]
            while (left_s := began_s + n / per_s - time.monotonic()) > 0:
                self._hear(left_s)
            if resend and source.sent > source.acked and time.monotonic() - source.moved_s > 1.0:
                source.again += source.sent - source.acked
                source.sent, source.moved_s = source.acked, time.monotonic()
            source.sent += 1
            if not resend:
                sent.append((source.who.node, source.sent, time.monotonic()))
            source.out = memoryview(bytes(source.out) + source.packet(source.sent))
            source.flush()
        return {"sent": sent, "again": self._again(), "acked": sum(source.acked for source in self._sources)}


def main() -> None:
    """Connect, say so, then one answer for each order."""
    publisher = Publisher(json.loads(sys.stdin.readline()))
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(publisher.obey(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

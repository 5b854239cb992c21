"""The baseline: a bare paho subscriber that keeps nothing. It counts, or writes down when each message came.

Arguments: port, password, filter, and the counts at which it says {"count", "at_s"}; without counts it notes the
position and the time of every message and says them all when stdin closes.
"""

from __future__ import annotations

import json
import sys
import threading
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

WHO = "hub.ingest"


def _say(**words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def main(port: int, password: str, topic: str, marks: set[int]) -> None:
    """Subscribe, say so, and listen until stdin closes."""
    seen: list[tuple[str, int, float]] = []
    count = 0

    def count_one(_c: object, _d: object, _packet: mqtt.MQTTMessage) -> None:
        nonlocal count
        count += 1
        if count in marks:
            _say(count=count, at_s=time.monotonic())

    def note(_c: object, _d: object, packet: mqtt.MQTTMessage) -> None:
        at_s = time.monotonic()
        seen.append((packet.topic.split("/")[3], json.loads(packet.payload)["seq"], at_s))

    standing = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=WHO, protocol=mqtt.MQTTv311)
    client.username_pw_set(WHO, password)
    client.on_message = count_one if marks else note
    client.on_connect = lambda c, *_: c.subscribe(topic, 1)
    client.on_subscribe = lambda *_: standing.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    standing.wait(20)
    _say()
    sys.stdin.read()
    client.disconnect()
    client.loop_stop()
    _say(seen=seen)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], {int(each) for each in sys.argv[4:]})

"""The fair inbox: turns between sources, limits of one source, rates, and states of which the newest counts."""

from __future__ import annotations

import threading

from broker.contract import Identity, Place, spec_of, topic_of
from broker.contract.board import BoardStatus, Readings
from broker.link.inbox import STATES, FairInbox, Packet

PLACE = Place("00", "00000")


def reading(node: str, number: int) -> Packet:
    who = Identity(node, "board")
    return Packet(str(who), topic_of(PLACE, who, Readings), b"%d" % number, who, spec_of(Readings))


def state(node: str, number: int) -> Packet:
    who = Identity(node, "board")
    return Packet(str(who), topic_of(PLACE, who, BoardStatus), b"%d" % number, who, spec_of(BoardStatus))


def numbers(packets: list[Packet], node: str) -> list[int]:
    return [int(each.raw) for each in packets if each.source == f"{node}.board"]


def test_sources_take_turns_and_keep_their_order() -> None:
    box = FairInbox(1000, turn=2)
    for number in range(500):
        box.put([reading("loud", number)])
    for number in range(3):
        box.put([reading("quiet", number)])
    found = box.take(0, 0, 8)
    assert numbers(found, "loud") == [0, 1, 2, 3, 4]
    assert numbers(found, "quiet") == [0, 1, 2]
    assert numbers(box.take(0, 0, 1000), "loud") == list(range(5, 500))
    assert len(box) == 0


def test_a_full_queue_gives_way_at_its_end_and_only_there() -> None:
    box = FairInbox(10)
    for number in range(15):
        box.put([reading("loud", number)])
    box.put([reading("quiet", 1)])
    found = box.take(0, 0, 100)
    assert numbers(found, "loud") == list(range(10)), "what was sent first must be stored first"
    assert numbers(found, "quiet") == [1]
    assert box.dropped == {"loud.board": 5}


def test_of_states_the_newest_are_kept_in_order_and_take_no_room() -> None:
    box = FairInbox(2)
    for number in range(STATES + 4):
        box.put([state("a", number)])
    for number in range(2):
        box.put([reading("a", 100 + number)])
    assert numbers(box.take(0, 0, 100), "a") == [*range(4, STATES + 4), 100, 101]
    assert len(box) == 0


def test_beyond_its_rate_a_source_waits_and_its_states_do_not() -> None:
    left = {"loud.board": 3, "quiet.board": 99}

    def allow(source: str, wanted: int) -> int:
        found = min(wanted, left[source])
        left[source] -= found
        return found

    box = FairInbox(100, allow, turn=2)
    for number in range(10):
        box.put([reading("loud", number)])
        box.put([reading("quiet", number)])
    box.put([state("loud", 77)])
    found = box.take(0, 0, 100)
    assert numbers(found, "loud") == [77, 0, 1, 2]
    assert numbers(found, "quiet") == list(range(10))
    assert box.take(0, 0, 100) == []
    assert len(box) == 7
    left["loud.board"] = 99
    assert numbers(box.take(0, 0, 100), "loud") == list(range(3, 10))


def test_nothing_comes_of_an_empty_inbox() -> None:
    assert FairInbox(10).take(0.01, 0.01, 10) == []


def test_after_a_packet_gave_way_its_lane_is_cut_until_the_queue_is_empty() -> None:
    box = FairInbox(3)
    for number in range(5):
        box.put([reading("loud", number)])
    assert numbers(box.take(0, 0, 2), "loud") == [0, 1]
    box.put([reading("loud", 5)])
    assert numbers(box.take(0, 0, 9), "loud") == [2], "5 would be stored before 3 and 4"
    box.put([reading("loud", 3)])
    assert numbers(box.take(0, 0, 9), "loud") == [3]


def test_who_waits_for_the_first_packet_and_for_many_is_woken_for_each() -> None:
    box = FairInbox(1000)
    found: list[list[Packet]] = []
    taker = threading.Thread(target=lambda: found.append(box.take(30, 30, 5)))
    taker.start()
    for number in range(5):
        box.put([reading("a", number)])
    taker.join(20)
    assert not taker.is_alive()
    assert numbers(found[0], "a") == [0, 1, 2, 3, 4]

"""Receipts at the hub: the chain of each journal is followed, nothing counts twice, a break is noted once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from broker.contract.message import payload
from broker.contract.speaker import PlayReceipt, receipt_digest
from broker.hub.records import Change, Play, PlayStep, ReceiptBook
from tests.hub.house import NOW, SPEAKER, House, receipt

BOOK = "ab" * 8
STATES = ("fetching", "ready", "armed", "playing", "played")


def chain(states: Sequence[str] = STATES, book: str = BOOK, **change: Any) -> list[PlayReceipt]:
    """Receipts as a node links them."""
    found: list[PlayReceipt] = []
    before = ""
    for number, state in enumerate(states, 1):
        found.append(receipt(state, book=book, number=number, before=before, **change))
        before = receipt_digest(payload(found[-1]))
    return found


def take(house: House, receipts: Sequence[PlayReceipt], first: int = 1, epoch: str = "e1") -> None:
    """Let them arrive one by one."""
    for seq, one in enumerate(receipts, first):
        assert house.take(house.entry(SPEAKER, one, seq, epoch=epoch))


def book_of(house: House) -> ReceiptBook:
    (found,) = house.all(ReceiptBook)
    assert isinstance(found, ReceiptBook)
    return found


def test_an_unbroken_chain_is_followed_to_its_end(house: House) -> None:
    sent = chain()
    take(house, sent)
    row = book_of(house)
    assert (row.node, row.book, row.number, row.broken_number) == ("thon-01", BOOK, 5, None)
    assert (row.digest, row.began_at) == (receipt_digest(payload(sent[-1])), NOW)
    assert [(step.number, step.state) for step in house.all(PlayStep)] == list(enumerate(STATES, 1))
    assert house.all(Play)[0].state == "played"


def test_what_a_receipt_measured_stands_in_the_play(house: House) -> None:
    measured = {
        "frames": 48_000,
        "rate_hz": 48_000,
        "volume": 70,
        "underruns": 2,
        "proof": "heard",
        "proof_level": 3,
        "proof_score": 0.61,
        "clock": "trusted",
        "clock_error_ms": 12,
    }
    take(house, chain(("played",), **measured))
    row = house.all(Play)[0]
    assert {name: getattr(row, name) for name in measured} == measured


def test_a_receipt_sent_again_counts_once_whatever_outbox_it_comes_from(house: House) -> None:
    sent = chain()
    take(house, sent)
    take(house, sent[2:], first=1, epoch="e2")
    assert len(house.all(PlayStep)) == 5
    assert (house.all(Play)[0].state, book_of(house).broken_number) == ("played", None)


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_hole_is_noted_once_with_its_place_and_the_chain_goes_on(house: House, missing: int) -> None:
    sent = chain()
    take(house, [*sent[:missing], *sent[missing + 1 :]])
    row = book_of(house)
    assert (row.number, row.broken_number, row.broken_at) == (5, missing + 2, NOW)
    house.clock.advance(60)
    more = receipt("ready", occurrence="b", book=BOOK, number=9, before="0" * 64)
    take(house, [more], first=9)
    assert (book_of(house).broken_number, book_of(house).broken_at) == (missing + 2, NOW), (
        "the first stays noted"
    )
    assert [row.topic for row in house.all(Change)].count("speaker") == 1


def test_a_receipt_changed_on_its_way_breaks_the_chain_at_the_next(house: House) -> None:
    sent = chain()
    sent[2].state = "cancelled"
    take(house, sent)
    assert book_of(house).broken_number == 4


def test_two_receipts_under_one_number_are_both_kept_and_noted(house: House) -> None:
    """As when a memory card is put back to an older copy: the journal lives on from there."""
    sent = chain()
    take(house, sent)
    other = receipt("refused", occurrence="b", book=BOOK, number=3, before=sent[2].before)
    take(house, [other], first=6)
    assert len(house.all(PlayStep)) == 6
    assert (book_of(house).number, book_of(house).broken_number) == (5, 3)
    assert {row.occurrence: row.state for row in house.all(Play)} == {
        sent[0].occurrence: "played",
        "b": "refused",
    }


def test_a_younger_hub_follows_from_where_it_came_in(house: House) -> None:
    sent = chain()
    take(house, sent[2:])
    assert (book_of(house).number, book_of(house).broken_number) == (5, None)


def test_an_earlier_receipt_that_comes_late_does_not_turn_a_play_back(house: House) -> None:
    sent = chain()
    take(house, [*sent[2:], *sent[:2]])
    row = book_of(house)
    assert (row.number, row.broken_number) == (5, None)
    assert house.all(Play)[0].state == "played"
    assert len(house.all(PlayStep)) == 5


def test_a_new_journal_begins_a_chain_of_its_own(house: House) -> None:
    take(house, chain())
    take(house, chain(("ready",), book="cd" * 8), first=6)
    take(house, [receipt("ready", book="ef" * 8, number=4, before="0" * 64)], first=7)
    assert {row.book[:2]: (row.number, row.broken_number) for row in house.all(ReceiptBook)} == {
        "ab": (5, None),
        "cd": (1, None),
        "ef": (4, 4),
    }, "a later journal must be seen from its first receipt on"


def test_an_old_command_sent_again_adds_to_the_trail_and_leaves_the_play(house: House) -> None:
    take(house, [*chain(), receipt("refused", reason="replayed")])
    assert house.all(Play)[0].state == "played"
    assert [step.reason for step in house.all(PlayStep)][-1] == "replayed"


def test_receipts_of_a_node_without_a_chain_are_taken_as_before(house: House) -> None:
    take(house, [receipt("ready"), receipt("played")])
    assert not house.all(ReceiptBook)
    assert house.all(Play)[0].state == "played"

"""The audit chain names the first row that was touched, and heads kept elsewhere show what the chain cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.trust import audit
from broker.trust.audit import Head, Row, append, code_of, read_head, verify


def chain(count: int, actor: str = "bình") -> list[Row]:
    rows: list[Row] = []
    start = datetime(2026, 11, 21, tzinfo=UTC)
    for n in range(count):
        entry = audit.Entry(
            at=start + timedelta(seconds=n), actor=actor, action="announcement.approved", subject=f"A{n}"
        )
        rows.append(append(rows[-1] if rows else None, entry))
    return rows


def again(rows: list[Row], index: int) -> list[Row]:
    """The log as its owner computes it anew after changing who did `index`."""
    made: list[Row] = []
    for row in rows:
        entry = msgspec.structs.replace(row.entry, actor="x") if row.index == index else row.entry
        made.append(append(made[-1] if made else None, entry))
    return made


def found(rows: list[Row], *heads: Head) -> tuple[str, int, int] | None:
    fault = verify(rows, heads).fault
    return (fault.flaw, fault.index, fault.since) if fault else None


def head_of(rows: list[Row], index: int) -> Head:
    return Head(index, rows[index - 1].hash)


def test_a_whole_chain_verifies_and_an_empty_one_too() -> None:
    assert verify([]) == audit.Verdict(head=audit.START)
    rows = chain(20)
    whole = verify(rows, [head_of(rows, 20), head_of(rows, 7)])
    assert whole.is_whole
    assert whole.head == head_of(rows, 20)
    assert whole.untrue == frozenset()


def test_edit_removal_insertion_and_reorder_are_named_by_the_first_bad_index() -> None:
    rows = chain(10)
    forged = msgspec.structs.replace(rows[4], entry=msgspec.structs.replace(rows[4].entry, actor="x"))
    assert found([*rows[:4], forged, *rows[5:]]) == ("edited", 5, 5)
    rehashed = msgspec.structs.replace(forged, hash=audit.entry_hash(forged.prev, forged.entry))
    assert found([*rows[:4], rehashed, *rows[5:]]) == ("moved", 6, 6)
    assert found(rows[:4] + rows[5:]) == ("missing", 5, 5)
    renumbered = [msgspec.structs.replace(row, index=row.index - 1) for row in rows[5:]]
    assert found(rows[:4] + renumbered) == ("moved", 5, 5)
    extra = msgspec.structs.replace(append(rows[3], rows[8].entry), index=5)
    later = [msgspec.structs.replace(row, index=row.index + 1) for row in rows[4:]]
    assert found([*rows[:4], extra, *later]) == ("moved", 6, 6)
    swapped = [msgspec.structs.replace(rows[4], index=4), msgspec.structs.replace(rows[3], index=5)]
    assert found([*rows[:3], *swapped, *rows[5:]]) == ("moved", 4, 4)
    assert found(rows[1:]) == ("missing", 1, 1)


def test_a_cut_tail_is_found_by_a_head_kept_elsewhere() -> None:
    rows = chain(10)
    assert found(rows[:8]) is None
    assert found(rows[:8], head_of(rows, 10)) == ("cut", 10, 9)
    assert found([], head_of(rows, 10)) == ("cut", 10, 1)


def test_a_recomputed_chain_is_found_and_narrowed_down_by_heads_kept_elsewhere() -> None:
    rows = chain(30)
    forged = again(rows, 13)
    assert found(forged) is None
    heads = [head_of(rows, n) for n in (5, 12, 20, 30)]
    verdict = verify(forged, heads)
    assert verdict.fault == audit.Fault(index=20, since=13, flaw="rewritten")
    assert verdict.untrue == {head_of(rows, 20), head_of(rows, 30)}


def test_a_log_that_was_cut_and_went_on_growing_is_found() -> None:
    rows, other = chain(10), again(chain(14), 9)
    assert found(other, head_of(rows, 10)) == ("rewritten", 10, 1)


def test_every_wrong_head_is_named_even_when_the_chain_itself_is_broken() -> None:
    rows = chain(10)
    head = head_of(rows, 5)
    verdict = verify(rows[:4] + rows[5:], [head, Head(9, "0" * 64), head_of(rows, 10)])
    assert verdict.fault is not None
    assert verdict.fault.flaw == "missing"
    assert verdict.untrue == {head, Head(9, "0" * 64)}


def test_two_different_heads_for_one_row_cannot_both_be_true() -> None:
    rows = chain(6)
    verdict = verify(rows, [head_of(rows, 4), Head(4, "f" * 64)])
    assert not verdict.is_whole
    assert verdict.untrue == {Head(4, "f" * 64)}


def test_only_the_rows_after_a_head_that_is_known_can_be_looked_at() -> None:
    rows = chain(10)
    assert verify(rows[6:], after=head_of(rows, 6)).head == head_of(rows, 10)
    assert verify(rows[6:], after=Head(6, "0" * 64)).fault == audit.Fault(index=7, since=7, flaw="moved")


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.data())
def test_whatever_one_does_to_the_rows_the_head_of_before_shows_it(
    acts: list[int], data: st.DataObject
) -> None:
    rows = chain(8)
    made = list(rows)
    for act in acts:
        at = data.draw(st.integers(0, max(0, len(made) - 1)))
        if not made:
            break
        if act == 0:
            del made[at]
        elif act == 1:
            made.insert(at, made[data.draw(st.integers(0, len(made) - 1))])
        elif act == 2:
            del made[at:]
        elif act == 3:
            made[at] = msgspec.structs.replace(
                made[at], entry=msgspec.structs.replace(made[at].entry, subject="")
            )
        else:
            made = again(made, made[at].index)
    assert verify(made, [head_of(rows, 8)]).is_whole == (made == rows)


def test_other_letters_of_the_same_word_are_another_entry() -> None:
    rows = chain(3, actor="Bình")
    spelt = msgspec.structs.replace(rows[1].entry, actor="Bi\u0300nh")
    assert found([rows[0], msgspec.structs.replace(rows[1], entry=spelt), rows[2]]) == ("edited", 2, 2)


def test_the_hash_of_an_entry_is_what_it_was_in_the_first_release() -> None:
    entry = audit.Entry(
        at=datetime(2026, 11, 21, 2, 30, 0, 5, tzinfo=UTC),
        actor="bình",
        action="announcement.approved",
        subject="bt-1.1",
        detail={"key": "k-1", "a": "ă"},
    )
    text = (
        '{"action":"announcement.approved","actor":"bình","at":"2026-11-21T02:30:00.000005Z",'
        '"detail":{"a":"ă","key":"k-1"},"subject":"bt-1.1"}'
    )
    from hashlib import sha256

    assert audit.entry_hash(audit.GENESIS, entry) == sha256(b"0" * 64 + b"\0" + text.encode()).hexdigest()


def test_a_comparison_code_is_read_back_however_it_was_copied() -> None:
    digest = chain(1)[0].hash
    code = code_of(digest)
    assert len(code) == 19
    head = Head(1204, code)
    for copied in (code, code.lower(), code.replace("-", " "), code.replace("0", "o").replace("1", "l")):
        assert read_head(f"1204: {copied}") == head
    assert read_head(f"7:{digest.upper()}") == Head(7, digest)


def test_a_code_from_paper_counts_as_the_head_it_stands_for() -> None:
    rows = chain(5)
    assert found(rows, Head(3, code_of(rows[2].hash))) is None
    assert found(rows, Head(3, code_of(rows[3].hash))) == ("rewritten", 3, 1)


@pytest.mark.parametrize(
    "typed", ["", "5", ":abc", "0:" + "0" * 64, "x:" + "0" * 64, "5:1234", "5:" + "U" * 16, "-5:" + "0" * 64]
)
def test_what_is_no_head_is_refused_with_an_example_or_a_reason(typed: str) -> None:
    with pytest.raises(ValueError, match=r"head|hash"):
        read_head(typed)


def test_what_is_no_hash_has_no_code() -> None:
    assert code_of("") == code_of("x" * 64) == code_of("0" * 63) == ""

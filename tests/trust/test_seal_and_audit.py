"""Sealed words open only with the hub's key; the audit chain names the first row that was touched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from broker.trust import audit
from broker.trust.reasons import REASONS, sentence
from broker.trust.seal import OVERHEAD, SealError, open_seal, seal


def pair() -> tuple[bytes, bytes]:
    private = X25519PrivateKey.generate()
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ), private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_sealed_words_come_back_and_two_sealings_differ() -> None:
    public, private = pair()
    words = "Đường vào xóm Trại bị sạt".encode()
    first, second = seal(public, words), seal(public, words)
    assert first != second
    assert len(first) == len(words) + OVERHEAD
    assert open_seal(private, first) == open_seal(private, second) == words


def test_wrong_key_damage_and_plain_bytes_are_all_seal_errors() -> None:
    public, private = pair()
    _, other = pair()
    box = seal(public, b"secret")
    for key, raw in [
        (other, box),
        (private, box[:-1] + bytes([box[-1] ^ 1])),
        (private, box[:20]),
        (private, b"plain text that is long enough to hold everything, but never sealed"),
        (private, box[:4] + bytes(32) + box[36:]),
    ]:
        with pytest.raises(SealError):
            open_seal(key, raw)


def chain(count: int) -> list[audit.Row]:
    rows: list[audit.Row] = []
    start = datetime(2026, 11, 21, tzinfo=UTC)
    for n in range(count):
        entry = audit.Entry(
            at=start + timedelta(seconds=n), actor="bình", action="announcement.approved", subject=f"A{n}"
        )
        rows.append(audit.append(rows[-1] if rows else None, entry))
    return rows


def test_a_whole_chain_verifies_and_an_empty_one_too() -> None:
    assert audit.verify([]) is None
    rows = chain(20)
    assert audit.verify(rows) is None
    assert audit.verify(rows, head=(20, rows[-1].hash)) is None
    assert audit.verify(rows, head=(7, rows[6].hash)) is None


def test_edit_removal_insertion_and_reorder_are_named_by_the_first_bad_index() -> None:
    rows = chain(10)
    forged = msgspec.structs.replace(rows[4], entry=msgspec.structs.replace(rows[4].entry, actor="x"))
    assert audit.verify([*rows[:4], forged, *rows[5:]]) == 5
    assert audit.verify(rows[:4] + rows[5:]) == 5
    assert audit.verify([*rows[:4], rows[3], *rows[4:]]) == 5
    assert audit.verify([*rows[:3], rows[4], rows[3], *rows[5:]]) == 4
    assert audit.verify(rows[1:]) == 1


def test_a_cut_tail_and_a_recomputed_chain_are_found_by_a_head_kept_elsewhere() -> None:
    rows = chain(10)
    assert audit.verify(rows[:8]) is None
    assert audit.verify(rows[:8], head=(10, rows[-1].hash)) == 9
    again: list[audit.Row] = []
    for row in rows:
        entry = msgspec.structs.replace(row.entry, actor="x") if row.index == 3 else row.entry
        again.append(audit.append(again[-1] if again else None, entry))
    assert audit.verify(again) is None
    assert audit.verify(again, head=(10, rows[-1].hash)) == 10


def test_every_reason_is_one_vietnamese_sentence() -> None:
    for code, text in REASONS.items():
        assert text.endswith(".")
        assert text[0].isupper()
        assert sentence(code) == text
    assert sentence("") == ""
    assert "new-code" in sentence("new-code")

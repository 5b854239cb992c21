"""Sealed words open only with the hub's key; every reason is a sentence."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

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


def test_every_reason_is_one_vietnamese_sentence() -> None:
    for code, text in REASONS.items():
        assert text.endswith(".")
        assert text[0].isupper()
        assert sentence(code) == text
    assert sentence("") == ""
    assert "new-code" in sentence("new-code")

"""People's keys at a terminal: made, locked, compared, and a list signed with the root key."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from broker.trust.approvers import clean_public, comparison_code, new_key_file, sign_list
from broker.trust.envelope import verify
from broker.trust.keyfile import unlock
from broker.trust.keys import IdentityError, key_id, new_key, public_pem


def pem_of(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> str:
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, spki).decode()


def test_a_key_file_opens_with_its_pin_alone_and_holds_the_key_it_names() -> None:
    made = new_key_file("Bình", "24681012")
    name, private = unlock(made.file, "24681012")
    assert (name, public_pem(private)) == (made.key, made.public)
    assert key_id(made.public) == made.key
    assert "PRIVATE" not in made.file
    with pytest.raises(IdentityError):
        unlock(made.file, "24681112")


@pytest.mark.parametrize("pin", ["", "1234567", "1234567a", "١٢٣٤٥٦٧٨", "1" * 65, "1234 5678"])
def test_a_pin_is_eight_plain_digits_or_more(pin: str) -> None:
    with pytest.raises(IdentityError, match="8 digits"):
        new_key_file("Bình", pin)


def test_a_public_key_has_one_spelling_and_only_p_256_will_do() -> None:
    public = public_pem(new_key())
    assert clean_public(public) == public
    assert clean_public(public.replace("\n", "\r\n") + "\n") == public
    p384 = pem_of(ec.generate_private_key(ec.SECP384R1()).public_key())
    other = pem_of(ed25519.Ed25519PrivateKey.generate().public_key())
    private = new_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for text in ("", "x", public[:60], p384, other, private.decode()):
        with pytest.raises(IdentityError):
            clean_public(text)


def test_the_comparison_number_is_of_the_key_and_not_of_its_spelling() -> None:
    public = public_pem(new_key())
    der = serialization.load_pem_public_key(public.encode()).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digits = f"{int(hashlib.sha256(der).hexdigest(), 16) % 10**24:024d}"
    assert comparison_code(public).replace(" ", "") == digits
    assert comparison_code(public.replace("\n", "\r\n")) == comparison_code(public)
    assert [len(group) for group in comparison_code(public).split()] == [4] * 6


def test_a_list_is_signed_by_the_root_key_for_that_purpose_alone() -> None:
    root = new_key()
    (signature,) = sign_list("{}", root).signatures
    assert verify("{}", "trust", signature, public_pem(root))
    assert not verify("{}", "announcement", signature, public_pem(root))
    assert not verify("{ }", "trust", signature, public_pem(root))

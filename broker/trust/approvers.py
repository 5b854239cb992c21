"""Keys that people sign with: made here for a key file on their own stick, and compared by a number read aloud.

The console's script makes and opens key files in the browser with WebCrypto, so that neither key nor PIN ever
reaches the hub; `new_key_file` and `keyfile.unlock` do the same at a terminal. Nodes believe a key once the
commune's root key signed it into the trust list (`sign_list`).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from broker.contract.hub import Signed
from broker.trust.envelope import ROOT_KEY_ID, PrivateKey, sign
from broker.trust.keyfile import lock
from broker.trust.keys import IdentityError, key_id, new_key, public_pem

KEY_DAYS: Final = 398
"""How long the trust list believes a person's key before it must be confirmed."""
_PIN: Final = re.compile(r"[0-9]{8,64}", re.ASCII)
_DIGITS: Final = 24


@dataclass(frozen=True)
class NewKey:
    """A new key: its id, its public half (PEM), and the text of the key file to hand over."""

    key: str
    public: str
    file: str


def new_key_file(holder: str, pin: str) -> NewKey:
    """Make a key for `holder` and lock it with the PIN; the private key exists only inside the returned file.

    Raises IdentityError when the PIN is not 8 digits or more.
    """
    private = new_key()
    public = public_pem(private)
    return NewKey(key_id(public), public, lock_key(private, holder, pin))


def lock_key(private: PrivateKey, holder: str, pin: str) -> str:
    """The text of a person's key file. Raises IdentityError when the PIN is not 8 digits or more."""
    if not _PIN.fullmatch(pin):
        raise IdentityError("the PIN needs 8 digits or more")
    return lock(private, holder, pin)


def clean_public(public: str) -> str:
    """The one spelling (PEM) of a P-256 public key that somebody sent. Raises IdentityError for anything else."""
    try:
        key = serialization.load_pem_public_key(public.encode())
    except (ValueError, UnsupportedAlgorithm) as why:
        raise IdentityError("not a public key in PEM") from why
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise IdentityError("not a P-256 public key")
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, spki).decode()


def comparison_code(public: str) -> str:
    """24 digits in groups of four that stand for a public key (PEM), to be compared by telephone.

    The same number is computed by the console's script: SHA-256 of the DER SubjectPublicKeyInfo as one big-endian
    integer, its last 24 decimal digits (79 bits).
    """
    key = serialization.load_pem_public_key(public.encode())
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    digest = hashlib.sha256(key.public_bytes(serialization.Encoding.DER, spki)).digest()
    digits = str(int.from_bytes(digest, "big") % 10**_DIGITS).zfill(_DIGITS)
    return " ".join(digits[n : n + 4] for n in range(0, _DIGITS, 4))


def sign_list(body: str, root: PrivateKey) -> Signed:
    """A trust list (canonical text) signed with the commune's root key."""
    return Signed(body=body, signatures=[sign(body, "trust", ROOT_KEY_ID, root)])

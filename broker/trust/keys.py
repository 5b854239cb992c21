"""P-256 keys and the files they live in: made, named, written safely, read back."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from broker.trust.envelope import PrivateKey
from broker.trust.files import write_atomically

_PEM = serialization.Encoding.PEM
_PKCS8 = serialization.PrivateFormat.PKCS8
_SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


class IdentityError(Exception):
    """A key or certificate cannot be made or read; the text says which file and why."""


def new_key() -> PrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def new_password() -> str:
    """A fresh MQTT password of 192 random bits."""
    return secrets.token_urlsafe(24)


def public_pem(key: PrivateKey) -> str:
    """The public half as SubjectPublicKeyInfo, PEM."""
    return key.public_key().public_bytes(_PEM, _SPKI).decode()


def private_pem(key: PrivateKey | X25519PrivateKey) -> bytes:
    """The key as unencrypted PKCS8, PEM."""
    return key.private_bytes(_PEM, _PKCS8, serialization.NoEncryption())


def key_id(public: str) -> str:
    """The name of a public key (PEM): 16 hex digits of the SHA-256 of its SubjectPublicKeyInfo."""
    key = serialization.load_pem_public_key(public.encode())
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, _SPKI)).hexdigest()[:16]


def load_private(path: Path) -> PrivateKey:
    """A P-256 private key from its file. Raises IdentityError."""
    try:
        key = serialization.load_pem_private_key(read_file(path), None)
    except (ValueError, TypeError) as why:
        raise IdentityError(f"{path}: not an unencrypted private key in PEM") from why
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise IdentityError(f"{path}: not a P-256 key")
    return key


def write_secret(path: Path, data: bytes) -> None:
    """Write a private file: 0600 from its first byte, whole or not at all, durable. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(path, data, 0o600)


def write_public(path: Path, data: bytes) -> None:
    """Write a file that anyone on the machine may read, whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(path, data, 0o644)


def read_file(path: Path) -> bytes:
    """The content of a key file. Raises IdentityError naming it."""
    try:
        return path.read_bytes()
    except OSError as why:
        raise IdentityError(f"{path}: cannot be read: {why.strerror}") from why

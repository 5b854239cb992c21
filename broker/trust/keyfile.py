"""A private key locked with a passphrase or PIN into one small JSON file, `langso-key/1`.

PBKDF2-SHA256 and AES-256-GCM over PKCS8: what every browser's WebCrypto can open, and slow to guess where the
usual encrypted PEM (2,048 rounds) is fast.
"""

from __future__ import annotations

import secrets
import unicodedata
from base64 import b64decode, b64encode
from typing import Annotated, Final, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from msgspec import Meta, Struct

from broker.trust.envelope import PrivateKey
from broker.trust.keys import IdentityError, key_id, public_pem

ITERATIONS: Final = 600_000

Rounds = Annotated[int, Meta(ge=100_000, le=5_000_000)]


class Kdf(Struct, kw_only=True, frozen=True):
    """How the PIN becomes a key."""

    name: Literal["PBKDF2"]
    hash: Literal["SHA-256"]
    iterations: Rounds
    salt: str


class Cipher(Struct, kw_only=True, frozen=True):
    """How the key is locked."""

    name: Literal["AES-GCM"]
    iv: str


class KeyFile(Struct, kw_only=True, frozen=True):
    """The file on an approver's stick or card. Binary fields are base64."""

    format: Literal["langso-key/1"]
    key: str
    holder: str
    kdf: Kdf
    cipher: Cipher
    wrapped: str
    """AES-256-GCM over the private key as PKCS8 DER."""


def lock(private: PrivateKey, holder: str, secret: str) -> str:
    """The text of a key file that `secret` opens."""
    salt, iv = secrets.token_bytes(16), secrets.token_bytes(12)
    der = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = KeyFile(
        format="langso-key/1",
        key=key_id(public_pem(private)),
        holder=holder,
        kdf=Kdf(name="PBKDF2", hash="SHA-256", iterations=ITERATIONS, salt=b64encode(salt).decode()),
        cipher=Cipher(name="AES-GCM", iv=b64encode(iv).decode()),
        wrapped=b64encode(AESGCM(_stretch(secret, salt, ITERATIONS)).encrypt(iv, der, None)).decode(),
    )
    return msgspec.json.format(msgspec.json.encode(file)).decode()


def unlock(text: str | bytes, secret: str) -> tuple[str, PrivateKey]:
    """Key id and private key out of a key file. Raises IdentityError for a wrong secret or a damaged file."""
    try:
        file = msgspec.json.decode(text, type=KeyFile)
        salt, iv, wrapped = (b64decode(part) for part in (file.kdf.salt, file.cipher.iv, file.wrapped))
        der = AESGCM(_stretch(secret, salt, file.kdf.iterations)).decrypt(iv, wrapped, None)
        key = serialization.load_der_private_key(der, None)
    except (InvalidTag, ValueError) as why:
        raise IdentityError("wrong PIN or passphrase, or damaged key file") from why
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise IdentityError("the key file holds no P-256 key")
    return file.key, key


def _stretch(secret: str, salt: bytes, iterations: int) -> bytes:
    typed = unicodedata.normalize("NFC", secret).encode()  # keyboards differ in how they write ế
    return PBKDF2HMAC(hashes.SHA256(), 32, salt, iterations).derive(typed)

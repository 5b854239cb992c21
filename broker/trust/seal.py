"""Seal bytes so that only the owner of a private key can read them (a citizen's words, for the hub alone).

One X25519 exchange with a throw-away key, HKDF-SHA256, AES-256-GCM (the shape of RFC 9180's base mode).
Sealed form: `b"LS1\\0"`, 32 bytes throw-away public key, ciphertext with its 16-byte tag.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_MARK: Final = b"LS1\0"
_INFO: Final = b"langso/seal/1"
OVERHEAD: Final = len(_MARK) + 32 + 16
"""Bytes by which a sealed text is longer than the text."""


class SealError(ValueError):
    """Sealed bytes cannot be opened: wrong key, damaged, or never sealed."""


def seal(public_pem: bytes, data: bytes) -> bytes:
    """Seal `data` to an X25519 public key (PEM). Raises ValueError when the key is of another kind."""
    public = serialization.load_pem_public_key(public_pem)
    if not isinstance(public, X25519PublicKey):
        raise ValueError("the sealing key must be an X25519 public key")  # noqa: TRY004  (a wrong file, not a bug)
    once = X25519PrivateKey.generate()
    head = once.public_key().public_bytes_raw()
    key, iv = _derive(once.exchange(public), head + public.public_bytes_raw())
    return _MARK + head + AESGCM(key).encrypt(iv, data, _MARK + head)


def open_seal(private_pem: bytes, sealed: bytes) -> bytes:
    """What was sealed to the public half of `private_pem`. Raises SealError."""
    private = serialization.load_pem_private_key(private_pem, password=None)
    if not isinstance(private, X25519PrivateKey):
        raise SealError("the opening key must be an X25519 private key")
    if len(sealed) < OVERHEAD or not sealed.startswith(_MARK):
        raise SealError("these bytes were not sealed here")
    head, text = sealed[4:36], sealed[36:]
    try:
        shared = private.exchange(X25519PublicKey.from_public_bytes(head))
        key, iv = _derive(shared, head + private.public_key().public_bytes_raw())
        return AESGCM(key).decrypt(iv, text, _MARK + head)
    except (InvalidTag, ValueError) as why:
        raise SealError("wrong key or damaged bytes") from why


def _derive(shared: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """AES key and nonce; the nonce may be derived because every sealing has its own throw-away key."""
    out = HKDF(algorithm=hashes.SHA256(), length=44, salt=salt, info=_INFO).derive(shared)
    return out[:32], out[32:]


def make_seal_key() -> tuple[bytes, bytes]:
    """A new pair for sealing: private and public half, PEM."""
    private = X25519PrivateKey.generate()
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return secret, public


def public_of(private_pem: bytes) -> bytes:
    """The public half of a sealing key. Raises SealError when it is none."""
    try:
        private = serialization.load_pem_private_key(private_pem, password=None)
    except (ValueError, TypeError) as why:
        raise SealError("this is no key") from why
    if not isinstance(private, X25519PrivateKey):
        raise SealError("the opening key must be an X25519 private key")
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )

"""How a new node gets its keys: a single-use code, keys made on the node, certificates fetched with the code.

The node makes its keys first (`prepare`), sends requests for certificates together with the code (`Ask`), and
installs what comes back (`settle`) in one step. Until that step all of it may be done again from the beginning: the
same keys wait on the disk and get the same certificates. The demo goes the same way inside one process.
"""

from __future__ import annotations

import hashlib
import secrets
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from msgspec import Meta, Struct

from broker.contract import HUB, NODE_SERVICES, Identity
from broker.trust.certificates import check_chain, make_request
from broker.trust.files import write_atomically
from broker.trust.keys import IdentityError, load_private, new_key, private_pem, write_public, write_secret
from broker.trust.swap import swap_in
from broker.trust.toml_text import toml_text

SETTINGS_FILE: Final = "langso.toml"
DATA: Final = "/var/lib/langso"
NEXT: Final = "next"
"""Folder inside the keys' folder where keys wait for their certificates."""

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD: Final = str.maketrans("OIL", "011")
_MARK: Final = ".node"
_HEAD: Final = """Settings of this machine; docs/SETTINGS.md explains each.
Made by `langso enrol`, which keeps what you add."""


class Ask(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a node sends to be taken in."""

    node: Annotated[str, Meta(max_length=64)]
    code: Annotated[str, Meta(max_length=64)]
    requests: Annotated[dict[str, str], Meta(min_length=1, max_length=len(NODE_SERVICES))]
    """By service: a certificate request in PEM."""


class Welcome(Struct, kw_only=True, forbid_unknown_fields=True):
    """What the hub answers: all that a node must know of its commune, and its certificates."""

    node: str
    province: str
    commune: str
    commune_name: str
    village: str
    village_name: str
    broker_host: str
    broker_port: int
    broker_tls: bool
    device_url: str
    ca: str
    """The root's certificate, PEM: the anchor of every TLS connection."""
    root: str
    """The root's public key, PEM: the anchor of the trust list."""
    hub_seal: str
    """The key to which citizens' words are sealed, PEM."""
    certificates: dict[str, str]
    """By service: its certificate and the issuing certificate behind it, PEM."""


def new_code() -> str:
    """A fresh code `XXXX-XXXX`: 40 random bits in Crockford's base 32, which has no I, L, O and U."""
    text = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"{text[:4]}-{text[4:]}"


def read_code(text: str) -> str:
    """A code as a person types it: case, blanks and dashes do not matter, O is 0, I and L are 1.

    Raises IdentityError for what is no code.
    """
    plain = "".join(text.split()).replace("-", "").upper().translate(_MISREAD)
    if len(plain) != 8 or any(letter not in _ALPHABET for letter in plain):
        raise IdentityError(f"{text[:32]!r} is not a code like XXXX-XXXX")
    return f"{plain[:4]}-{plain[4:]}"


def code_hash(node: str, code: str) -> str:
    """What the hub keeps of a code: slow on purpose, so that a stolen database gives no code away in its 15 minutes."""
    salt = f"langso/enrol\0{node}".encode()
    return hashlib.scrypt(code.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32).hex()


def fingerprint(root_pem: bytes) -> str:
    """The pin of a commune: 128 bits of the SHA-256 of its root certificate, 32 hexadecimal digits in fours.

    Raises IdentityError for what is no certificate.
    """
    try:
        digest = x509.load_pem_x509_certificate(root_pem).fingerprint(hashes.SHA256()).hex()
    except ValueError as why:
        raise IdentityError("not a certificate in PEM") from why
    return "-".join(digest[n : n + 4] for n in range(0, 32, 4))


def is_pin(pin: str, root_pem: bytes) -> bool:
    """Whether a pin as a person typed it belongs to this root certificate. Raises IdentityError."""
    plain = "".join(letter for letter in pin.lower() if letter not in " -:")
    return secrets.compare_digest(plain.encode(), fingerprint(root_pem).replace("-", "").encode())


def requests_hash(requests: dict[str, str]) -> str:
    """One name for a set of requests: the same keys ask again, other keys do not."""
    digest = hashlib.sha256()
    for service, request in sorted(requests.items()):
        digest.update(f"{service}\0{request}\0".encode())
    return digest.hexdigest()


def prepare(keys: Path, node: str) -> dict[str, str]:
    """Certificate requests (PEM) of a node's services, with their keys on the disk before anything is sent.

    Called again it gives the very same requests, until `settle` or a call for another node. Nothing that is in
    use changes. Raises ContractError for a name no node may have, OSError, IdentityError.
    """
    services = [Identity(node, service) for service in NODE_SERVICES]
    if node == HUB:
        raise IdentityError("the hub does not enrol with itself")
    place = keys / NEXT
    if _text(place / _MARK) != node:
        forget(keys)
        keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_public(place / _MARK, node.encode())
    found = {}
    for who in services:
        request = place / f".{who.service}.csr"
        if not request.exists():  # written after its key: where it is, the key is
            key = new_key()
            write_secret(place / f"{who.service}.key", private_pem(key))
            write_public(request, make_request(key, who).encode())
        found[who.service] = request.read_text(encoding="ascii")
    return found


def forget(keys: Path) -> None:
    """Drop keys that wait for certificates: they will never get any. Raises OSError."""
    place = keys / NEXT
    if place.exists():
        for file in place.iterdir():
            file.unlink(missing_ok=True)
        place.rmdir()


def settle(keys: Path, folder: Path, welcome: Welcome, pin: str, data: str = DATA) -> None:
    """Install what the hub answered: keys and certificates in `keys`, `langso.toml` in `folder`, in one step.

    data: the data folder, unless settings that are there name another.
    Raises IdentityError when a certificate does not fit its key, its name or the root that `pin` names, or when
    the settings that are there cannot be read; then nothing has changed. OSError when the disk does not take it.
    """
    _check(keys, welcome, pin)
    place = keys / NEXT
    for service, chain in welcome.certificates.items():
        write_public(place / f"{service}.pem", chain.encode())
    write_public(place / "ca.pem", welcome.ca.encode())
    write_public(place / "root.pub", welcome.root.encode())
    write_public(place / "hub-seal.pub", welcome.hub_seal.encode())
    text = _settings(keys, folder, welcome, data)
    if text is not None:
        write_atomically(folder / SETTINGS_FILE, text.encode(), mode=0o640)
    swap_in(place)


def _check(keys: Path, welcome: Welcome, pin: str) -> None:
    root_pem = welcome.ca.encode()
    if not is_pin(pin, root_pem):
        raise IdentityError("the answer comes from another commune than the pin says")
    root = x509.load_pem_x509_certificate(root_pem).public_key()
    if _public(welcome.root) != root:
        raise IdentityError("the answer's root key is not that of its root certificate")
    if _text(keys / NEXT / _MARK) != welcome.node or not welcome.certificates:
        raise IdentityError("the answer is for another node")
    for service, chain in welcome.certificates.items():
        who = Identity(welcome.node, service)
        check_chain(chain, load_private(keys / NEXT / f"{service}.key"), who, root_pem)


def _public(pem: str) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        return load_pem_public_key(pem.encode())
    except ValueError as why:
        raise IdentityError("the answer's root key cannot be read") from why


def _settings(keys: Path, folder: Path, welcome: Welcome, data: str) -> str | None:
    """The settings file with the commune's facts in it; None when it says so already. What people added stays."""
    file = folder / SETTINGS_FILE
    try:
        before: dict[str, dict[str, Any]] = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        before = {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as why:
        raise IdentityError(f"{file}: not valid TOML: {why}") from why
    here = keys.resolve()
    home = folder.resolve()
    tables: dict[str, dict[str, Any]] = {
        "machine": {"data": data, **before.get("machine", {}), "role": "node", "name": welcome.node},
        "place": {
            "province": welcome.province,
            "commune": welcome.commune,
            "commune_name": welcome.commune_name,
            "village": welcome.village,
            "village_name": welcome.village_name,
        },
        "broker": {
            **before.get("broker", {}),
            "host": welcome.broker_host,
            "port": welcome.broker_port,
            "tls": welcome.broker_tls,
        },
        "keys": {"dir": str(here.relative_to(home) if here.is_relative_to(home) else here)},
        "device_port": {"url": welcome.device_url},
    }
    after = before | tables
    return None if after == before else toml_text(after, _HEAD)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""

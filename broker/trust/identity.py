"""Who is who in a commune: the root key, what the hub holds, and the files they live in.

A commune's folder is the administrator's and can be taken offline: `root.key` (locked with a passphrase; signs the
trust list and issuing certificates, nothing else), `root.pub`, `root.pem`. The hub's folder holds all else: the
issuing key with which it lets nodes in and renews (`issuing.key`, `issuing.pem`), `ca.pem` (the root's certificate,
everybody's anchor), `crl.pem`, its signing and sealing keys, and a certificate for each of its services and
listeners. A node's folder is made by the node itself (broker/trust/enrolment.py). Private files are 0600 and written
atomically.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from broker.contract import HUB, HUB_KEEPERS, HUB_SERVICES, Place
from broker.trust.certificates import (
    CLIENT,
    SERVER,
    Issuer,
    certify,
    common_name,
    make_crl,
    make_issuing,
    make_root,
)
from broker.trust.envelope import PrivateKey
from broker.trust.keyfile import lock, unlock
from broker.trust.keys import (
    IdentityError,
    key_id,
    load_private,
    new_key,
    private_pem,
    public_pem,
    read_file,
    write_public,
    write_secret,
)
from broker.trust.swap import swap_in

HUB_OWN: Final = (*HUB_SERVICES, *HUB_KEEPERS)
"""Whoever of the hub comes to the broker: its services, the keeper of the rights, and one without any right."""
LISTENERS: Final = ("device", "broker")

_ROOT_NAME: Final = "Lang So "


@dataclass(frozen=True)
class Commune:
    """A commune's folder with its root key unlocked; keep it no longer than the signing takes."""

    folder: Path
    place: str
    """`province/commune` codes, as in every envelope."""
    root: PrivateKey


def create_commune(folder: Path, passphrase: str, commune: Place, now: datetime | None = None) -> Commune:
    """Make the root key of a commune and its certificate.

    Raises IdentityError when the folder has a root key already or the passphrase is too short.
    """
    if (folder / "root.key").exists():
        raise IdentityError(f"{folder / 'root.key'}: this commune has a root key already")
    if len(passphrase) < 8:
        raise IdentityError("the passphrase of the root key needs at least 8 characters")
    place = f"{commune.province}/{commune.commune}"
    root = new_key()
    write_public(folder / "root.pub", public_pem(root).encode())
    write_public(folder / "root.pem", make_root(root, _ROOT_NAME + place, now or datetime.now(UTC)))
    write_secret(folder / "root.key", lock(root, "root", passphrase).encode())
    return Commune(folder, place, root)


def open_commune(folder: Path, passphrase: str) -> Commune:
    """Unlock a commune's root key. Raises IdentityError for a missing file or a wrong passphrase."""
    path = folder / "root.key"
    try:
        _, key = unlock(read_file(path), passphrase)
    except IdentityError as why:
        raise IdentityError(f"{path}: {why}") from why
    return Commune(folder, common_name(read_file(folder / "root.pem")).removeprefix(_ROOT_NAME), key)


def create_hub(commune: Commune, hosts: Sequence[str], out: Path, now: datetime | None = None) -> None:
    """Make everything the hub holds in `out`.

    hosts: names and addresses under which nodes reach it.
    Raises IdentityError when there is an issuing key already, or no host.
    """
    if (out / "issuing.key").exists():
        raise IdentityError(f"{out / 'issuing.key'}: this hub has its keys already")
    now = now or datetime.now(UTC)
    seal = X25519PrivateKey.generate()
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    write_public(out / "ca.pem", read_file(commune.folder / "root.pem"))
    write_public(out / "root.pub", read_file(commune.folder / "root.pub"))
    write_secret(out / "hub-sign.key", private_pem(new_key()))
    write_secret(out / "hub-seal.key", private_pem(seal))
    write_public(out / "hub-seal.pub", seal.public_key().public_bytes(serialization.Encoding.PEM, spki))
    issuing = new_key()
    write_public(out / "issuing.pem", make_issuing(commune.root, read_file(out / "ca.pem"), issuing, now))
    write_secret(out / "issuing.key", private_pem(issuing))
    issuer = Issuer(out)
    write_public(out / "crl.pem", make_crl(issuer, [], now))
    for service in HUB_OWN:
        issue_own(issuer, service, out, now)
    for name in LISTENERS:
        issue_server(issuer, hosts, out, name, now)


def renew_issuing(
    commune: Commune, keys: Path, revoked: Sequence[tuple[str, datetime]], now: datetime | None = None
) -> None:
    """Give the hub a new issuing key in one step; those before stay for their revocation lists.

    revoked: as for `make_crl`. Nothing changes for whoever holds a certificate. Raises IdentityError, OSError.
    """
    now = now or datetime.now(UTC)
    place = keys / "next-issuing"
    number = len(Issuer(keys).older) + 1
    older = {f"issuing-{n}": f"issuing-{n}" for n in range(1, number)} | {f"issuing-{number}": "issuing"}
    for name, source in older.items():
        write_secret(place / f"{name}.key", read_file(keys / f"{source}.key"))
        write_public(place / f"{name}.pem", read_file(keys / f"{source}.pem"))
    key = new_key()
    write_secret(place / "issuing.key", private_pem(key))
    root_pem = read_file(commune.folder / "root.pem")
    write_public(place / "issuing.pem", make_issuing(commune.root, root_pem, key, now))
    write_public(place / "crl.pem", make_crl(Issuer(place), revoked, now))
    swap_in(place)


def issue_own(issuer: Issuer, service: str, out: Path, now: datetime) -> None:
    """Key and certificate of one of the hub's own, `<service>.key .pem` in `out`. Raises OSError."""
    if service not in HUB_OWN:
        raise IdentityError(f"{service!r} is none of the hub's own: {', '.join(HUB_OWN)}")
    key = new_key()
    write_secret(out / f"{service}.key", private_pem(key))
    write_public(out / f"{service}.pem", certify(issuer, key, f"{HUB}.{service}", CLIENT, now).encode())


def issue_server(issuer: Issuer, hosts: Sequence[str], out: Path, name: str, now: datetime) -> None:
    """Key and server certificate of a listener as `<name>.key .pem` in `out`: `device` (device port), `broker`.

    hosts: names and addresses under which clients reach it. Raises IdentityError when there are none.
    """
    if not hosts:
        raise IdentityError("a server certificate needs at least one host name or address")
    key = new_key()
    chain = certify(issuer, key, f"{name} {hosts[0]}"[:64], SERVER, now, hosts)
    write_secret(out / f"{name}.key", private_pem(key))
    write_public(out / f"{name}.pem", chain.encode())


def load_root(keys: Path) -> str:
    """The commune's root public key, PEM. Raises IdentityError."""
    return read_file(keys / "root.pub").decode("ascii", "replace")


def load_hub_seal(keys: Path) -> bytes:
    """The key to which citizens' words are sealed, PEM. Raises IdentityError."""
    return read_file(keys / "hub-seal.pub")


def load_hub_signer(keys: Path) -> tuple[str, PrivateKey]:
    """Key id and private key with which the hub signs plans. Raises IdentityError."""
    key = load_private(keys / "hub-sign.key")
    return key_id(public_pem(key)), key

"""Who is who in a commune: root key, device CA, one key and certificate per service, and the files they live in.

A commune's folder is the administrator's and can be taken offline:
`root.key` (locked with a passphrase; signs the trust list and nothing else), `root.pub`, `ca.key` and `ca.pem`
(the device CA, signs certificates and nothing else), `hub-sign.key`, `hub-seal.key`, `hub-seal.pub`, `trust.json`.
Nodes and hub get a folder of keys of their own from `issue_node` and `issue_hub`. Private files are 0600 and
written atomically; names are checked by the contract's Identity before anything is issued.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from broker.contract import HUB, HUB_SERVICES, NODE_SERVICES, Identity, Place
from broker.contract.hub import Signed
from broker.trust.certificates import CLIENT, SERVER, certify, make_ca
from broker.trust.envelope import ROOT_KEY_ID, PrivateKey, TrustBody, TrustedKey, canonical, open_trust, sign
from broker.trust.keyfile import lock, unlock
from broker.trust.keys import (
    IdentityError,
    key_id,
    load_private,
    new_key,
    new_password,
    private_pem,
    public_pem,
    read_file,
    write_public,
    write_secret,
)

HUB_KEY_DAYS: Final = 3650


@dataclass(frozen=True)
class Commune:
    """A commune's folder with its root key unlocked; keep it no longer than the signing takes."""

    folder: Path
    place: str
    """`province/commune` codes, as in every envelope."""
    root: PrivateKey


def create_commune(
    folder: Path, passphrase: str, commune: Place, holder: str = "", now: datetime | None = None
) -> Commune:
    """Make all keys of a commune and its first trust list, which believes the hub's signing key alone.

    holder: the commune's name as people read it. Raises IdentityError when the folder has a root key already.
    """
    if (folder / "root.key").exists():
        raise IdentityError(f"{folder / 'root.key'}: this commune has a root key already")
    if len(passphrase) < 8:
        raise IdentityError("the passphrase of the root key needs at least 8 characters")
    now = now or datetime.now(UTC)
    place = f"{commune.province}/{commune.commune}"
    root, ca, signer = new_key(), new_key(), new_key()
    seal = X25519PrivateKey.generate()
    write_secret(folder / "ca.key", private_pem(ca))
    write_public(folder / "ca.pem", make_ca(ca, f"Lang So {place}", now))
    write_secret(folder / "hub-sign.key", private_pem(signer))
    write_secret(folder / "hub-seal.key", private_pem(seal))
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    write_public(folder / "hub-seal.pub", seal.public_key().public_bytes(serialization.Encoding.PEM, spki))
    write_public(folder / "root.pub", public_pem(root).encode())
    made = Commune(folder, place, root)
    hub = TrustedKey(
        key=key_id(public_pem(signer)),
        public=public_pem(signer),
        holder=holder or f"hub {place}",
        roles=["hub"],
        since=now,
        until=now + timedelta(days=HUB_KEY_DAYS),
    )
    sign_trust(made, TrustBody(generation=1, commune=place, keys=[hub]))
    write_secret(folder / "root.key", lock(root, "root", passphrase).encode())
    return made


def open_commune(folder: Path, passphrase: str) -> Commune:
    """Unlock a commune's root key. Raises IdentityError for a missing file or a wrong passphrase."""
    path = folder / "root.key"
    try:
        _, key = unlock(read_file(path), passphrase)
    except IdentityError as why:
        raise IdentityError(f"{path}: {why}") from why
    return Commune(folder, load_trust(folder).commune, key)


def sign_trust(commune: Commune, trust: TrustBody) -> Signed:
    """Sign a trust list with the root key and put it in the commune's folder as `trust.json`."""
    body = canonical(trust)
    signed = Signed(body=body, signatures=[sign(body, "trust", ROOT_KEY_ID, commune.root)])
    write_public(commune.folder / "trust.json", msgspec.json.encode(signed))
    return signed


def issue_service(folder: Path, who: Identity, out: Path, now: datetime | None = None) -> str:
    """Key, client certificate and MQTT password of one service, as `<service>.key .pem .password` in `out`.

    The certificate's common name is the identity, `thon-01.speaker`. Returns the password.
    """
    key = new_key()
    certificate = certify(folder, key, str(who), CLIENT, now or datetime.now(UTC))
    password = new_password()
    write_secret(out / f"{who.service}.key", private_pem(key))
    write_public(out / f"{who.service}.pem", certificate)
    write_secret(out / f"{who.service}.password", password.encode())
    return password


def issue_server(
    folder: Path, hosts: Sequence[str], out: Path, name: str, now: datetime | None = None
) -> None:
    """Key and server certificate of a listener as `<name>.key .pem` in `out`: `device` (device port), `broker`.

    hosts: names and addresses under which clients reach it. Raises IdentityError when there are none.
    """
    if not hosts:
        raise IdentityError("a server certificate needs at least one host name or address")
    key = new_key()
    certificate = certify(folder, key, f"{name} {hosts[0]}"[:64], SERVER, now or datetime.now(UTC), hosts)
    write_secret(out / f"{name}.key", private_pem(key))
    write_public(out / f"{name}.pem", certificate)


def issue_node(folder: Path, node: str, out: Path, now: datetime | None = None) -> dict[str, str]:
    """All keys of a node's services in `out`. Returns MQTT passwords by identity.

    Raises ContractError for a name that is not allowed, IdentityError when the commune's files are missing.
    """
    if node == HUB:
        raise IdentityError("the hub's keys are issued with issue_hub")
    who = [Identity(node, service) for service in NODE_SERVICES]
    for name in ("root.pub", "ca.pem", "hub-seal.pub"):
        write_public(out / name, read_file(folder / name))
    return {str(one): issue_service(folder, one, out, now=now) for one in who}


def issue_hub(folder: Path, hosts: Sequence[str], out: Path, now: datetime | None = None) -> dict[str, str]:
    """All keys of the hub's services and of its device port in `out`. Returns MQTT passwords by identity.

    hosts: names and addresses under which nodes reach the device port. The root and CA keys never go there.
    """
    for name in ("root.pub", "ca.pem", "hub-seal.pub", "trust.json"):
        write_public(out / name, read_file(folder / name))
    for name in ("hub-sign.key", "hub-seal.key"):
        write_secret(out / name, read_file(folder / name))
    issue_server(folder, hosts, out, "device", now)
    return {
        f"{HUB}.{service}": issue_service(folder, Identity(HUB, service), out, now=now)
        for service in HUB_SERVICES
    }


def publish_trust(folder: Path, hub_keys: Path) -> None:
    """Bring the commune's newest trust list to the hub, which sends it to every node."""
    write_public(hub_keys / "trust.json", read_file(folder / "trust.json"))


def load_trust(keys: Path) -> TrustBody:
    """The trust list in a folder of keys, checked against the root key beside it.

    Raises IdentityError for missing files, Refused when the root key did not sign it.
    """
    return open_trust(load_signed_trust(keys), load_root(keys))


def load_signed_trust(keys: Path) -> Signed:
    """The trust list as it is sent to nodes. Raises IdentityError."""
    try:
        return msgspec.json.decode(read_file(keys / "trust.json"), type=Signed)
    except msgspec.DecodeError as why:
        raise IdentityError(f"{keys / 'trust.json'}: {why}") from why


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

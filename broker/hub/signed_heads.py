"""Heads of the audit log that this hub itself signed: what it wrote down beside the database, and whose word counts.

Whoever owns the database has not owned the file, and has not the hub's signing key. So a look through the log is
compared with the file, and of what nodes report only those heads count that carry this hub's signature.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract.hub import Signature, Signed
from broker.hub.records import Plan, TrustList
from broker.trust.audit import START, Head
from broker.trust.envelope import ROOT_KEY_ID, AuditBody, Refused, open_trust, verify
from broker.trust.files import write_atomically
from broker.trust.identity import load_hub_signer, load_root
from broker.trust.keys import IdentityError, public_pem

log = logging.getLogger(__name__)

PLACE_OF_PLAN = ("*", "audit")
"""Key of the row of `plan` that holds the head signed last."""
_LONGEST = 2_000
"""Characters of a signed head."""


class House(Protocol):
    """Where this hub keeps its keys and its data: Settings."""

    @property
    def keys_dir(self) -> Path:
        """The hub's folder of keys; `root.pub` and `hub-sign.key` are read."""
        ...

    @property
    def data_dir(self) -> Path:
        """The hub's data folder; `audit-head.json` is read."""
        ...


class SignedHead:
    """The head that was signed last, in a file of its own: who owns the database has not owned this file."""

    def __init__(self, data: Path) -> None:
        """data: the hub's data folder."""
        self._file = data / "audit-head.json"

    def read(self) -> Head:
        """START before the first. A damaged file counts as none."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Head)
        except FileNotFoundError:
            return START
        except (OSError, msgspec.DecodeError) as why:
            log.error("%s cannot be read: %s", self._file, why, extra={"event": "audit-head-damaged"})
            return START

    def write(self, head: Head) -> None:
        """Keep a head. Raises OSError."""
        write_atomically(self._file, msgspec.json.encode(head))

    def forget(self) -> None:
        """Begin anew, after a person said that the log is an older one for a good reason. Raises OSError."""
        self._file.unlink(missing_ok=True)


class HubKeys:
    """Public halves of the keys with which this hub signs or ever signed, as its root key vouched for them."""

    def __init__(self, db: Session, house: House) -> None:
        """The key in the hub's folder counts too: the owner of the database can delete every trust list."""
        self._public: dict[tuple[str, str], None] = {}
        try:
            name, private = load_hub_signer(house.keys_dir)
            self._public[name, public_pem(private)] = None
        except IdentityError:
            log.debug("hub-sign.key cannot be read here; trust lists say which key it is")
        try:
            root = load_root(house.keys_dir)
        except IdentityError:
            return
        for row in db.scalars(select(TrustList)):
            try:
                trust = open_trust(
                    Signed(body=row.body, signatures=[Signature(key=ROOT_KEY_ID, value=row.signature)]), root
                )
            except Refused:
                continue
            self._public |= {(one.key, one.public): None for one in trust.keys if "hub" in one.roles}

    def head_of(self, signed: Signed | None) -> Head:
        """The head that this hub signed with these words; START for anything else."""
        if signed is None or len(signed.body) > _LONGEST:
            return START
        if not any(
            one.key == name and verify(signed.body, "audit", one, public)
            for one in signed.signatures[:4]
            for name, public in self._public
        ):
            return START
        try:
            body = msgspec.json.decode(signed.body, type=AuditBody)
        except msgspec.DecodeError:
            return START
        return Head(body.generation, body.hash)


def head_of_plan(db: Session, keys: HubKeys) -> tuple[Head, bool]:
    """The head that goes out to the nodes, and whether its row holds what this hub signed. START, True before it."""
    plan = db.get(Plan, PLACE_OF_PLAN)
    if plan is None:
        return START, True
    head = keys.head_of(signed_of(plan))
    return head, head != START and head == Head(plan.generation, plan.fingerprint)


def signed_of(plan: Plan) -> Signed | None:
    """What a row of `plan` says was signed; None for what is no signed text."""
    return read_signed({"body": plan.body, "signatures": plan.signatures})


def read_signed(value: object) -> Signed | None:
    """A signed text as a row keeps it; None for anything else."""
    try:
        return msgspec.convert(value, Signed)
    except msgspec.ValidationError:
        return None

"""Nodes that are enrolled at once, for tests of something else: the keys and certificates that enrolling gives."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from broker.contract import Identity
from broker.trust.certificates import Issuer, certify_request, life_of
from broker.trust.enrolment import NEXT, prepare
from broker.trust.keys import read_file, write_public
from broker.trust.swap import swap_in


def enrol_keys(hub_keys: Path, node: str, out: Path, now: datetime | None = None) -> dict[str, str]:
    """Keys of a node's services in `out`, certified by the hub whose keys are given. Serials by service."""
    issuer = Issuer(hub_keys)
    for service, request in prepare(out, node).items():
        chain, _, _ = certify_request(issuer, request, Identity(node, service), now or datetime.now(UTC))
        write_public(out / NEXT / f"{service}.pem", chain.encode())
    for name in ("ca.pem", "root.pub", "hub-seal.pub"):
        write_public(out / NEXT / name, read_file(hub_keys / name))
    swap_in(out / NEXT)
    return {file.stem: life_of(file.read_bytes())[0] for file in out.glob("*.pem") if file.stem != "ca"}

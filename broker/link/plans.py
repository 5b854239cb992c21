"""Plans as a node keeps them: believed by signature, never an older generation, on the disk for the next start."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from broker.contract.hub import Signed, TrustPlan
from broker.trust.envelope import Domain, Refused, TrustBody, open_signed, open_trust
from broker.trust.files import write_atomically

log = logging.getLogger(__name__)

Body = TypeVar("Body", bound=msgspec.Struct)


class KeptTrust:
    """The commune's trust list on this node."""

    def __init__(self, file: Path, root_public: str, commune: str) -> None:
        """file: where the list is kept. root_public: the commune's root key, SPKI PEM.
        commune: its codes, `37/14000`."""
        self._file = file
        self._root = root_public
        self._commune = commune
        self.body: TrustBody | None = None
        kept = find_signed(file)
        if kept is not None:
            try:
                self.body = self._open(kept)
            except Refused as why:
                log.error("kept trust list refused: %s", why, extra={"event": "trust-refused"})

    @property
    def generation(self) -> int:
        """Generation believed now; 0 before the first."""
        return self.body.generation if self.body else 0

    def take(self, plan: TrustPlan) -> bool:
        """Believe a newer list. False for what is not newer. Raises Refused, OSError."""
        body = self._open(plan.signed)
        if body.generation <= self.generation:
            return False
        keep_signed(self._file, plan.signed)
        self.body = body
        return True

    def _open(self, signed: Signed) -> TrustBody:
        body = open_trust(signed, self._root)
        if body.commune != self._commune:
            raise Refused("wrong-commune", f"for {body.commune}, here is {self._commune}")
        return body


class KeptPlan(Generic[Body]):
    """One plan signed by the hub. `body` is None until the first that could be believed."""

    def __init__(self, file: Path, domain: Domain, type: type[Body], trust: KeptTrust, now: datetime) -> None:
        """file: where it is kept. domain, type: what kind of plan. trust: whose keys count."""
        self._file, self._domain, self._type, self._trust = file, domain, type, trust
        self.body: Body | None = None
        self.signed: Signed | None = None
        """What `body` was read from."""
        kept = find_signed(file)
        if kept is not None and trust.body is not None:
            try:
                self.body, self.signed = self._open(kept, now), kept
            except Refused as why:
                log.error("kept plan refused: %s", why, extra={"event": "plan-refused", "reason": why.code})

    @property
    def generation(self) -> int:
        """Generation followed now; 0 before the first."""
        return int(getattr(self.body, "generation", 0))

    def take(self, signed: Signed, now: datetime) -> Body | None:
        """Follow a newer plan and return it; None for what is not newer. Raises Refused, OSError."""
        body = self._open(signed, now)
        if int(getattr(body, "generation", 0)) <= self.generation:
            return None
        keep_signed(self._file, signed)
        self.body, self.signed = body, signed
        return body

    def _open(self, signed: Signed, now: datetime) -> Body:
        if self._trust.body is None:
            raise Refused("unknown-key", "no trust list yet")
        return open_signed(signed, self._domain, self._trust.body, "hub", now, self._type)


def keep_signed(file: Path, signed: Signed) -> None:
    """Put a signed thing on the disk, whole. Raises OSError when the disk does not take it."""
    write_atomically(file, msgspec.json.encode(signed))


def find_signed(file: Path) -> Signed | None:
    """What was kept last; None when there is none or the file is damaged. The reader checks it again."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Signed)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as why:
        log.error("%s cannot be read: %s", file, why, extra={"event": "plan-damaged"})
        return None

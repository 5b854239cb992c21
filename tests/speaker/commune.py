"""A commune with real keys: a root, a hub, an approver, an emergency signer and a stranger."""

from __future__ import annotations

from pathlib import Path

from broker.contract import Place
from broker.trust.approvers import sign_list
from broker.trust.envelope import Role, TrustBody, TrustedKey, canonical
from broker.trust.identity import create_commune, create_hub, load_hub_signer
from broker.trust.keys import new_key, public_pem
from tests.speaker.signers import DAY, MORNING, Signers


def make_signers(folder: Path) -> Signers:
    """Everybody who signs, with the trust list that names them; slow keys are made once."""
    commune = create_commune(folder, "ba con gà trống", Place("00", "00000"), now=MORNING - 30 * DAY)
    create_hub(commune, ["127.0.0.1"], folder / "hub")
    hub, hub_key = load_hub_signer(folder / "hub")
    keys = {"binh": new_key(), "cuong": new_key(), "dung": new_key(), "stranger": new_key(), "hub": hub_key}

    def trusted(name: str, role: Role) -> TrustedKey:
        return TrustedKey(
            key=hub if name == "hub" else name,
            public=public_pem(keys[name]),
            holder=name,
            roles=[role],
            since=MORNING - 10 * DAY,
            until=MORNING + 365 * DAY,
        )

    believed = [trusted("hub", "hub"), trusted("binh", "approver"), trusted("cuong", "emergency")]
    believed.append(trusted("dung", "emergency"))
    trust = TrustBody(generation=2, commune=commune.place, keys=believed)
    return Signers(commune, keys, trust, sign_list(canonical(trust), commune.root), hub)

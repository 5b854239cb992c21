"""A commune with real keys for the tests of the loudspeaker."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from broker.contract import Place
from broker.trust.envelope import Role, TrustedKey
from broker.trust.identity import create_commune, load_hub_signer, load_trust, sign_trust
from broker.trust.keys import new_key, public_pem
from tests.speaker.signers import DAY, MORNING, Signers


@pytest.fixture(scope="session")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Signers:
    folder: Path = tmp_path_factory.mktemp("commune")
    commune = create_commune(folder, "ba con gà trống", Place("00", "00000"), now=MORNING - 30 * DAY)
    hub, hub_key = load_hub_signer(folder)
    keys = {"binh": new_key(), "cuong": new_key(), "stranger": new_key(), "hub": hub_key}
    first = load_trust(folder)

    def trusted(name: str, role: Role) -> TrustedKey:
        return TrustedKey(
            key=name,
            public=public_pem(keys[name]),
            holder=name,
            roles=[role],
            since=MORNING - 10 * DAY,
            until=MORNING + 365 * DAY,
        )

    more = [trusted("binh", "approver"), trusted("cuong", "emergency")]
    trust = msgspec.structs.replace(first, generation=2, keys=[*first.keys, *more])
    return Signers(commune, keys, trust, sign_trust(commune, trust), hub)

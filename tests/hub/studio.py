"""The announce service in a test: its sender on a real database, with a session that remembers."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from broker.contract import Identity
from broker.hub.announcing import plans
from broker.hub.announcing.plans import Signer
from broker.hub.announcing.render import media_store
from broker.hub.announcing.send import Sender
from broker.hub.records import NodeRecord
from broker.trust.envelope import (
    PlaysBody,
    open_signed,
)
from broker.trust.identity import load_hub_signer
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession
from tests.hub.town import NOW, Town, hub_settings


class Studio:
    """A sender on a real database with a session that remembers."""

    def __init__(self, town: Town, data: Path) -> None:
        self.town = town
        self.settings = hub_settings(data, town.keys.hub)
        self.clock = FakeClock(NOW)
        self.session: Any = FakeSession(Identity("hub", "announce"), self.settings, self.clock)  # type: ignore[arg-type]
        self.signer = Signer(*load_hub_signer(town.keys.hub))
        self.sender = self.started()

    def started(self) -> Sender:
        return Sender(self.town.database, self.session, self.signer, media_store(self.settings))

    def step(self) -> list[Any]:
        """One look; what was sent as (receiver, message)."""
        self.session.sent.clear()
        self.sender.step()
        return [(str(each.to), each.message) for each in self.session.sent]

    def plays(self, node: str = "thon-01") -> PlaysBody:
        """The newest plan of a node, believed as the node believes it."""
        with self.town.database.session() as db:
            plan, _ = plans.plays_plan(db, self.signer, db.get_one(NodeRecord, node), self.clock.now())
        trust = self.town.keys.trust
        return open_signed(plan.signed, "plays", trust, "hub", self.clock.now(), PlaysBody)


def later(hours: float) -> datetime:
    """So many hours after the town's morning."""
    return NOW + timedelta(hours=hours)

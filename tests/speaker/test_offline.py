"""The service on the real Session with no broker in sight: orders from disk, sound on time, receipts kept."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import msgspec
import pytest

from broker.contract.hub import PlayPlan, TrustPlan
from broker.contract.message import Lane
from broker.contract.speaker import PlayReceipt
from broker.link.clock import BUILT_AT
from broker.link.session import Session
from edge.speaker.service import build
from tests.enrolled import enrol_keys
from tests.fakes.clock import FakeClock
from tests.speaker.house import House
from tests.speaker.office import is_chain
from tests.speaker.signers import MORNING, Signers


def test_a_node_alone_plays_what_it_holds_and_keeps_its_receipts(tmp_path: Path, signers: Signers) -> None:
    house = House(tmp_path, signers)
    settings = msgspec.structs.replace(
        house.settings, broker=msgspec.structs.replace(house.settings.broker, host="127.0.0.1", port=1)
    )
    enrol_keys(signers.commune.folder / "hub", "thon-01", settings.keys_dir)
    (settings.keys_dir / "speaker.password").write_text("none is asked for", encoding="ascii")
    media = house.hub.add(0.2)
    house.store.add(house.hub.files[media.sha256], media.type)
    kept = settings.data_dir / "speaker"
    trust: TrustPlan = signers.trust_plan()
    plan: PlayPlan = signers.plan(signers.announcement(audio=media))
    (kept / "trust.json").write_bytes(msgspec.json.encode(trust.signed))
    (kept / "plan.json").write_bytes(msgspec.json.encode(plan.signed))
    assert MORNING > BUILT_AT
    session = Session(settings, "speaker", FakeClock(MORNING, running=True))
    stop = threading.Event()
    workers = build(settings, session)
    threads = [threading.Thread(target=one.run, args=(stop, lambda: None)) for one in workers]
    try:
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 20
        while session.outbox.held()[Lane.EVENT] < 4 and time.monotonic() < deadline:
            stop.wait(0.05)
    finally:
        stop.set()
        for thread in threads:
            thread.join(5)
    rows = session.outbox.after(Lane.EVENT, 0, 50)
    session.outbox.close()
    told = [msgspec.json.decode(row.body, type=PlayReceipt) for row in rows]
    assert is_chain(told)
    states = [one.state for one in told]
    assert states == ["ready", "armed", "playing", "played"]
    assert len(house.played()) == 1


def test_without_the_root_key_the_service_does_not_start(tmp_path: Path, signers: Signers) -> None:
    house = House(tmp_path, signers)
    (house.settings.keys_dir / "root.pub").unlink()
    with pytest.raises(Exception, match=r"root\.pub"):
        house.start()

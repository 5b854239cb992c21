"""The canary's flight, and how long a revoked node is still heard, beside the least that Mosquitto needs for it.

The node's real keys say something all the time and come back whenever they are thrown out; hub.ingest's place is taken
by a listener, so that the last word is known to the millisecond.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from broker.contract import HUB, Identity, topic_of
from broker.contract.rights import RIGHTS_KEEPER, canary_topics, node_identities
from broker.contract.speaker import PlayReceipt
from broker.hub.keys import canary
from broker.hub.keys.control import controlling, turn
from broker.hub.keys.rights import push
from broker.hub.records import Revocation
from broker.link.bare import Bare, NoWay, way_of
from tests.bench.link.processes import ROOT, figure, median
from tests.trusted_commune import TrustedCommune
from tests.until import until

FLIGHTS, ROUNDS = 7, 5
INGEST = Identity(HUB, "ingest")
PATIENCE_S = 60.0


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Canary on a quiet broker, then revocations carried out by a running announce."""
    commune = TrustedCommune(folder)
    try:
        commune.start()
        push(commune.settings, commune.database, datetime.now(UTC))
        yield from _canary(commune)
        with _announce(commune), Bare(way_of(commune.settings, INGEST)) as ingest:
            ingest.subscribe([f"ls/{commune.place.province}/{commune.place.commune}/+/speaker/event/receipt"])
            yield from _revocations(commune, ingest)
    finally:
        commune.close()


def _canary(commune: TrustedCommune) -> Iterator[dict[str, Any]]:
    settings, own = commune.settings, canary_topics(commune.place).own
    flights, bare = [], []
    for n in range(FLIGHTS):
        flights.append(_timed(lambda: _must(canary.look(settings).verdict == "clear")))
        word = f"baseline {n}".encode()
        bare.append(_timed(partial(_say_and_hear, commune, own, word)))
    name = "one connection that says and hears a word"
    yield figure("canary, clear", median(flights), "s", name, median(flights) / median(bare))
    yield figure("canary, the slowest", max(flights), "s")


def _say_and_hear(commune: TrustedCommune, topic: str, word: bytes) -> None:
    with turn(commune.settings), Bare(way_of(commune.settings, RIGHTS_KEEPER)) as bare:
        bare.subscribe([topic])
        bare.publish(topic, word)
        _must(bare.hears(lambda each: each.payload == word, 5) is not None)


@contextmanager
def _announce(commune: TrustedCommune) -> Iterator[None]:
    """The hub's announce as it runs in a commune; returns when its canary is back."""
    order = [sys.executable, "-m", "deploy.cli", "run", "announce"]
    order += ["--config", str(commune.hub / "langso.toml")]
    log = commune.folder / "announce.log"
    with log.open("ab") as out:
        process = subprocess.Popen(order, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=ROOT)
    try:
        until(lambda: b"canary-clear" in log.read_bytes(), PATIENCE_S, lambda: log.read_text()[-2000:])
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def _revocations(commune: TrustedCommune, ingest: Bare) -> Iterator[dict[str, Any]]:
    last, whole, least = [], [], []
    for n in range(1, ROUNDS + 1):
        with _speaking(commune, f"xa-{n:02d}", ingest) as heard_until:
            asked_s = time.monotonic()
            revocation = commune.revoke(f"xa-{n:02d}")
            until(partial(_is_done, commune, revocation), PATIENCE_S)
            whole.append(time.monotonic() - asked_s)
            last.append(heard_until() - asked_s)
        with _speaking(commune, f"gan-{n:02d}", ingest) as heard_until:
            asked_s = time.monotonic()
            with controlling(commune.settings) as control:
                gone = [str(who) for who in node_identities(f"gan-{n:02d}")]
                control.ask(*({"command": "deleteClient", "username": name} for name in gone))
            threading.Event().wait(0.5)
            least.append(heard_until() - asked_s)
    name = "deleteClient by hand, no list, no proof"
    yield figure(
        "revocation to last message", median(last), "s", name, median(last) / max(median(least), 1e-3)
    )
    yield figure("revocation to last message, the slowest", max(last), "s", "5 s allowed", max(last) / 5)
    yield figure("deleteClient to last message", median(least), "s")
    yield figure("revocation until proved", median(whole), "s", "5 s allowed", median(whole) / 5)
    yield figure("revocation until proved, the slowest", max(whole), "s", "5 s allowed", max(whole) / 5)


@contextmanager
def _speaking(commune: TrustedCommune, node: str, ingest: Bare) -> Iterator[Callable[[], float]]:
    """A node that has rights and speaks without pause; gives when its last word that was heard was said."""
    who = Identity(node, "speaker")
    commune.enrol(node)
    topic = topic_of(commune.place, who, PlayReceipt)
    stop = threading.Event()
    thread = threading.Thread(target=_speak, args=(commune, who, topic, stop))

    def words() -> list[float]:
        return [float(each.payload) for each in list(ingest.heard) if each.topic == topic]

    thread.start()
    try:
        until(lambda: len(words()) > 20, PATIENCE_S, commune.log)
        yield lambda: max(words())
    finally:
        stop.set()
        thread.join(30)


def _speak(commune: TrustedCommune, who: Identity, topic: str, stop: threading.Event) -> None:
    while not stop.is_set():
        with suppress(NoWay), commune.come(who) as bare:
            while bare.is_up and not stop.is_set():
                bare.publish(topic, f"{time.monotonic():.6f}".encode(), timeout_s=0.5)
        stop.wait(0.02)


def _is_done(commune: TrustedCommune, revocation: int) -> bool:
    with commune.database.reading() as db:
        return db.get_one(Revocation, revocation).probed_at is not None


def _timed(act: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    act()
    return time.perf_counter() - began_s


def _must(is_so: bool) -> None:
    if not is_so:
        raise RuntimeError("the bench's own commune does not work")

"""Cuts a revoked node off at the broker, for good, and proves it: rights gone, list loaded, connections ended, probed.

Each step can be done again at any time and in any order; what was done stands in the Revocation row, so that a hub
that dies in the middle goes on where it was. No step is believed by itself (measured on Mosquitto 2.0.11): without
rights a certificate still connects; the list leaves a session that is up alone; an ended session comes back. So the
last step looks at all of it again: a throw-away certificate on the same list must be turned away, and one in the
node's own name that is on no list takes the place of whatever session is left and can neither say nor hear.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta

from sqlalchemy import select

from broker.contract.rights import RIGHTS_KEEPER, canary_topics, node_identities, rights_of
from broker.hub.keys import crl
from broker.hub.keys.control import Silent, controlling
from broker.hub.keys.issuing import Issuer
from broker.hub.keys.rights import push
from broker.hub.records import Certificate, Database, Revocation, note_change, write_audit
from broker.link.bare import Bare, NoWay, Way, way_with
from broker.link.clock import Clock
from broker.link.config import Settings
from broker.trust.certificates import probe_certificate
from broker.trust.keys import IdentityError

log = logging.getLogger(__name__)

LOADED_S = 3.0
"""For the broker to read the list after it was told."""
HOLD_S = 0.4
"""How long the node's places are held: whoever still could come in would have taken them back by then. A service
that lost its connection comes back after a second, so this is no proof by itself; the list is."""
HEAR_S = 0.3

STEPS = ("rights_gone_at", "crl_loaded_at", "cut_off_at", "probed_at")


class Unfinished(Exception):
    """A step did not come about; the text says which and why. It will be tried again."""


class Revoker:
    """Carries revocations out, step by step."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock

    @property
    def _issuer(self) -> Issuer:
        """Read anew each time: the commune may have given the hub another issuing key meanwhile."""
        return Issuer(self._settings.keys_dir)

    def pending(self) -> list[int]:
        """Ids of revocations that are not done, oldest first."""
        query = select(Revocation.id).where(Revocation.probed_at.is_(None)).order_by(Revocation.id)
        with self._database.reading() as db:
            return list(db.scalars(query))

    def carry_out(self, revocation: int, steps: Sequence[str] = STEPS) -> bool:
        """Do what is not done of one revocation. False when a step failed: it stands in the row as trouble.

        A step that fails keeps the next from nothing: whoever can hinder one of them must not hinder all.
        """
        node, done = self._read(revocation)
        failed: list[str] = []
        for step in steps:
            if step in done or (step == "probed_at" and failed):
                continue
            try:
                self._step(step, node)
            except (Unfinished, NoWay, Silent, IdentityError, crl.NotTold) as why:
                log.warning("revoking %s: %s: %s", node, step, why, extra={"event": "revocation-waits"})
                failed.append(str(why))
                self._write(revocation, {}, "; ".join(failed)[:300])
            else:
                self._write(revocation, {step: self._clock.now()}, "; ".join(failed)[:300])
        return not failed

    def _step(self, step: str, node: str) -> None:
        {
            "rights_gone_at": self.take_rights,
            "crl_loaded_at": self.load_list,
            "cut_off_at": self.cut_off,
            "probed_at": self.probe,
        }[step](node)

    # -- the steps

    def take_rights(self, node: str) -> None:
        """No identity of the node has any right at the broker; a session that is up is ended. Raises as `push`."""
        push(self._settings, self._database, self._clock.now())
        with controlling(self._settings) as control:
            asked = [{"command": "getClient", "username": str(who)} for who in node_identities(node)]
            if not all("error" in answer for answer in control.ask(*asked)):
                raise Unfinished(f"the broker still knows {node}")

    def load_list(self, node: str) -> None:
        """The broker has read a list with the node's certificates. Raises Unfinished, NotTold.

        Known by a throw-away certificate on the same list, turned away while another one is let in. Where the hub
        has a port of its own, the nodes' port must let the first one in no more either; that nobody gets through
        there at all, because strangers filled it, is no reason to wait.
        """
        now = self._clock.now()
        name = f"revoked-{node}"[:40]
        key, chain, serial = probe_certificate(self._issuer, name, now)
        crl.write(self._database, self._settings.keys_dir, self._issuer, now, [(serial, now)])
        crl.tell_broker(self._settings)
        self._is_turned_away(way_with(self._settings, name, key, chain))
        self._is_anyone_let_in(node)
        with suppress(NoWay):
            self._is_turned_away(way_with(self._settings, name, key, chain, as_nodes=True))

    def _is_turned_away(self, way: Way) -> None:
        deadline_s = self._clock.monotonic() + LOADED_S
        while True:
            try:
                with Bare(way) as bare:
                    bare.stays_up(0.05)
            except NoWay as why:
                if why.is_refusal:
                    return
                raise
            if self._clock.monotonic() > deadline_s:
                raise Unfinished(
                    "the broker was told of the new list and still lets a revoked certificate in"
                )

    def _is_anyone_let_in(self, node: str) -> None:
        """A broker that turns everybody away proves nothing."""
        name = f"probe-{node}"[:40]
        key, chain, _ = probe_certificate(self._issuer, name, self._clock.now())
        with Bare(way_with(self._settings, name, key, chain)):
            return

    def cut_off(self, node: str) -> None:
        """No connection in the node's name is up: throw-away certificates take their places, and then leave."""
        with ExitStack() as stack:
            held = self._hold(stack, node)
            held[0].stays_up(HOLD_S)
            lost = [bare.way.name for bare in held if not bare.is_up]
        if lost and not self._is_enrolled_anew(node):
            raise Unfinished(f"somebody still comes back as {', '.join(lost)}")

    def probe(self, node: str) -> None:
        """The last look, at all steps together, whatever undid one meanwhile. Raises as they do."""
        self.take_rights(node)
        self.load_list(node)
        self.cut_off(node)
        if not self._is_enrolled_anew(node):  # else its name is worth something again, to its new keys
            self.try_name(node)

    def try_name(self, node: str) -> None:
        """Raise Unfinished when the node's name, with a certificate on no list, can say or hear anything."""
        everyone = node_identities(node)
        trial = canary_topics(self._settings.where)
        mark = f"probe {secrets.token_hex(8)}".encode()
        with controlling(self._settings) as control, ExitStack() as stack:
            held = {bare.way.name: bare for bare in self._hold(stack, node)}
            witness = control.connection
            witness.subscribe([*trial.forbidden, trial.own])
            for who in everyone:
                rights = rights_of(who, self._settings.where, everyone)
                bare = held[str(who)]
                granted = bare.subscribe([*rights.hear, trial.own, "#"])
                for topic in (trial.plan, trial.command):
                    bare.publish(topic, mark)
                if any(granted):
                    raise Unfinished(f"{who} may still listen")
            witness.publish(trial.own, mark)
            if witness.hears(lambda each: each.topic == trial.own and each.payload == mark, 3.0) is None:
                raise Unfinished("the probe's own word did not arrive, so nothing is known")
            self._note_leaks(list(held.values()), witness, mark, trial.own)

    def _note_leaks(self, held: Sequence[Bare], witness: Bare, mark: bytes, own: str) -> None:
        heard = [bare.way.name for bare in held if bare.heard]
        said = any(each.payload == mark and each.topic != own for each in witness.heard)
        if heard or said:
            raise Unfinished(f"the node's name is still worth something: heard {heard}, said {said}")

    def _hold(self, stack: ExitStack, node: str) -> list[Bare]:
        now = self._clock.now()
        held = []
        for who in node_identities(node):
            key, chain, _ = probe_certificate(self._issuer, str(who), now)
            held.append(stack.enter_context(Bare(way_with(self._settings, str(who), key, chain))))
        return held

    # -- the records

    def _is_enrolled_anew(self, node: str) -> bool:
        valid = select(Certificate.serial).where(Certificate.node == node, Certificate.revoked_at.is_(None))
        with self._database.reading() as db:
            return db.scalar(valid.limit(1)) is not None

    def _read(self, revocation: int) -> tuple[str, set[str]]:
        with self._database.reading() as db:
            row = db.get_one(Revocation, revocation)
            return row.node, {step for step in STEPS if getattr(row, step) is not None}

    def _write(self, revocation: int, done: dict[str, datetime], trouble: str) -> None:
        now = self._clock.now()
        with self._database.session() as db:
            row = db.get_one(Revocation, revocation)
            for step, at in done.items():
                setattr(row, step, at)
            row.trouble = trouble
            if "probed_at" in done:
                took_s = (done["probed_at"] - row.asked_at) / timedelta(seconds=1)
                detail = {"seconds": f"{took_s:.1f}"}
                write_audit(db, now, str(RIGHTS_KEEPER), "node.cut-off", row.node, detail)
            note_change(db, "node", row.node, now)

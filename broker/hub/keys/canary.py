"""Lets a canary out at the broker: an identity without any right tries what nobody without rights may do.

A broker that lost its list of rights still answers, still connects everyone, and is wide open (Mosquitto 2.1 started
so in the field when its access list moved to a plugin). What is acknowledged proves nothing, so only what arrives
counts, and a trial counts only when what is allowed did arrive: hub.rights is the witness, and the positive control.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session as Db

from broker.contract.rights import CANARY, CONTROL, RESPONSE, RIGHTS_KEEPER, canary_filters, canary_topics
from broker.hub.keys.control import turn
from broker.hub.records import REFUSALS, Database, put_setting, setting
from broker.link.bare import Bare, Heard, NoKeys, NoWay, Way, Will, way_of
from broker.link.clock import Clock
from broker.link.config import Settings

SETTING = "broker.canary"
ASK_AGAIN_S = 1.0
ACKNOWLEDGED_S = 1.0
"""For an answer to what is forbidden; some brokers give none."""
WAIT_S = 3.0
"""For what is allowed to arrive; what is forbidden has had as long by then."""

Verdict = Literal["clear", "open", "unknown", "away"]


@dataclass(frozen=True)
class Finding:
    """What came of one trial.

    clear: all that was forbidden failed, all that is allowed arrived. open: something forbidden arrived. unknown:
    what is allowed did not arrive either, so nothing can be told. away: there is no broker to try.
    """

    verdict: Verdict
    text: str
    """One English sentence for operators."""
    leaks: tuple[str, ...] = ()
    """What arrived though it must not: `publish ls/…`, `hear #`, `will ls/…`."""

    @property
    def sentence(self) -> str:
        """For people, in Vietnamese."""
        return {
            "clear": "Máy chuyển tin giữ đúng quyền của từng máy.",
            "open": "Máy chuyển tin đang để lọt: máy không có quyền vẫn gửi hoặc nghe được tin. Trung tâm xã tạm "
            "ngừng nhận và gửi tin; xin báo ngay cho người quản trị.",
            "unknown": "Chưa kiểm tra được quyền trên máy chuyển tin nên trung tâm xã chưa gửi tin; đang thử lại.",
            "away": "Chưa nối được máy chuyển tin; đang thử lại.",
        }[self.verdict]


def look(settings: Settings, wait_s: float = WAIT_S) -> Finding:
    """Let the canary out once, from this machine, with the hub's own keys. Takes well under a second on a broker
    that keeps rights.
    """
    leaks: list[str] = []
    try:
        with turn(settings):
            ways = way_of(settings, RIGHTS_KEEPER), way_of(settings, CANARY)
            _Trial(settings, *ways, wait_s, leaks).run()
    except NoWay as why:
        is_there = why.is_refusal or isinstance(why, NoKeys)
        failed = Finding("unknown" if is_there else "away", str(why))
    except _NoControl as why:
        failed = Finding("unknown", str(why))
    else:
        failed = Finding("clear", "an identity without rights could neither say nor hear anything")
    if leaks:  # whatever else went wrong
        shown = "; ".join(leaks[:10])
        return Finding("open", f"an identity without rights succeeded: {shown}", tuple(leaks[:10]))
    return failed


class _NoControl(Exception):
    """What is allowed did not arrive; the text says what."""


class _Trial:
    """One flight of the canary. A fresh mark tells this flight's words from all others'."""

    def __init__(
        self, settings: Settings, witness: Way, canary: Way, wait_s: float, leaks: list[str]
    ) -> None:
        """leaks: what leaked is put here, also when the trial does not come to its end."""
        self._topics = canary_topics(settings.where)
        self._filters = canary_filters(settings.where)
        self._witness_way, self._canary_way = witness, canary
        self._wait_s = wait_s
        self._mark = secrets.token_hex(8)
        self._bird = f"canary {self._mark}".encode()
        self._ours = f"witness {self._mark}".encode()
        self._leaks = leaks

    def run(self) -> None:
        """Raises NoWay, _NoControl."""
        witness = Bare(self._witness_way, Will(self._topics.own, self._ours))
        witness.open()
        try:
            self._listen(witness)
            self._control(witness, b"first")
            self._try_to_speak()
            with Bare(self._canary_way) as canary:
                canary.subscribe(self._filters)
                # Said and heard by the witness after all the canary did: by now everything forbidden has arrived.
                self._control(witness, b"second")
                canary.subscribe(self._filters)  # answered after all that was on its way to it
                self._note_heard_by(canary)
            self._note_spoken(witness)
            self._leave_wills()
            witness.cut()
            with Bare(self._witness_way) as again:
                self._look_for_wills(again)
                self._look_for_intruder(again)
        finally:
            witness.close()

    def _listen(self, witness: Bare) -> None:
        wanted = (*self._topics.forbidden, self._topics.own)
        if witness.subscribe(wanted) != [True] * len(wanted):
            raise _NoControl("hub.rights may not listen to the trial: the broker does not know its rights")

    def _control(self, witness: Bare, word: bytes) -> None:
        """The witness says and hears each topic of the trial itself."""
        ours = self._ours + b" " + word
        for topic in (*self._topics.forbidden, self._topics.own):
            # Ingest hears all readings: there the witness stays empty, and nobody stores that.
            body = b"" if topic == self._topics.tele else ours
            already = sum(each.topic == topic and each.payload == body for each in witness.heard)
            witness.publish(topic, body)

            def arrived(each: Heard, topic: str = topic, body: bytes = body, already: int = already) -> bool:
                found = [one for one in witness.heard if one.topic == topic and one.payload == body]
                return each.topic == topic and each.payload == body and len(found) > already

            if witness.hears(arrived, self._wait_s) is None:
                raise _NoControl(f"what is allowed does not arrive: {topic}")

    def _try_to_speak(self) -> None:
        """Each forbidden word, on a connection of its own where the broker hangs up on the one before."""
        grab = {"command": "createClient", "username": f"intruder-{self._mark}", "roles": []}
        words = [(topic, self._bird) for topic in self._topics.forbidden]
        words.append((CONTROL, json.dumps({"commands": [grab]}).encode()))
        canary = Bare(self._canary_way)
        canary.open()
        for topic, body in words:
            if not canary.is_up:
                canary = Bare(self._canary_way)
                canary.open()
            canary.publish(topic, body, timeout_s=ACKNOWLEDGED_S)
        canary.close()

    def _note_heard_by(self, canary: Bare) -> None:
        topics = {"$SYS/#" if each.topic.startswith("$SYS/") else each.topic for each in canary.heard}
        self._leaks += [f"hear {topic}" for topic in sorted(topics)]

    def _note_spoken(self, witness: Bare) -> None:
        for topic in sorted({each.topic for each in witness.heard if each.payload == self._bird}):
            self._leaks.append(f"publish {topic}")

    def _leave_wills(self) -> None:
        grab = {"command": "createClient", "username": f"intruder-{self._mark}", "roles": []}
        for topic, body in (
            (self._topics.plan, self._bird + b" will"),
            (CONTROL, json.dumps({"commands": [grab]}).encode()),
        ):
            canary = Bare(self._canary_way, Will(topic, body))
            try:
                canary.open()
            except NoWay as why:
                if not why.is_refusal:
                    raise
                continue  # a broker may refuse the will together with its owner
            canary.cut()

    def _look_for_wills(self, again: Bare) -> None:
        """Wills are retained: they are there, or they are not; that of the witness must be."""
        self._listen(again)
        own = again.hears(
            lambda each: each.topic == self._topics.own and each.payload == self._ours, self._wait_s
        )
        self._control(again, b"third")
        if any(each.payload == self._bird + b" will" for each in again.heard):
            self._leaks.append(f"will {self._topics.plan}")
            again.publish(self._topics.plan, b"", retain=True)
        again.publish(self._topics.own, b"", retain=True)
        if own is None:
            raise _NoControl("the last will of hub.rights was not said, so nothing is known of others'")

    def _look_for_intruder(self, again: Bare) -> None:
        """Whether the canary's command to the broker itself was carried out; silent where there is no such thing."""
        if again.subscribe([RESPONSE]) != [True]:
            return
        name = f"intruder-{self._mark}"
        again.publish(
            CONTROL, json.dumps({"commands": [{"command": "getClient", "username": name}]}).encode()
        )
        answer = again.hears(lambda each: each.topic == RESPONSE, self._wait_s)
        if answer is not None and b'"error"' not in answer.payload:
            self._leaks.append(f"publish {CONTROL}")
            delete = {"command": "deleteClient", "username": name}
            again.publish(CONTROL, json.dumps({"commands": [delete]}).encode())


def keep(db: Db, finding: Finding, now: datetime) -> None:
    """Write the finding where ingest, web and pages see it."""
    value = {"verdict": finding.verdict, "text": finding.text, "sentence": finding.sentence}
    put_setting(db, SETTING, {**value, "leaks": list(finding.leaks)}, now)


def standing(db: Db) -> tuple[Verdict, str]:
    """The last finding: its verdict and the sentence for people. `away` before the first."""
    kept = setting(db, SETTING, None)
    if not isinstance(kept, dict):
        return "away", ""
    return kept.get("verdict", "unknown"), kept.get("sentence", "")


class Standing:
    """What the canary last found, for a service that must stop while the broker is open; asked once a second."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._found: tuple[Verdict, str] = ("away", "")
        self._due_s = 0.0

    def trouble(self) -> str:
        """The sentence for people while the broker lets through what is forbidden, else empty."""
        now_s = self._clock.monotonic()
        if now_s >= self._due_s:
            self._due_s = now_s + ASK_AGAIN_S
            with suppress(*REFUSALS), self._database.reading() as db:
                self._found = standing(db)
        verdict, sentence = self._found
        return sentence if verdict == "open" else ""

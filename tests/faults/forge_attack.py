"""How forgeries are brought to a node, and how its answers are told apart.

By command, as an entry of a plan that the hub truly signed, as a whole plan, as a trust list, as bytes. A group is
closed by a command without a signature: the node takes orders one by one, so when that is refused, all before it has
been judged.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, cast

from broker.contract.hub import Media, PlayNow, PlayPlan, TrustPlan
from broker.trust.envelope import canonical
from broker.trust.reasons import sentence
from tests.faults.forge_field import REFUSALS, Field
from tests.faults.forge_lists import PLANS, TRUST, Now, Sheet, plays_body
from tests.faults.forge_orders import (
    CROSS_TARGETED,
    EXPIRED,
    FORGED,
    IN_DOUBT,
    MISNAMED,
    NIGHT,
    NOT_SIGNED_FOR,
    REPLAYED,
    RESIGNED,
    Forger,
    Make,
    Order,
)
from tests.faults.forge_packets import RAW, TOPICS, MakeRaw
from tests.faults.forge_passkeys import PASSKEYS, assertion
from tests.faults.forge_people import Person, by
from tests.faults.forge_templates import AT_NIGHT, TEMPLATES, WITHOUT_A_CLOCK
from tests.faults.forge_texts import MISSPELLED
from tests.until import until

Channel = Literal["command", "entry", "plan", "trust", "bytes"]
Phase = Literal["day", "night", "doubt"]
T = TypeVar("T", Order, Sheet, bytes)
GROUP: dict[Channel, int] = {"command": 60, "entry": 30, "plan": 12, "trust": 12, "bytes": 24}
ANSWER_S = 60.0
IMPATIENT_S = 0.2
"""For the rest of a group of which one was not answered."""
ENDS = ("played", "interrupted", "preempted", "failed")
MOST_WRONG = 20
POISON = re.compile(r"(\d+) gói tin")


@dataclass(frozen=True)
class Slot:
    """One kind of forgery on one way to the node."""

    family: str
    name: str
    channel: Channel
    make: Callable[[Forger, Now], Order | Sheet | bytes]

    @property
    def kind(self) -> str:
        """As the verdict names it."""
        return f"{self.family}: {self.name} ({self.channel})"


def on(make: Make | MakeRaw) -> Callable[[Forger, Now], Order | bytes]:
    """A maker that need not know what is in force."""
    return lambda forger, _: make(forger)


def slots_of(phase: Phase) -> list[Slot]:
    """All kinds of one time of the day."""
    both: dict[str, dict[str, Make]]
    if phase == "doubt":
        doubtful = IN_DOUBT | WITHOUT_A_CLOCK
        return [Slot("clock unknown", name, "command", on(make)) for name, make in doubtful.items()]
    if phase == "night":
        both, single = {"quiet hours": NIGHT | AT_NIGHT}, []
    else:
        both = {
            "forged": FORGED,
            "re-signed": RESIGNED,
            "cross-targeted": CROSS_TARGETED,
            "expired": EXPIRED,
            "not signed for": NOT_SIGNED_FOR,
            "replayed": REPLAYED,
            "misspelled": MISSPELLED,
            "passkey": PASSKEYS,
            "emergency": TEMPLATES,
        }
        single = [Slot("not signed for", name, "command", on(make)) for name, make in MISNAMED.items()]
        single += [Slot("trust list", name, "trust", make) for name, make in TRUST.items()]
        single += [Slot("plan", name, "plan", make) for name, make in PLANS.items()]
        single += [Slot("no message", name, "bytes", on(make)) for name, make in RAW.items()]
    channels: tuple[Channel, ...] = ("command", "entry")
    return single + [
        Slot(family, name, channel, on(make))
        for family, makes in both.items()
        for name, make in makes.items()
        for channel in channels
        if channel == "command" or "NF" not in name  # the hub's own signing normalises what it signs
    ]


class Attack:
    """One attack on one node; counts into what it is given."""

    def __init__(
        self, place: Field, forger: Forger, tried: Counter[str], answered: Counter[str], wrong: list[str]
    ) -> None:
        self.people = forger.people
        self.controls: dict[str, Order] = {}
        self._place, self._forger = place, forger
        self._tried, self._answered, self._wrong = tried, answered, wrong
        self._now = Now(trust=0, plan=0)
        self._trust: TrustPlan | None = None
        self._plan: PlayPlan | None = None
        self._kinds: dict[str, str] = {}
        self._patience_s = ANSWER_S / 3

    def kind_of(self, occurrence: str) -> str:
        """What kind of forgery an occurrence belongs to."""
        return self._kinds.get(occurrence, "unknown")

    # -- what is right

    def install(self) -> None:
        """Give the node two trust lists (the second takes back one key) and an empty plan."""
        for trust in (self.people.trust(1, self.people.dung), self.people.trust(2)):
            self._trust = TrustPlan(generation=trust.generation, signed=self.people.by_root(trust))
            self._place.say(self._trust)
        self._now = Now(trust=2, plan=0)
        self._say_plan()
        self.resume()

    def install_again(self) -> None:
        """A new trust list and a new plan, as on another day."""
        trust = self.people.trust(self._now.trust + 1)
        self._trust = TrustPlan(generation=trust.generation, signed=self.people.by_root(trust))
        self._place.say(self._trust)
        self._now = Now(trust.generation, self._now.plan)
        self._say_plan()
        self.resume()

    def resume(self) -> None:
        """Say again what is in force, as a broker does to whoever comes back, and wait until the node follows it."""
        assert self._trust is not None
        assert self._plan is not None
        self._place.say(self._trust)
        self._place.say(self._plan)
        self._fence()
        wanted = (self._now.trust, self._now.plan)

        def follows() -> bool:
            status = self._place.answers.status
            return status is not None and (status.trust_generation, status.plan_generation) == wanted

        until(follows, ANSWER_S, lambda: (wanted, self._place.answers.status, self._place.node_log()))

    def control(
        self,
        name: str,
        *,
        person: Person | None = None,
        kind: str = "routine",
        by_plan: bool = False,
        has_sound: bool = True,
        is_drill: bool = False,
    ) -> None:
        """An announcement that was truly approved; returns when it has begun to sound.

        is_drill: the words and the sound are the forger's own, and nothing of them may be heard.
        """
        forger, place = self._forger, self._place
        forger.now = place.now()
        audio = place.forged_sound if is_drill else place.approved_sound
        if not has_sound:
            audio = Media(sha256="b" * 64, size=9, type="audio/ogg", duration_ms=2000)
        issued = forger.now.replace(microsecond=0)
        envelope = forger.envelope(
            kind, audio=audio, spoken="Mời bà con ra nhà văn hoá.", issued_at=issued, drill=is_drill
        )
        person, body = person or forger.right_person(envelope), canonical(envelope)
        signature = assertion(person, body) if person.passkey else person.sign(body)
        signed = by(body, signature) if is_drill else forger.beside(envelope, signature)
        order = forger.order("", envelope, signed)
        self.controls[name] = order
        if by_plan:
            self._say_plan(order)
        else:
            place.say(command(order))
        until(
            lambda: place.answers.said(order.occurrence, "playing"),
            ANSWER_S,
            lambda: (name, place.answers.receipts.get(order.occurrence), place.node_log()),
        )
        place.look_at_files()
        forger.played.append(order)

    def settle(self) -> None:
        """Wait until everything approved so far has been heard to its end."""
        waiting = [one.occurrence for one in self.controls.values()]
        over = (*ENDS, *REFUSALS)
        until(
            lambda: all(self._place.answers.said(one, *over) for one in waiting),
            ANSWER_S,
            lambda: (self.heard_controls(), self._place.node_log()),
        )
        self._place.look_at_files()

    def heard_controls(self) -> list[tuple[str, bool]]:
        """The approved announcements, and whether each was played whole."""
        said = self._place.answers.said
        return [(name, said(one.occurrence, "played")) for name, one in self.controls.items()]

    # -- what is wrong

    def run(self, slots: Sequence[Slot]) -> None:
        """Try all these, in groups of one way each."""
        groups: list[list[Slot]] = []
        for channel, size in GROUP.items():
            mine = [each for each in slots if each.channel == channel]
            groups += [mine[at : at + size] for at in range(0, len(mine), size)]
        self._forger.dice.shuffle(groups)
        for group in groups:
            self._forger.now, self._patience_s = self._place.now(), ANSWER_S / 3
            self._tried.update(each.kind for each in group)
            match group[0].channel:
                case "command" | "entry":
                    self._try_orders(group)
                case "plan" | "trust":
                    self._try_sheets(group)
                case "bytes":
                    self._try_bytes(group)
            self._place.look_at_files()
            assert len(self._wrong) < MOST_WRONG, "too much is wrong to go on"

    def _try_orders(self, group: Sequence[Slot]) -> None:
        orders = self._made(group, Order)
        before = {one.occurrence: len(self._receipts(one)) for one in orders}
        if group[0].channel == "entry":
            self._say_plan(*orders)
        else:
            for one in orders:
                self._place.say(command(one))
        self._fence()
        for slot, one in zip(group, orders, strict=True):
            self._kinds[one.occurrence] = slot.kind
            self._judge(slot.kind, one, before[one.occurrence])

    def _made(self, group: Sequence[Slot], type: type[T]) -> list[T]:
        """What this group brings."""
        found = [each.make(self._forger, self._now) for each in group]
        assert all(isinstance(each, type) for each in found)
        return cast("list[T]", found)

    def _judge(self, kind: str, order: Order, before: int) -> None:
        """Compare the receipts of a forgery with what must answer it."""

        def said() -> list[tuple[str, str]]:
            return self._receipts(order)[before:]

        if "" not in order.reasons:
            try:
                until(said, self._patience_s)
            except AssertionError:
                self._wrong.append(f"not answered: {kind}")
                self._patience_s = IMPATIENT_S
                return
        for state, reason in said():
            if "" in order.reasons and state in ENDS:
                continue  # the end of what was approved and still sounds
            if state not in REFUSALS:
                self._wrong.append(f"accepted ({state}): {kind} {order.occurrence}")
                return
            if reason not in order.reasons:
                self._wrong.append(f"answered {reason!r} instead of {'/'.join(order.reasons)}: {kind}")
                return
        self._answered["" if "" in order.reasons else said()[0][1]] += 1

    def _receipts(self, order: Order) -> list[tuple[str, str]]:
        return self._place.answers.receipts.get(order.occurrence, [])

    def _try_sheets(self, group: Sequence[Slot]) -> None:
        """Trust lists and plans are answered by a problem of the service, which what is in force clears again."""
        is_trust = group[0].channel == "trust"
        code = "trust-refused" if is_trust else "plan-refused"
        in_force = self._trust if is_trust else self._plan
        assert in_force is not None
        self._place.say(in_force)
        self._fence()
        since = len(self._place.answers.states)
        sheets = self._made(group, Sheet)
        for slot, sheet in zip(group, sheets, strict=True):
            self._kinds[sheet.bait.occurrence] = slot.kind
            kind = TrustPlan if is_trust else PlayPlan
            self._place.say(kind(generation=sheet.generation, signed=sheet.signed))
            if is_trust:
                self._place.say(command(sheet.bait))
            self._place.say(in_force)
        self._fence()
        told = _risings(self._place.answers.states[max(0, since - 1) :], code)
        spare = len(told) - len(
            group
        )  # a service says its state again now and then, and may say the one before
        if spare < 0:
            self._wrong.append(f"{len(group)} {group[0].channel}s were answered by {len(told)} problems")
        texts = iter(told)
        for slot, sheet in zip(group, sheets, strict=True):
            text, answer = "", ""
            while spare >= 0 and not answer:
                text = next(texts, "")
                answer = next((each for each in sheet.reasons if sentence(each) in text), "")
                spare -= not answer
            if not answer:
                self._wrong.append(f"answered {text!r} instead of {'/'.join(sheet.reasons)}: {slot.kind}")
            elif is_trust:
                self._judge(slot.kind, sheet.bait, 0)
            else:
                self._answered[answer] += 1
            if self._place.answers.said(sheet.bait.occurrence, "fetching", "ready", "armed", "playing"):
                self._wrong.append(f"accepted: {slot.kind} {sheet.bait.occurrence}")

    def _try_bytes(self, group: Sequence[Slot]) -> None:
        """What cannot be read is answered by the count of it in the service's problems."""
        before = self._poison()
        for raw in self._made(group, bytes):
            self._place.write(self._forger.dice.choice(TOPICS), raw)
        try:
            until(lambda: self._poison() >= before + len(group), ANSWER_S / 3)
            self._answered["poison"] += len(group)
        except AssertionError:
            self._wrong.append(
                f"{len(group)} packets that are no message, {self._poison() - before} were refused"
            )

    def _poison(self) -> int:
        states = self._place.answers.states
        found = POISON.search(states[-1].get("poison", "")) if states else None
        return int(found[1]) if found else 0

    # -- saying things

    def _say_plan(self, *orders: Order) -> None:
        """A plan that the hub truly signs; the forger holds its key."""
        self._forger.now = self._place.now()
        body = plays_body(self._forger, self._now.plan + 1, *orders)
        self._now = Now(self._now.trust, body.generation)
        self._plan = PlayPlan(generation=body.generation, signed=self.people.by_hub(body, "plays"))
        self._place.say(self._plan)

    def _fence(self) -> None:
        """Wait until the node has judged everything that was said before."""
        self._forger.now = self._place.now()
        envelope = self._forger.envelope("routine")
        order = self._forger.order("unsigned", envelope, by(canonical(envelope)))
        self._place.say(command(order))
        until(lambda: self._receipts(order), ANSWER_S, self._place.node_log)


def command(order: Order) -> PlayNow:
    """The command that asks for it."""
    return PlayNow(
        occurrence=order.occurrence,
        announcement=order.announcement,
        start=order.start,
        signed=order.signed,
        media=order.media,
    )


def _risings(states: Sequence[dict[str, str]], code: str) -> list[str]:
    """Each time a problem came up: what it said."""
    return [
        now[code]
        for before, now in itertools.pairwise([{}, *states])
        if code in now and before.get(code) != now[code]
    ]

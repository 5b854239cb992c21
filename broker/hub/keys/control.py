"""Mosquitto's dynamic-security, spoken to over $CONTROL as hub.rights, which alone may.

Measured on Debian's 2.0.11: a command takes 2 to 5 ms, because the plugin writes its whole file each time; answers
may hold bytes that are no UTF-8 once the anonymous group was deleted, and the broker may die of it, so that group is
never deleted here; a packet above the broker's limit ends the connection, hence parcels.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from broker.contract.rights import CONTROL, RESPONSE, RIGHTS_KEEPER
from broker.link.bare import Bare, Heard, NoWay, way_of
from broker.link.config import Settings

Command = dict[str, Any]
"""One command as the plugin's documentation writes it: {"command": "deleteClient", "username": …}."""

ANSWER_S = 5.0
PARCEL_BYTES = 60_000
PARCEL_COMMANDS = 20
"""The broker does nothing else while it works off one parcel."""
PAGE = 25


class Silent(Exception):
    """The broker took the question and gave no answer: it has no dynamic-security, or hub.rights no right to it."""


@dataclass(frozen=True)
class Found:
    """What the broker has, as it tells it itself."""

    clients: dict[str, Command]
    roles: dict[str, Command]
    groups: dict[str, Command]
    defaults: dict[str, bool]
    anonymous_group: str


@contextmanager
def turn(settings: Settings) -> Iterator[None]:
    """Only one process at a time comes to the broker as hub.rights: a second would push the first out."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    # Read-only is enough to wait for one's turn, also at a file that root's `langso doctor` made.
    lock = os.open(settings.data_dir / "rights.turn", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


@contextmanager
def controlling(settings: Settings) -> Iterator[Control]:
    """A connection as hub.rights, for as long as the block lasts. Raises NoWay, Silent."""
    with turn(settings), Bare(way_of(settings, RIGHTS_KEEPER)) as bare:
        yield Control(bare)


class Control:
    """Questions and commands over one connection."""

    def __init__(self, bare: Bare) -> None:
        """Raises NoWay when the broker does not even let it listen."""
        self.connection = self._bare = bare
        if bare.subscribe([RESPONSE]) != [True]:
            raise Silent("hub.rights may not hear the broker's answers")

    def ask(self, *commands: Command) -> list[Command]:
        """Send commands, in parcels the broker can take; their answers in order. An answer with `error` is no
        exception: most errors say that a thing is already as it should be. Raises NoWay, Silent.
        """
        answers: list[Command] = []
        for parcel in _parcels(commands):
            answers += self._ask_parcel(parcel)
        return answers

    def _ask_parcel(self, commands: Sequence[Command]) -> list[Command]:
        mark = secrets.token_hex(8)
        marked = [{**each, "correlationData": mark} for each in commands]
        self._bare.publish(CONTROL, json.dumps({"commands": marked}).encode())
        heard = self._bare.hears(
            lambda each: each.topic == RESPONSE and mark.encode() in each.payload, ANSWER_S
        )
        if heard is None:
            if not self._bare.is_up:
                raise NoWay("the connection of hub.rights ended in the middle of a change")
            raise Silent("the broker does not answer hub.rights")
        self._bare.heard.clear()
        return _answers(heard)

    def look(self) -> Found:
        """Everything that bears on who may do what. Raises NoWay, Silent."""
        defaults, anonymous = self.ask({"command": "getDefaultACLAccess"}, {"command": "getAnonymousGroup"})
        return Found(
            clients={each["username"]: each for each in self._all("listClients", "clients")},
            roles={each["rolename"]: each for each in self._all("listRoles", "roles")},
            groups={each["groupname"]: each for each in self._all("listGroups", "groups")},
            defaults={each["acltype"]: each["allow"] for each in defaults.get("data", {}).get("acls", [])},
            anonymous_group=anonymous.get("data", {}).get("group", {}).get("groupname", ""),
        )

    def _all(self, command: str, key: str) -> list[Command]:
        """Page after page: one answer with everything could be as large as the commune."""
        found: list[Command] = []
        while True:
            [answer] = self.ask({"command": command, "verbose": True, "count": PAGE, "offset": len(found)})
            page = answer.get("data", {}).get(key, [])
            found += page
            if len(page) < PAGE:
                return found


def _parcels(commands: Sequence[Command]) -> Iterator[list[Command]]:
    parcel: list[Command] = []
    size = 0
    for each in commands:
        length = len(json.dumps(each)) + 64
        if parcel and (size + length > PARCEL_BYTES or len(parcel) == PARCEL_COMMANDS):
            yield parcel
            parcel, size = [], 0
        parcel.append(each)
        size += length
    if parcel:
        yield parcel


def _answers(heard: Heard) -> list[Command]:
    try:
        found = json.loads(heard.payload.decode("utf-8", "replace"))
    except ValueError as why:
        raise Silent(f"the broker's answer cannot be read: {why}") from why
    answers: list[Command] = found.get("responses", [])
    return answers

"""Keeps the broker's rights as the contract wants them: for the hub's own identities and every node in service.

Gentle with the hub's own sessions: a role gets its new list whole (`modifyRole`), which on Mosquitto 2.0.11 works
at once and ends nobody's session, while addRoleACL, addClientRole and modifyClient end those of everyone concerned.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session as Db

from broker.contract import Identity
from broker.contract.rights import RIGHTS_KEEPER, dynsec, hub_identities, node_identities
from broker.hub.keys.control import Command, Control, Found, controlling
from broker.hub.records import Database, NodeRecord, Revocation, write_audit
from broker.link.bare import NoWay
from broker.link.config import Settings

log = logging.getLogger(__name__)

LARGEST_COMMAND = 100_000
"""Bytes; more does not fit the broker's largest packet. A role beyond it is changed grant by grant."""
NOBODY = "nobody"
"""An empty group that takes the place of any anonymous group: 2.0.11 cannot be without one again once it had one."""
HALF_OPEN = timedelta(seconds=120)
"""A connection that was opened before the revocation list and has not yet named itself can do so later; Mosquitto
closes such a one after 90 s of silence. So long a node that was revoked waits for rights under the same name. A thief
who lets a long greeting trickle stays longer: only starting the broker again ends that (docs/LIMITS.md)."""
NAMED = 20
ROUNDS = 3
"""Changes to hub.rights itself end its own connection: then it comes again and looks again."""

Acl = tuple[str, str, int, bool]


@dataclass(frozen=True)
class Change:
    """One step from what the broker has to what the contract wants. `about`: identity, role or group."""

    verb: str
    """added, removed or mended"""
    about: str
    commands: tuple[Command, ...]


def entitled(db: Db, now: datetime) -> list[Identity]:
    """Everyone who is to have rights now: the hub, and nodes that are in service and not being revoked."""
    leaving = select(Revocation.node).where(
        or_(Revocation.probed_at.is_(None), Revocation.crl_loaded_at > now - HALF_OPEN)
    )
    nodes = db.scalars(
        select(NodeRecord.name)
        .where(NodeRecord.retired_at.is_(None), NodeRecord.name.not_in(leaving))
        .order_by(NodeRecord.name)
    )
    return hub_identities() + [who for name in nodes for who in node_identities(name)]


def is_anyone_waiting(db: Db, now: datetime) -> bool:
    """Whether a node that is in service again still waits for its rights: then they are to be looked at soon."""
    waiting = (
        select(NodeRecord.name)
        .join(Revocation, Revocation.node == NodeRecord.name)
        .where(NodeRecord.retired_at.is_(None), Revocation.crl_loaded_at > now - HALF_OPEN)
    )
    return db.scalar(waiting.limit(1)) is not None


def push(settings: Settings, database: Database, now: datetime) -> list[Change]:
    """Make the broker's rights what they should be; returns what had to be changed, which is also logged and audited.

    Raises NoWay, Silent; the database's errors.
    """
    with database.reading() as db:
        wanted = dynsec(entitled(db, now), settings.where)
    done: list[Change] = []
    for _ in range(ROUNDS):
        try:
            with controlling(settings) as control:
                missing = differences(control.look(), wanted)
                _carry_out(control, missing, done)
        except NoWay as why:
            if not done or why.is_refusal:
                raise
            continue  # our own rights were mended, and with them our connection
        if not missing:
            break
    if done:
        _tell(database, done, now)
    return done


def _carry_out(control: Control, changes: Sequence[Change], done: list[Change]) -> None:
    own = str(RIGHTS_KEEPER)
    for change in sorted(changes, key=lambda each: each.about == own):
        if change.about == own:
            done.append(change)  # the answer may not reach us any more
        for command, answer in zip(change.commands, control.ask(*change.commands), strict=False):
            if "error" in answer:
                log.warning(
                    "%s of %s: %s",
                    command["command"],
                    change.about,
                    answer["error"],
                    extra={"event": "rights"},
                )
        if change.about != own:
            done.append(change)


def _tell(database: Database, done: Sequence[Change], now: datetime) -> None:
    detail = {}
    for verb in ("added", "removed", "mended"):
        names = sorted({each.about for each in done if each.verb == verb})
        if names:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            detail[verb] = ", ".join(names[:NAMED]) + more
    log.warning("rights changed at the broker: %s", json.dumps(detail), extra={"event": "rights-pushed"})
    with database.session() as db:
        write_audit(db, now, str(RIGHTS_KEEPER), "rights.pushed", "broker", detail)


def differences(found: Found, wanted: Mapping[str, Any]) -> list[Change]:
    """What has to be changed, in an order that at no time gives anybody more than one of both states does.

    wanted: as rights.dynsec makes it. Pure.
    """
    clients = {each["username"]: each for each in wanted["clients"]}
    roles = {each["rolename"]: each for each in wanted["roles"]}
    return [
        *_defaults(found, wanted["defaultACLAccess"]),
        *_groups(found),
        *_too_many("client", found.clients, clients, "deleteClient", "username"),
        *(change for role in roles.values() for change in _role(role, found.roles.get(role["rolename"]))),
        *(
            change
            for each in clients.values()
            for change in _client(each, found.clients.get(each["username"]))
        ),
        *_too_many("role", found.roles, roles, "deleteRole", "rolename"),
    ]


def _defaults(found: Found, wanted: Mapping[str, bool]) -> list[Change]:
    if found.defaults == dict(wanted):
        return []
    acls = [{"acltype": kind, "allow": allow} for kind, allow in wanted.items()]
    return [Change("mended", "defaults", ({"command": "setDefaultACLAccess", "acls": acls},))]


def _groups(found: Found) -> list[Change]:
    """There are none, but for an empty one where somebody once named an anonymous group."""
    changes = []
    is_needed = found.anonymous_group not in ("", NOBODY)
    if is_needed and NOBODY not in found.groups:
        changes.append(Change("mended", NOBODY, ({"command": "createGroup", "groupname": NOBODY},)))
    if is_needed:
        changes.append(Change("mended", NOBODY, ({"command": "setAnonymousGroup", "groupname": NOBODY},)))
    for name, group in found.groups.items():
        if name != NOBODY:
            changes.append(Change("removed", name, ({"command": "deleteGroup", "groupname": name},)))
        elif group.get("roles") or group.get("clients"):
            empty = {"command": "modifyGroup", "groupname": NOBODY, "roles": [], "clients": []}
            changes.append(Change("mended", NOBODY, (empty,)))
    return changes


def _too_many(
    kind: str, found: Iterable[str], wanted: Mapping[str, Any], command: str, key: str
) -> list[Change]:
    return [
        Change("removed", name if kind == "client" else f"role {name}", ({"command": command, key: name},))
        for name in found
        if name not in wanted
    ]


def _role(wanted: Command, found: Command | None) -> list[Change]:
    name = wanted["rolename"]
    if found is None:
        made = {"command": "createRole", "rolename": name, "acls": wanted["acls"]}
        if _length(made) <= LARGEST_COMMAND:
            return [Change("added", name, (made,))]
        grants = (_grant(name, acl) for acl in wanted["acls"])
        return [Change("added", name, ({"command": "createRole", "rolename": name}, *grants))]
    have, want = _acls(found), _acls(wanted)
    if have == want:
        return []
    whole = {"command": "modifyRole", "rolename": name, "acls": wanted["acls"]}
    if _length(whole) <= LARGEST_COMMAND:
        return [Change("mended", name, (whole,))]
    taken = tuple(
        {"command": "removeRoleACL", "rolename": name, "acltype": acl[0], "topic": acl[1]}
        for acl in sorted(have - want)
    )
    given = tuple(
        _grant(name, {"acltype": acl[0], "topic": acl[1], "priority": acl[2], "allow": acl[3]})
        for acl in sorted(want - have)
    )
    return [Change("mended", name, taken + given)]


def _grant(role: str, acl: Command) -> Command:
    return {"command": "addRoleACL", "rolename": role, **acl}


def _length(command: Command) -> int:
    return len(json.dumps(command))


def _acls(role: Command) -> set[Acl]:
    return {
        (acl["acltype"], acl["topic"], int(acl.get("priority", 0)), bool(acl.get("allow", False)))
        for acl in role.get("acls", [])
    }


def _client(wanted: Command, found: Command | None) -> list[Change]:
    name = wanted["username"]
    roles = [{"rolename": each["rolename"], "priority": each["priority"]} for each in wanted["roles"]]
    # A session that began before there were rights asked in vain for all it wanted to hear: it must begin anew.
    anew = {"command": "modifyClient", "username": name, "roles": roles}
    if found is None:
        made = {"command": "createClient", "username": name, "clientid": wanted["clientid"], "roles": roles}
        return [Change("added", name, (made, anew))]
    commands: list[Command] = []
    if found.get("clientid") != wanted["clientid"]:
        commands.append({"command": "setClientId", "username": name, "clientid": wanted["clientid"]})
    if found.get("disabled"):
        commands.append({"command": "enableClient", "username": name})
    if sorted(each["rolename"] for each in found.get("roles", [])) != [name]:
        commands.append(anew)
    return [Change("mended", name, tuple(commands))] if commands else []

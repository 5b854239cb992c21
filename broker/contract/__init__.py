"""The wire: every message, who says it and who may hear it. All else about topics is generated from here."""

from __future__ import annotations

from broker.contract import board, camera, hub, kiosk, node, speaker
from broker.contract.message import (
    HUB,
    HUB_KEEPERS,
    HUB_SERVICES,
    NODE_SERVICES,
    ContractError,
    Identity,
    Lane,
    Message,
    Place,
    Received,
    Spec,
    decode,
    filters_of,
    identity_of,
    spec_of,
    topic_of,
)

MESSAGES: tuple[type[Message], ...] = (
    node.MESSAGES + speaker.MESSAGES + camera.MESSAGES + kiosk.MESSAGES + board.MESSAGES + hub.MESSAGES
)
_BY_TOPIC = {(sp.service, sp.lane.value, sp.kind): sp for sp in map(spec_of, MESSAGES)}


def parse_topic(place: Place, topic: str) -> tuple[Spec, Identity]:
    """What a topic says: the message and the identity it names. Raises ContractError for any other topic."""
    parts = topic.split("/")
    if len(parts) != 7 or parts[:3] != ["ls", place.province, place.commune]:
        raise ContractError(f"topic {topic!r} is not of this commune")
    node_name, service, lane, kind = parts[3:]
    spec = _BY_TOPIC.get((service, lane, kind)) or _BY_TOPIC.get(("*", lane, kind))
    who = Identity(node_name, service)
    if spec is None or service not in (spec.receivers if spec.delivery.addressed else spec.senders):
        raise ContractError(f"topic {topic!r} is not in the contract")
    return spec, who


def read(place: Place, topic: str, raw: bytes, *, nearby: bool = False) -> Received:
    """Decode a packet by its topic. nearby: it came from a service of the same node. Raises ContractError."""
    spec, who = parse_topic(place, topic)
    return decode(spec, who, raw, nearby=nearby)


__all__ = [
    "HUB",
    "HUB_KEEPERS",
    "HUB_SERVICES",
    "MESSAGES",
    "NODE_SERVICES",
    "ContractError",
    "Identity",
    "Lane",
    "Message",
    "Place",
    "Received",
    "Spec",
    "filters_of",
    "identity_of",
    "parse_topic",
    "read",
    "spec_of",
    "topic_of",
]

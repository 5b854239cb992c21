"""What is made from the contract and the settings: AsyncAPI, CONTRACT.md, SETTINGS.md; and the brokers' rights.

`langso generate` writes the documents, `langso generate --check` says which of them are not what they should be.
The same code gives the same bytes.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from broker.contract import HUB, MESSAGES, NODE_SERVICES, Identity, Place, Spec, spec_of, topic_of
from broker.contract.message import LARGE, VERSION, Frame
from broker.contract.rights import amqtt_config, dynsec
from deploy.settings_page import settings_page

__all__ = ["amqtt_config", "asyncapi", "contract_page", "documents", "dynsec", "generate"]

_PROVINCE, _COMMUNE, _NODE = "00", "00000", "0"
_REF = "#/components/schemas/{name}"


def _home(service: str) -> str:
    return _NODE if service in NODE_SERVICES else HUB


def _address(spec: Spec, service: str) -> str:
    """The topic with its variable parts in braces, as AsyncAPI and people write it."""
    topic = topic_of(Place(_PROVINCE, _COMMUNE), Identity(_home(service), service), spec.type)
    parts = topic.split("/")
    parts[1], parts[2] = "{province}", "{commune}"
    parts[3] = "{node}" if parts[3] == _NODE else parts[3]
    return "/".join(parts)


def _parties(spec: Spec) -> tuple[str, ...]:
    """The services that the topic may name."""
    return spec.receivers if spec.delivery.addressed else spec.senders


def _summary(kind: type[Any]) -> str:
    return " ".join((kind.__doc__ or "").split())


def _first(kind: type[Any]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def _schemas() -> dict[str, Any]:
    """JSON schemas of the frame and of all messages, by class name."""
    kinds: list[Any] = [*MESSAGES, Frame]
    _, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    components["Frame"]["properties"]["m"] = {"description": "the message itself"}
    return {name: components[name] for name in sorted(components)}


def _channel_id(spec: Spec, service: str) -> str:
    return f"{service}.{spec.lane}.{spec.kind}"


def _parameters(address: str) -> dict[str, Any]:
    known = {
        "province": "code of the province, digits",
        "commune": "code of the commune, digits",
        "node": "name of the node, `thon-01`",
    }
    return {name: {"description": text} for name, text in known.items() if "{" + name + "}" in address}


def _message(spec: Spec) -> dict[str, Any]:
    frame = {"$ref": "#/components/schemas/Frame"}
    body = {"properties": {"m": {"$ref": f"#/components/schemas/{spec.type.__name__}"}}}
    return {
        "name": spec.type.__name__,
        "title": spec.type.__name__,
        "summary": _first(spec.type),
        "description": _summary(spec.type),
        "contentType": "application/json",
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-07",
            "schema": {"allOf": [frame, body]},
        },
        "x-lane": str(spec.lane),
        "x-durable": spec.delivery.durable,
        "x-limit-bytes": spec.limit,
        "x-expires-s": spec.expires_s,
        "x-nearby": list(spec.nearby),
        "x-media": spec.media,
    }


def asyncapi() -> dict[str, Any]:
    """The contract as an AsyncAPI 3.0 document: a channel for each topic, an operation for each speaker or hearer."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for spec in map(spec_of, MESSAGES):
        name = spec.type.__name__
        messages[name] = _message(spec)
        for service in _parties(spec):
            address = _address(spec, service)
            channel = _channel_id(spec, service)
            channels[channel] = {
                "address": address,
                "messages": {name: {"$ref": f"#/components/messages/{name}"}},
                "parameters": _parameters(address),
            }
            operations |= _operations(spec, service, channel)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Làng Số",
            "version": str(VERSION),
            "description": "Every message between the services of a commune. Generated from broker/contract.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "commune": {
                "host": "{hub}:8883",
                "protocol": "mqtts",
                "protocolVersion": "3.1.1",
                "description": "The commune's broker; a client certificate names the service.",
                "variables": {"hub": {"description": "address of the commune hub"}},
            }
        },
        "channels": {key: channels[key] for key in sorted(channels)},
        "operations": {key: operations[key] for key in sorted(operations)},
        "components": {"messages": messages, "schemas": _schemas()},
    }


def _operations(spec: Spec, service: str, channel: str) -> dict[str, Any]:
    """Who sends and who receives on one channel."""
    name, found = spec.type.__name__, {}
    senders = spec.senders if spec.delivery.addressed else (service,)
    receivers = (service,) if spec.delivery.addressed else spec.receivers
    for action, who in (("send", senders), ("receive", receivers)):
        for each in who:
            key = f"{each}.{action}.{channel}"
            found[key] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{channel}"},
                "summary": f"{each} {action}s {name}",
                "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"}],
                "bindings": {"mqtt": {"qos": spec.delivery.qos, "retain": spec.delivery.retain}},
            }
            if action == "receive":
                del found[key]["bindings"]
    return found


def contract_page() -> str:
    """docs/CONTRACT.md: each message with its topic, its parties, how it travels and its fields."""
    lines = [
        "# Contract",
        "",
        "Generated by `langso generate` from broker/contract. Machine-readable: [asyncapi.json](asyncapi.json).",
        "",
        f"Every packet is a frame (version {VERSION}) around one message, JSON, NFC, at most {LARGE // 1024} KiB.",
        "",
        "| lane | QoS | retained | durable (outbox and acknowledgement) | the topic names |",
        "|---|---|---|---|---|",
    ]
    seen = {spec.lane: spec.delivery for spec in map(spec_of, MESSAGES)}
    for lane, how in sorted(seen.items()):
        party = "the receiver" if how.addressed else "the sender"
        lines.append(f"| {lane} | {how.qos} | {_yes(how.retain)} | {_yes(how.durable)} | {party} |")
    for spec in map(spec_of, MESSAGES):
        lines += ["", *_message_lines(spec)]
    return "\n".join(lines) + "\n"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _message_lines(spec: Spec) -> list[str]:
    lines = [f"## {spec.type.__name__}", "", _summary(spec.type), ""]
    lines += [f"- topic: `{_address(spec, service)}`" for service in _parties(spec)]
    lines.append(f"- from {', '.join(spec.senders)} to {', '.join(spec.receivers)}")
    if spec.nearby:
        lines.append(f"- also directly, on the same node, to {', '.join(spec.nearby)}")
    if spec.expires_s is not None:
        lines.append(f"- ignored by its receiver {spec.expires_s} s after it was written")
    if spec.media:
        who = "receiver may GET" if spec.media == "get" else "sender may PUT"
        lines.append(f"- its {who} the media it names at the device port")
    lines += [f"- at most {spec.limit // 1024} KiB", "", "| field | type | needed |", "|---|---|---|"]
    for each in msgspec.structs.fields(spec.type):
        lines.append(f"| {each.encode_name} | {_type_name(each.type)} | {_yes(each.required)} |")
    return lines


def _type_name(kind: Any) -> str:
    """A field's type as a reader of JSON would say it."""
    if kind is datetime:
        return "time with zone (RFC 3339)"
    node = msgspec.json.schema(kind)
    return _schema_name(node, node.get("$defs", {}))


def _schema_name(node: dict[str, Any], known: dict[str, Any]) -> str:
    if "$ref" in node:
        return str(node["$ref"].rsplit("/", 1)[-1])
    if "enum" in node:
        return " \\| ".join(f"`{each}`" for each in node["enum"])
    if "anyOf" in node:
        return " \\| ".join(_schema_name(each, known) for each in node["anyOf"])
    if node.get("type") == "array":
        return f"list of {_schema_name(node.get('items', {}), known)}"
    name = str(node.get("format") or node.get("contentEncoding") or node.get("type", "any"))
    limits = [f"{key} {node[key]}" for key in ("minimum", "maximum", "maxLength", "pattern") if key in node]
    return name + (f" ({', '.join(limits)})".replace("|", "\\|") if limits else "")


def documents() -> dict[str, str]:
    """Path below the project's root → text, of everything that is generated and kept."""
    return {
        "docs/CONTRACT.md": contract_page(),
        "docs/SETTINGS.md": settings_page(),
        "docs/asyncapi.json": json.dumps(asyncapi(), ensure_ascii=False, indent=1) + "\n",
    }


def generate(root: Path, check: bool) -> list[str]:
    """Write the documents below `root`, or with `check` only compare. Returns the paths that differed."""
    changed = []
    for name, text in documents().items():
        file = root / name
        found = file.read_text(encoding="utf-8") if file.is_file() else None
        if found == text:
            continue
        changed.append(name)
        if not check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return changed

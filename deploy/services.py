"""The services and where each stands; nothing is loaded by looking."""

from __future__ import annotations

SERVICES = {
    "node": "edge.node.service",
    "speaker": "edge.speaker.service",
    "camera": "edge.camera.service",
    "kiosk": "kiosk.service",
    "board": "firmware_bridge.service",
    "ingest": "broker.hub.ingest",
    "announce": "broker.hub.announcing.service",
    "web": "broker.hub.console.service",
}
"""Name of a service → the module whose `build` makes its workers."""

"""How this computer is: temperature, memory, disk, load. Reads the kernel's own files."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path

from broker.contract.board import Reading
from broker.contract.node import NodeHealth
from broker.link.clock import Clock
from edge.node.heads import KeptHead

LITTLE_DISK_PERCENT = 5.0
HOT_CELSIUS = 80.0
"""A Raspberry Pi slows itself down at 80 °C (raspberrypi.com, frequency management)."""


def measure(data: Path, clock: Clock, content_generation: int, head: KeptHead | None) -> NodeHealth:
    """The state of this computer now. data: folder whose disk counts. head: newest of the hub's audit log."""
    disk = shutil.disk_usage(data)
    return NodeHealth(
        at=clock.now(),
        uptime_s=int(float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])),
        load_1m=os.getloadavg()[0],
        memory_free_percent=_free_memory_percent(),
        disk_free_percent=round(100 * disk.free / disk.total, 1),
        cpu_celsius=_celsius(),
        clock=clock.state(),
        content_generation=content_generation,
        audit_index=head.index if head else 0,
        audit_hash=head.hash if head else "",
        audit_signed=head.signed if head else None,
    )


def readings_of(health: NodeHealth, at: datetime) -> list[Reading]:
    """The same as series, for the hub's store."""
    found = [
        Reading(series="node.load_1m", at=at, value=health.load_1m, unit="1"),
        Reading(series="node.memory_free_percent", at=at, value=health.memory_free_percent, unit="%"),
        Reading(series="node.disk_free_percent", at=at, value=health.disk_free_percent, unit="%"),
    ]
    if health.cpu_celsius is not None:
        found.append(Reading(series="node.cpu_celsius", at=at, value=health.cpu_celsius, unit="°C"))
    return found


def _free_memory_percent() -> float:
    table = {}
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        name, _, rest = line.partition(":")
        table[name] = int(rest.split()[0])
    return round(100 * table["MemAvailable"] / table["MemTotal"], 1)


def _celsius() -> float | None:
    """The hottest thermal zone; None on a machine that has none (a virtual one)."""
    found = []
    for zone in Path("/sys/class/thermal").glob("thermal_zone*/temp"):
        try:
            found.append(int(zone.read_text(encoding="ascii")) / 1000)
        except (OSError, ValueError):
            continue
    return max(found, default=None)

"""Does anything vouch for the time? A node whose clock is unknown speaks only in emergencies."""

from __future__ import annotations

from pathlib import Path

from broker.link.clock import MachineClock
from deploy.doctor.finding import Finding, Patient


def look(patient: Patient) -> Finding:
    """NTP or a battery clock, and not below the last time seen."""
    settings = patient.settings
    floor = settings.data_dir / "clock-floor" if settings else Path("/nonexistent/clock-floor")
    clock = MachineClock(floor, settings.clock.source if settings else "system")
    found = f"{clock.now():%Y-%m-%d %H:%M:%S} UTC, {clock.state()}"
    if clock.state() == "unknown":
        todo = "start NTP (timedatectl set-ntp true) or fit a battery clock; the demo trusts its host instead"
        return Finding("clock", "warning", found, todo)
    return Finding("clock", "ok", found)

"""Can people reach the console from another machine? Only with an address in the settings."""

from __future__ import annotations

from deploy.doctor.finding import Finding, Patient


def look(patient: Patient) -> Finding:
    """Without `[console] address` invitations and keys count on the hub itself only."""
    settings = patient.settings
    if settings is None or settings.machine.role == "node":
        return Finding("address", "ok", "not needed here")
    if settings.console.address:
        return Finding("address", "ok", settings.console.address)
    return Finding(
        "address",
        "warning",
        f"invitations say {settings.console_address}, which opens on this machine only",
        'set address = "https://…" in [console], then restart langso-hub@web',
    )

"""Does a live microphone reach the loudspeaker only where the commune wants it, and only through its own service?

Debian's package starts snapclient as a service as soon as it is installed. That one plays whatever any machine of the
network sends, at any hour, past every signature.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from deploy.doctor.finding import Finding, Patient

UNITS = Path("/etc/systemd/system")


def look(patient: Patient, units: Path = UNITS) -> Finding:
    """The program that the settings name, and the service that must not run beside it."""
    if any(units.glob("*.wants/snapclient.service")):
        found = "snapclient runs as a service of its own: what any machine of the network sends would be heard here"
        return Finding("live microphone", "error", found, "sudo systemctl disable --now snapclient")
    program = patient.settings.speaker.snapclient if patient.settings is not None else ""
    if not program:
        return Finding("live microphone", "ok", "none is taken")
    if shutil.which(program) is None:
        todo = (
            "sudo apt-get install --no-install-recommends snapclient; sudo systemctl disable --now snapclient"
        )
        return Finding("live microphone", "error", f"{program} is not on this machine", todo)
    return Finding("live microphone", "ok", f"{program}, when an approved programme asks for it")

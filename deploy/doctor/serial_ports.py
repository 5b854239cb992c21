"""Which serial ports are here, and are those of the settings among them?"""

from __future__ import annotations

import os
from pathlib import Path

from deploy.doctor.finding import Finding, Patient


def look(patient: Patient) -> Finding:
    """Ports by their lasting names; configured ports must exist and be writable."""
    names = sorted(map(str, Path("/dev/serial/by-id").glob("*"))) or sorted(
        map(str, [*Path("/dev").glob("ttyUSB*"), *Path("/dev").glob("ttyACM*")])
    )
    wanted = [each.port for each in patient.settings.board.ports] if patient.settings else []
    gone = [port for port in wanted if not Path(port).exists()]
    if gone:
        todo = f"plug it in, or name one of: {', '.join(names) or 'none found'}"
        return Finding("serial", "error", f"board.ports: {', '.join(gone)} not there", todo)
    closed = [port for port in wanted or names if not os.access(port, os.R_OK | os.W_OK)]
    if closed:
        return Finding(
            "serial", "warning", f"{', '.join(closed)} may not be opened", "usermod -aG dialout langso"
        )
    return Finding("serial", "ok", ", ".join(names) or "none (the demo simulates a board)")

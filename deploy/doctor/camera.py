"""Is there a camera on this machine? Network cameras are set up at the console."""

from __future__ import annotations

import os
from pathlib import Path

from deploy.doctor.finding import Finding, Patient


def look(patient: Patient) -> Finding:
    """Video devices, and whether they may be read."""
    del patient
    devices = sorted(Path("/dev").glob("video*"))
    if not devices:
        return Finding(
            "camera", "ok", "none on this machine (network cameras need none; the demo draws its own)"
        )
    closed = [str(each) for each in devices if not os.access(each, os.R_OK | os.W_OK)]
    if closed:
        return Finding(
            "camera", "warning", f"{', '.join(closed)} may not be read", "usermod -aG video langso"
        )
    return Finding("camera", "ok", ", ".join(map(str, devices)))

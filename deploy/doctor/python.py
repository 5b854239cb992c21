"""Which Python runs here, and is the machine 64-bit?"""

from __future__ import annotations

import platform

from deploy.doctor.finding import Finding, Patient


def look(patient: Patient) -> Finding:
    """Python on x86-64 or arm64, the machines whose packages are tested."""
    del patient
    found = f"Python {platform.python_version()} on {platform.machine()}"
    if platform.machine() not in ("x86_64", "aarch64", "arm64"):
        return Finding("python", "warning", found, "use a 64-bit system: others are not tested")
    return Finding("python", "ok", found)

"""Is there memory left?"""

from __future__ import annotations

from pathlib import Path

from deploy.doctor.finding import Finding, Patient

LEAST_MB = 300


def look(patient: Patient) -> Finding:
    """At least 300 MB available: what one node's services take."""
    del patient
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            free_mb = int(line.split()[1]) // 1024
            if free_mb < LEAST_MB:
                return Finding(
                    "memory", "warning", f"{free_mb} MB available", "end other programs, or use 2 GB"
                )
            return Finding("memory", "ok", f"{free_mb} MB available")
    return Finding("memory", "warning", "/proc/meminfo does not say", "check by hand with: free -m")

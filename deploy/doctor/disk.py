"""Is there room, and can the data folder be written?"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from deploy.doctor.finding import Finding, Patient

LEAST_MB = 1000


def look(patient: Patient) -> Finding:
    """A gigabyte free where data lives, and a file can be made there."""
    folder = patient.settings.data_dir if patient.settings else Path.cwd()
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    free_mb = shutil.disk_usage(existing).free // 1_000_000
    found = f"{free_mb} MB free at {folder}"
    if free_mb < LEAST_MB:
        return Finding("disk", "error", found, "free some space: old clips and logs first")
    try:
        with tempfile.NamedTemporaryFile(dir=existing):
            return Finding("disk", "ok", found)
    except OSError as why:
        return Finding("disk", "error", f"{existing}: {why.strerror}", f"chown langso {existing}")

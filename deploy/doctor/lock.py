"""Is what is installed what the lock says?"""

from __future__ import annotations

import re
from importlib import metadata

from deploy.doctor.finding import Finding, Patient

_LINE = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)( *;)?", re.MULTILINE)


def look(patient: Patient) -> Finding:
    """Compare every locked package with the installed version; what has a marker may be for another system."""
    file = patient.root / "requirements.lock"
    if not file.is_file():
        return Finding("lock", "warning", f"{file} is not there", "install from a release or a checkout")
    locked: dict[str, list[str]] = {}
    elsewhere = set()
    for name, version, marker in _LINE.findall(file.read_text(encoding="utf-8")):
        locked.setdefault(name, []).append(version)
        if marker:
            elsewhere.add(name)
    wrong = []
    for name, versions in locked.items():
        found = _installed(name)
        if found not in versions and not (found == "" and name in elsewhere):
            wrong.append(f"{name} {found or 'not installed'} instead of {' or '.join(versions)}")
    if wrong:
        shown = "; ".join(wrong[:3]) + (f"; and {len(wrong) - 3} more" if len(wrong) > 3 else "")
        return Finding("lock", "error", shown, "delete .venv and start ./langso again")
    return Finding("lock", "ok", "all packages are as locked")


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""

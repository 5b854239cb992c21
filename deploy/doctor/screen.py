"""Is there what a kiosk's touch screen needs?"""

from __future__ import annotations

import shutil

from deploy.doctor.finding import Finding, Patient


def look(patient: Patient) -> Finding:
    """cage and chromium, on nodes; elsewhere any browser will do."""
    if patient.settings is None or patient.settings.machine.role != "node":
        return Finding("screen", "ok", "not a kiosk: any browser will do")
    missing = [name for name in ("cage", "chromium") if shutil.which(name) is None]
    if missing:
        todo = "apt-get install --no-install-recommends cage chromium xwayland"
        return Finding("screen", "warning", f"missing: {', '.join(missing)}", todo)
    return Finding("screen", "ok", "cage and chromium are installed")

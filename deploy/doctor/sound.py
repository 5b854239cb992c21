"""Is there a sound card?"""

from __future__ import annotations

from pathlib import Path

from deploy.doctor.finding import Finding, Patient


def look(patient: Patient) -> Finding:
    """Playback devices of the kernel. Without one a node writes WAV files instead of speaking."""
    devices = sorted(Path("/proc/asound").glob("card*/pcm*p/info"))
    names = []
    for each in devices:
        lines = each.read_text(encoding="utf-8", errors="replace").splitlines()
        names += [line.partition(": ")[2] for line in lines if line.startswith("name:")]
    if names:
        return Finding("sound", "ok", f"{len(names)} output(s): {', '.join(names)}")
    is_node = patient.settings is not None and patient.settings.machine.role == "node"
    todo = "connect the amplifier's sound card; until then broadcasts become files in <data>/played"
    return Finding("sound", "error" if is_node else "warning", "no sound card", todo)

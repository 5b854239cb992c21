"""`langso doctor`: what is well and what is not on this machine. One check per file; each says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from broker.link.config import SettingsError, load
from deploy.doctor import (
    address,
    admission,
    audit,
    broker,
    camera,
    clock,
    disk,
    fonts,
    labels,
    live_microphone,
    lock,
    memory,
    mosquitto,
    ports,
    python,
    screen,
    serial_ports,
    sound,
    voice,
)
from deploy.doctor.finding import Finding, Patient

ROOT = Path(__file__).resolve().parent.parent.parent

CHECKS: tuple[tuple[str, Callable[[Patient], Finding]], ...] = (
    ("python", python.look),
    ("lock", lock.look),
    ("memory", memory.look),
    ("disk", disk.look),
    ("clock", clock.look),
    ("ports", ports.look),
    ("address", address.look),
    ("broker", broker.look),
    ("admission", admission.look),
    ("mosquitto", mosquitto.look),
    ("audit", audit.look),
    ("voice", voice.look),
    ("sound", sound.look),
    ("live microphone", live_microphone.look),
    ("camera", camera.look),
    ("labels", labels.look),
    ("serial", serial_ports.look),
    ("fonts", fonts.look),
    ("screen", screen.look),
)


def examine(config: Path | None) -> list[Finding]:
    """Run every check. A check that itself fails is a finding, and stops no other."""
    findings = []
    settings = None
    if config is not None:
        try:
            settings = load(config)
            findings.append(
                Finding("settings", "ok", f"{config}: {settings.machine.role} {settings.machine.name}")
            )
        except SettingsError as why:
            findings += [Finding("settings", "error", line, "correct this line") for line in why.lines]
    patient = Patient(config, settings, ROOT)
    for name, look in CHECKS:
        try:
            findings.append(look(patient))
        except Exception as why:  # noqa: BLE001  (whatever a driver or file does wrong is itself the finding)
            findings.append(Finding(name, "error", f"could not be checked: {why!r}", "report this line"))
    return findings

"""Is Mosquitto here with its rights plugin? A commune in service needs it at the hub."""

from __future__ import annotations

from deploy.doctor.finding import Finding, Level, Patient
from deploy.mosquitto import config


def look(patient: Patient) -> Finding:
    """Program and dynamic-security plugin. On a node neither is needed."""
    if patient.settings is not None and patient.settings.machine.role == "node":
        return Finding("mosquitto", "ok", "not needed on a node")
    if config.program() is None:
        level: Level = "error" if patient.settings else "warning"
        todo = "apt-get install mosquitto; without it the demo uses the embedded broker"
        return Finding("mosquitto", level, "mosquitto is not installed", todo)
    if config.plugin() is None:
        todo = "install a Mosquitto 2 that has mosquitto_dynamic_security.so"
        return Finding("mosquitto", "error", "its dynamic-security plugin is missing", todo)
    return Finding("mosquitto", "ok", f"{config.program()} with {config.plugin()}")

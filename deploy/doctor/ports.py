"""Are the ports this machine listens on free, or held by our own services?"""

from __future__ import annotations

import socket

from deploy.doctor.finding import Finding, Patient

DEMO = {"console": 8080, "kiosk": 8081, "device port": 8443, "broker": 8883}


def look(patient: Patient) -> Finding:
    """Name the ports somebody listens on; the demo moves to free ones, a service in use holds its own."""
    settings = patient.settings
    if settings is None:
        wanted = DEMO
    elif settings.machine.role == "hub":
        wanted = {"console": settings.console.port, "device port": settings.device_port.port}
    else:
        wanted = {"kiosk": settings.kiosk.port}
    taken = [f"{name} {port}" for name, port in wanted.items() if _is_taken(port)]
    if taken and settings is None:
        return Finding("ports", "ok", f"in use: {', '.join(taken)}; the demo takes free ones instead")
    if taken:
        todo = "well if langso runs here (systemctl status 'langso@*'); else end the other program: ss -ltnp"
        return Finding("ports", "ok", f"answering: {', '.join(taken)} ({todo})")
    return Finding("ports", "ok", f"free: {', '.join(f'{name} {port}' for name, port in wanted.items())}")


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0

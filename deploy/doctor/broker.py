"""Does the broker of the settings answer, with a certificate of this commune?"""

from __future__ import annotations

import socket
import ssl

from deploy.doctor.finding import Finding, Patient


def look(patient: Patient) -> Finding:
    """Connect as the services will; says whether network, certificate or clock is in the way."""
    settings = patient.settings
    if settings is None:
        return Finding("broker", "ok", "no settings file here: the demo starts its own")
    where = f"{settings.broker.host}:{settings.broker.port}"
    service = "ingest" if settings.machine.role == "hub" else "node"
    keys = settings.keys_dir
    try:
        with socket.create_connection((settings.broker.host, settings.broker.port), 3) as plain:
            if settings.broker.tls:
                context = ssl.create_default_context(cafile=str(keys / "ca.pem"))
                context.load_cert_chain(keys / f"{service}.pem", keys / f"{service}.key")
                with context.wrap_socket(plain, server_hostname=settings.broker.host):
                    return Finding("broker", "ok", f"{where} answers with a certificate of this commune")
    except ssl.SSLError as why:
        todo = "check this machine's date and that keys/ came from this commune's `langso provision`"
        return Finding("broker", "error", f"{where}: {why.reason or why}", todo)
    except FileNotFoundError as why:
        return Finding(
            "broker", "error", f"{why.filename} is missing", "copy this machine's keys folder again"
        )
    except OSError as why:
        todo = "check the cable, the hub's power and `systemctl status mosquitto` there"
        return Finding("broker", "error", f"{where}: {why.strerror or why}", todo)
    return Finding("broker", "ok", f"{where} answers")

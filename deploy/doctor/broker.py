"""Does the broker of the settings answer, with a certificate of this commune, and does it keep everybody's rights?"""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime

from broker.link.config import Settings
from deploy.doctor.finding import Finding, Patient


def look(patient: Patient) -> Finding:
    """Connect as the services will; says whether network, certificate or clock is in the way.

    On the hub also whether the list of revoked certificates is about to lock everybody out, and the canary is let out.
    """
    settings = patient.settings
    if settings is None:
        return Finding("broker", "ok", "no settings file here: the demo starts its own")
    is_hub = settings.machine.role == "hub"
    expiring = _list(settings) if is_hub and settings.broker.tls else None
    if expiring is not None and expiring.level == "error":
        return expiring
    found = _reach(settings)
    if found.level != "ok" or not is_hub:
        return found
    return _canary(settings, found) or expiring or found


def _list(settings: Settings) -> Finding | None:
    """What is wrong with the list of revoked certificates; None when nothing is."""
    from broker.hub.keys import crl

    now = datetime.now(UTC)
    until = crl.ends(settings.keys_dir)
    if until is not None and until - now >= crl.ALARM:
        return None
    todo = "langso provision crl"
    if until is None or until <= now:
        return Finding(
            "broker", "error", "the list of revoked certificates is missing or over: nobody gets in", todo
        )
    return Finding(
        "broker", "warning", f"the list of revoked certificates ends {until:%Y-%m-%d %H:%M} UTC", todo
    )


def _canary(settings: Settings, found: Finding) -> Finding | None:
    """What an identity without rights can do; None when nothing."""
    from broker.hub.keys import canary

    trial = canary.look(settings)
    if trial.verdict == "clear":
        return None
    if trial.verdict == "open":
        return Finding(
            "broker", "error", f"{found.found}, but {trial.text}", "stop Mosquitto; langso provision broker"
        )
    return Finding(
        "broker",
        "warning",
        f"{found.found}; its rights cannot be tried: {trial.text}",
        "langso provision broker",
    )


def _reach(settings: Settings) -> Finding:
    host, port = settings.broker_door
    where = f"{host}:{port}"
    service = "ingest" if settings.machine.role == "hub" else "node"
    keys = settings.keys_dir
    try:
        with socket.create_connection((host, port), 3) as plain:
            if settings.broker.tls:
                context = ssl.create_default_context(cafile=str(keys / "ca.pem"))
                context.load_cert_chain(keys / f"{service}.pem", keys / f"{service}.key")
                with context.wrap_socket(plain, server_hostname=host):
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

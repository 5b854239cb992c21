"""Does the hub still take this node in? A revoked one hears only broken connections from the broker."""

from __future__ import annotations

import requests

from deploy.doctor.finding import Finding, Patient

_NOTHING = "/media/" + "0" * 64
"""What no hub has: a node that is taken in gets 404, a revoked one 403."""


def look(patient: Patient) -> Finding:
    """Knock at the device port with the node's own certificate."""
    settings = patient.settings
    if settings is None or settings.machine.role == "hub" or not settings.device_port.url:
        return Finding("admission", "ok", "not needed here")
    keys, url = settings.keys_dir, settings.device_port.url.rstrip("/")
    try:
        with requests.Session() as http:
            http.trust_env = False
            answer = http.head(
                url + _NOTHING,
                cert=(str(keys / "node.pem"), str(keys / "node.key")),
                verify=str(keys / "ca.pem"),
                timeout=(3.05, 10),
            )
    except (requests.RequestException, OSError) as why:
        todo = "check the cable, the hub's power and this machine's date"
        return Finding("admission", "error", f"{url}: {type(why).__name__}, no answer to be had", todo)
    if answer.status_code == 403:
        todo = "take a new code on the page Điểm và máy, then: langso enrol"
        return Finding("admission", "error", "the hub has revoked this node (máy này đã bị thu hồi)", todo)
    return Finding("admission", "ok", f"{url} takes this node in")

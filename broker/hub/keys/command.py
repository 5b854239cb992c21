"""The one command a new node enrols with, as the console and the terminal show it."""

from __future__ import annotations

from broker.link.config import Settings
from broker.trust.enrolment import fingerprint
from broker.trust.keys import read_file


def root_fingerprint(settings: Settings) -> str:
    """What the commune's root certificate is recognised by. Raises IdentityError when the hub has none."""
    return fingerprint(read_file(settings.keys_dir / "ca.pem"))


def enrol_command(settings: Settings, node: str, code: str) -> list[str]:
    """In pieces that may stand on lines of their own; joined by blanks it is one line. Raises IdentityError."""
    host = settings.hub_name
    hub = f"https://{f'[{host}]' if ':' in host else host}:{settings.enrolment.port}"
    pin = root_fingerprint(settings)
    return [f"sudo -u langso langso enrol {node}", f"--hub {hub}", f"--code {code}", f"--pin {pin}"]

"""Mosquitto's configuration: client certificates (a commune, the demo), or passwords on loopback (test brokers).

Rights come from the dynamic-security file beside it (broker/contract/rights.py); there is no acl_file. With
certificates that file is only the beginning: the hub's `announce` keeps the rights over $CONTROL, and the plugin
writes the file anew with each change. The broker keeps no messages: durability is end to end, so persistence stays
off.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from broker.contract import Identity, Place
from broker.contract.message import LARGE
from broker.contract.rights import dynsec

PLUGIN_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/arm-linux-gnueabihf",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
    "/opt/homebrew/lib",
)
PLUGIN_NAME = "mosquitto_dynamic_security.so"
RIGHTS_FILE = "rights.json"
PID_FILE = "broker.pid"
"""In the broker's folder; the hub's setting `broker.pid_file` names it, so that announce can tell of a new CRL."""
MOST_STRANGERS, MOST_OF_HUB = 900, 64
"""Connections by the nodes' port and by the hub's own. Both together stay below the 1024 files that a process may
open where nobody set another limit: past it Mosquitto would turn the hub away as well."""
PROGRAM_PLACES = ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto")


@dataclass(frozen=True)
class Certificates:
    """Files of the broker's own certificate and of the commune's authorities, absolute paths.

    certificate: with the issuing certificate behind it. crl: lists of the issuing keys; without that file, or with
    one that has expired, the broker lets nobody in.
    """

    ca: Path
    certificate: Path
    key: Path
    crl: Path


def certificates_in(keys: Path) -> Certificates:
    """The broker's files in the hub's folder of keys."""
    keys = keys.resolve()
    return Certificates(keys / "ca.pem", keys / "broker.pem", keys / "broker.key", keys / "crl.pem")


def program() -> Path | None:
    """The mosquitto program, also where sbin is not in PATH; None where it is not installed."""
    found = shutil.which("mosquitto")
    if found:
        return Path(found)
    return next((Path(place) for place in PROGRAM_PLACES if Path(place).is_file()), None)


def plugin(folders: Sequence[str] = PLUGIN_FOLDERS) -> Path | None:
    """The dynamic-security plugin, or None. Without it Mosquitto cannot keep the contract's rights."""
    for folder in folders:
        for place in (Path(folder) / PLUGIN_NAME, Path(folder) / "mosquitto" / PLUGIN_NAME):
            if place.is_file():
                return place
    return None


def is_usable() -> bool:
    """True where both the program and its plugin are installed."""
    return program() is not None and plugin() is not None


def configuration(
    *,
    plugin_file: Path,
    rights_file: Path,
    port: int,
    host: str = "",
    certificates: Certificates | None = None,
    pid_file: Path | None = None,
    hub_port: int = 0,
) -> str:
    """Text of mosquitto.conf. With certificates: mutual TLS, the certificate's name is the identity.

    Without: passwords, and the caller must give a loopback `host`. hub_port: a second port, on loopback, for the
    hub's own services, with the same rights and certificates and a count of connections of its own.
    Raises ValueError for a password listener that others could reach.
    """
    if certificates is None and host not in ("127.0.0.1", "::1"):
        raise ValueError(f"plain MQTT is for loopback only, found host {host!r}")
    lines = [
        "# Made by `langso provision`; made again with every change of identities. Do not edit.",
        "per_listener_settings false",
        "allow_anonymous false",
        "persistence false",
        f"max_packet_size {LARGE}",
        "max_inflight_messages 400",
        "max_queued_messages 2000",
        "max_queued_bytes 67108864",
        "max_keepalive 600",
        "set_tcp_nodelay true",
        "connection_messages true",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
        f"plugin {plugin_file}",
        f"plugin_opt_config_file {rights_file}",
        f"user {_owner()}",
    ]
    if pid_file is not None:
        lines.append(f"pid_file {pid_file}")
    lines += _listener(port, host, MOST_STRANGERS, certificates)
    if hub_port:
        lines += _listener(hub_port, "127.0.0.1", MOST_OF_HUB, certificates)
    return "\n".join(lines) + "\n"


def _listener(port: int, host: str, most: int, certificates: Certificates | None) -> list[str]:
    """What counts for one port only; said before any `listener` it would open the usual port 1883 as well."""
    lines = [f"listener {port} {host}".rstrip(), f"max_connections {most}", "use_username_as_clientid true"]
    return lines if certificates is None else lines + _tls(certificates)


def _owner() -> str:
    """Who made the files: started as root, Mosquitto becomes this user, who can read them."""
    return pwd.getpwuid(os.geteuid()).pw_name


def _tls(files: Certificates) -> list[str]:
    return [
        "tls_version tlsv1.2",  # the least it accepts
        f"cafile {files.ca}",
        f"certfile {files.certificate}",
        f"keyfile {files.key}",
        f"crlfile {files.crl}",
        "require_certificate true",
        "use_identity_as_username true",
    ]


def write(
    folder: Path,
    identities: Sequence[Identity],
    place: Place,
    *,
    port: int,
    host: str = "",
    passwords: Mapping[str, str] | None = None,
    certificates: Certificates | None = None,
    anew: bool = False,
    hub_port: int = 0,
) -> Path:
    """Write mosquitto.conf and rights.json into `folder` and return the former.

    With certificates a rights.json that is there stays, because announce has kept it since; anew: make it again.
    Raises FileNotFoundError where the dynamic-security plugin is not installed.
    """
    plugin_file = plugin()
    if plugin_file is None:
        raise FileNotFoundError(f"{PLUGIN_NAME} is not installed; type: apt-get install mosquitto")
    folder.mkdir(parents=True, exist_ok=True)
    rights_file = folder / RIGHTS_FILE
    if certificates is None or anew or not rights_file.exists():
        rights_file.touch(mode=0o600)
        text = json.dumps(dynsec(identities, place, passwords), indent=1, sort_keys=True)
        rights_file.write_text(text + "\n", encoding="utf-8")
    config_file = folder / "mosquitto.conf"
    config_file.write_text(
        configuration(
            plugin_file=plugin_file,
            rights_file=rights_file,
            port=port,
            host=host,
            certificates=certificates,
            pid_file=folder / PID_FILE,
            hub_port=hub_port,
        ),
        encoding="utf-8",
    )
    return config_file


def command(config_file: Path) -> list[str]:
    """How to start Mosquitto with that configuration. Raises FileNotFoundError where it is not installed."""
    found = program()
    if found is None:
        raise FileNotFoundError("mosquitto is not installed; type: apt-get install mosquitto")
    return [str(found), "-c", str(config_file)]

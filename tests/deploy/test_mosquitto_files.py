"""Mosquitto's files: mutual TLS with the revocation list, and rights that nobody's start overwrites."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.contract.rights import hub_identities
from deploy.mosquitto import config as mosquitto
from tests.brokers import PLACE, need


def write(folder: Path, *, anew: bool = False) -> str:
    keys = mosquitto.certificates_in(folder / "keys")
    made = mosquitto.write(folder, hub_identities(), PLACE, port=8883, certificates=keys, anew=anew)
    return made.read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _installed() -> None:
    need("mosquitto", "mosquitto")


def test_a_listener_that_leaves_the_host_wants_certificates_of_the_commune_that_are_not_revoked(
    tmp_path: Path,
) -> None:
    lines = write(tmp_path).splitlines()
    for line in (
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
        "tls_version tlsv1.2",
        f"crlfile {tmp_path / 'keys' / 'crl.pem'}",
        f"pid_file {tmp_path / mosquitto.PID_FILE}",
    ):
        assert line in lines
    assert not [
        line for line in lines if line.startswith(("acl_file", "password_file", "allow_anonymous true"))
    ]


def test_rights_that_announce_has_kept_since_stay_until_they_are_asked_for_anew(tmp_path: Path) -> None:
    write(tmp_path)
    rights = tmp_path / mosquitto.RIGHTS_FILE
    first = rights.read_text()
    rights.write_text('{"kept": "by announce"}')
    write(tmp_path)
    assert rights.read_text() == '{"kept": "by announce"}'
    write(tmp_path, anew=True)
    assert rights.read_text() == first


def test_plain_connections_are_for_loopback_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="loopback"):
        mosquitto.write(tmp_path, hub_identities(), PLACE, port=1883, host="0.0.0.0", passwords={})


def test_the_hubs_own_port_is_on_loopback_and_as_strict_as_that_of_the_nodes(tmp_path: Path) -> None:
    """What is said of a port before any `listener` would count for the usual port 1883, which nobody guards."""
    lines = mosquitto.configuration(
        plugin_file=tmp_path,
        rights_file=tmp_path,
        port=8883,
        hub_port=8884,
        certificates=mosquitto.certificates_in(tmp_path),
    ).splitlines()
    nodes, hub = lines.index("listener 8883"), lines.index("listener 8884 127.0.0.1")
    of_nodes, of_hub = lines[nodes + 1 : hub], lines[hub + 1 :]
    assert of_nodes[0] != of_hub[0], "each counts its own connections"
    assert of_nodes[1:] == of_hub[1:]
    for line in (
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
    ):
        assert line in of_hub
        assert line not in lines[:nodes]

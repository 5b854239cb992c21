"""`langso doctor` on the hub: whether the broker answers, is open to all, or is about to shut everybody out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broker.hub.keys import crl
from deploy.doctor import broker
from deploy.doctor.finding import Finding, Patient
from tests.trusted_commune import TrustedCommune


@pytest.fixture
def commune(tmp_path: Path) -> Iterator[TrustedCommune]:
    made = TrustedCommune(tmp_path)
    yield made
    made.close()


def look(commune: TrustedCommune) -> Finding:
    return broker.look(Patient(commune.hub / "langso.toml", commune.settings, commune.folder))


def sign(commune: TrustedCommune, days: int) -> None:
    crl.write(commune.database, commune.settings.keys_dir, commune.issuer, datetime.now(UTC), days=days)


def test_a_broker_that_keeps_rights_is_well(commune: TrustedCommune) -> None:
    commune.start()
    assert look(commune).level == "ok"


def test_a_list_that_ends_soon_is_a_warning_and_one_that_ended_an_error(commune: TrustedCommune) -> None:
    commune.start()
    sign(commune, days=2)
    found = look(commune)
    assert (found.level, found.do) == ("warning", "langso provision crl")
    sign(commune, days=-1)
    found = look(commune)
    assert (found.level, found.do) == ("error", "langso provision crl")
    assert "nobody gets in" in found.found


def test_a_broker_open_to_all_is_an_error(commune: TrustedCommune) -> None:
    commune.start(without_rights=True)
    found = look(commune)
    assert found.level == "error"
    assert "without rights succeeded" in found.found


def test_a_broker_that_is_away_is_an_error_with_what_to_look_at(commune: TrustedCommune) -> None:
    found = look(commune)
    assert found.level == "error"
    assert "mosquitto" in found.do

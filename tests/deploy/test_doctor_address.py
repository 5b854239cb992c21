"""The doctor says when the console's address opens on the hub alone."""

from __future__ import annotations

from pathlib import Path

import msgspec

from deploy.doctor.address import look
from deploy.doctor.finding import Patient
from tests.settings import hub_settings


def test_a_hub_without_an_address_is_told_that_invitations_stay_on_it(tmp_path: Path) -> None:
    settings = hub_settings(tmp_path)
    found = look(Patient(None, settings, tmp_path))
    assert (found.level, "localhost" in found.found, "[console]" in found.do) == ("warning", True, True)
    console = msgspec.structs.replace(settings.console, address="https://hub.example.gov.vn")
    named = msgspec.structs.replace(settings, console=console)
    assert look(Patient(None, named, tmp_path)).level == "ok"


def test_where_no_console_runs_no_address_is_asked_for(tmp_path: Path) -> None:
    assert look(Patient(None, None, tmp_path)).level == "ok"

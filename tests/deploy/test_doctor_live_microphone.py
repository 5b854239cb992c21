"""The doctor knows the one way in which a live microphone would pass the firewall."""

from __future__ import annotations

from pathlib import Path

import msgspec

from deploy.doctor.finding import Patient
from deploy.doctor.live_microphone import look
from tests.settings import hub_settings


def patient(folder: Path, snapclient: str) -> Patient:
    settings = hub_settings(folder)
    speaker = msgspec.structs.replace(settings.speaker, snapclient=snapclient)
    return Patient(None, msgspec.structs.replace(settings, speaker=speaker), folder)


def test_a_snapclient_that_runs_by_itself_is_an_error(tmp_path: Path) -> None:
    wants = tmp_path / "multi-user.target.wants"
    wants.mkdir()
    (wants / "snapclient.service").symlink_to("/lib/systemd/system/snapclient.service")
    found = look(patient(tmp_path, "/bin/true"), tmp_path)
    assert (found.level, found.do) == ("error", "sudo systemctl disable --now snapclient")


def test_none_is_taken_unless_the_settings_name_the_program(tmp_path: Path) -> None:
    assert look(Patient(None, None, tmp_path), tmp_path).found == "none is taken"
    assert look(patient(tmp_path, ""), tmp_path).level == "ok"


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert look(patient(tmp_path, "/bin/true"), tmp_path).level == "ok"
    missing = look(patient(tmp_path, "no-such-snapclient"), tmp_path)
    assert missing.level == "error"
    assert "no-such-snapclient" in missing.found
    assert "apt-get install" in missing.do

"""systemd units: written without a mistake, and closed as far as each job allows."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
FOREIGN = ("/opt/langso/.venv/bin/python", "/usr/bin/cage", "/usr/sbin/mosquitto")
INSTANCES = {"langso@": "langso@speaker", "langso-hub@": "langso-hub@web", "langso-kiosk": "langso-kiosk"}
LARGEST_EXPOSURE = {"langso@": 2.0, "langso-hub@": 2.0, "langso-kiosk": 7.0}


@pytest.fixture
def analyze(tmp_path: Path):
    """Runs systemd-analyze on a copy of a unit whose programs exist on this machine."""
    if shutil.which("systemd-analyze") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("systemd-analyze is missing")
        pytest.skip("systemd-analyze is not installed (package systemd)")

    def run(unit: str, *order: str) -> subprocess.CompletedProcess[str]:
        text = (UNITS / f"{unit}.service").read_text(encoding="utf-8")
        for program in FOREIGN:
            text = text.replace(program, sys.executable)
        (tmp_path / f"{unit}.service").write_text(text, encoding="utf-8")
        file = tmp_path / f"{INSTANCES[unit]}.service"
        file.write_text(text, encoding="utf-8")
        return subprocess.run(
            ["systemd-analyze", *order, str(file)], capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.mark.parametrize("unit", INSTANCES)
def test_a_unit_is_verified_without_a_word(analyze, unit):
    done = analyze(unit, "verify")
    assert done.returncode == 0
    assert done.stderr == "", "a misspelt key only warns, so any word counts"


@pytest.mark.parametrize("unit", INSTANCES)
def test_a_unit_is_hardened(analyze, unit):
    done = analyze(unit, "security", "--offline=true")
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= LARGEST_EXPOSURE[unit]


def test_services_are_watched_and_start_again():
    for name in ("langso@.service", "langso-hub@.service"):
        text = (UNITS / name).read_text(encoding="utf-8")
        for line in ("Type=notify", "WatchdogSec=30", "Restart=always", "RestartPreventExitStatus=78"):
            assert line in text, (name, line)


def test_the_clock_can_be_read_inside_the_unit():
    for name in ("langso@.service", "langso-hub@.service"):
        text = (UNITS / name).read_text(encoding="utf-8")
        assert "adjtimex" in text, "else the clock is never trusted and the loudspeaker stays silent"
        assert "ProtectClock" not in text, "it would forbid reading whether NTP keeps the clock"


def test_the_kiosk_opens_the_kiosks_own_page():
    text = (UNITS / "langso-kiosk.service").read_text(encoding="utf-8")
    assert text.count("http") == 1
    assert "http://127.0.0.1:8081/" in text


def test_the_kiosks_browser_may_go_nowhere_else_and_keeps_nothing():
    policy = json.loads((UNITS / "chromium-policy.json").read_text(encoding="utf-8"))
    assert policy["URLBlocklist"] == ["*"]
    assert policy["URLAllowlist"] == ["127.0.0.1"], "the service listens on loopback alone"
    off = {
        "DeveloperToolsAvailability": 2,
        "DownloadRestrictions": 3,
        "IncognitoModeAvailability": 1,
        "DefaultPopupsSetting": 2,
        "BrowserSignin": 0,
    }
    assert {name: policy[name] for name in off} == off
    for name in (
        "PrintingEnabled", "AllowFileSelectionDialogs", "PasswordManagerEnabled", "AutofillAddressEnabled",
        "SearchSuggestEnabled", "SpellcheckEnabled", "TranslateEnabled", "ScreenCaptureAllowed",
        "AllowBackForwardCacheForCacheControlNoStorePageEnabled",
    ):  # fmt: skip
        assert policy[name] is False, name
    assert policy["SavingBrowserHistoryDisabled"] is True
    text = (UNITS.parents[1] / "docs" / "INSTALL.md").read_text(encoding="utf-8")
    assert re.search(r"cp \S*chromium-policy\.json /etc/chromium/policies/managed/", text)

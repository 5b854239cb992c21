"""What `./langso test`, `lint` and `bench` do in a checkout: system packages, pytest, linters, figures."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
Tell = Callable[[str], None]
APT_S = 900
RTSP_SERVER = ROOT / ".venv" / "npm" / "node_modules" / "@camera.ui" / "go2rtc-linux-x64" / "go2rtc"


@dataclass(frozen=True)
class SystemPackage:
    """A package of the system that some tests need, the program it brings, and what is skipped without it."""

    name: str
    programs: tuple[str, ...]
    tests: str


PACKAGES = (
    SystemPackage("mosquitto", ("mosquitto",), "delivery and system tests on Mosquitto"),
    SystemPackage("rabbitmq-server", ("rabbitmq-server",), "delivery and link tests on RabbitMQ"),
    SystemPackage("postgresql", ("pg_ctlcluster", "initdb"), "the hub's records on PostgreSQL"),
    SystemPackage("espeak-ng", ("espeak-ng",), "speech with the system's espeak-ng"),
    SystemPackage("chromium", ("chromium", "chromium-browser", "google-chrome"), "browser tests"),
    SystemPackage("victoria-metrics", ("victoria-metrics",), "the copy of readings to a server"),
    SystemPackage("influxdb", ("influxd",), "the copy of readings to an InfluxDB 1.6"),
    SystemPackage("snapserver", ("snapserver",), "live microphones of the loudspeaker"),
    SystemPackage("snapclient", ("snapclient",), "live microphones of the loudspeaker"),
    SystemPackage("pulseaudio", ("pulseaudio",), "the loudspeaker on a sound card"),
    SystemPackage("systemd", ("systemd-analyze",), "the units' check and hardening score"),
)
_SBIN = ("/usr/sbin", "/usr/local/sbin", "/sbin")


def missing_packages(packages: Sequence[SystemPackage] = PACKAGES) -> list[SystemPackage]:
    """Packages none of whose programs is installed."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *_SBIN])
    return [each for each in packages if not any(shutil.which(name, path=path) for name in each.programs)]


def run_tests(arguments: Sequence[str], tell: Tell) -> int:
    """Install what is missing where that is possible, run pytest, end with one clear line."""
    missing = [
        f"{each.name}, so this is skipped: {each.tests}" for each in _install(missing_packages(), tell)
    ]
    rtsp_server = find_rtsp_server(tell)
    if not rtsp_server:
        missing.append("go2rtc (needs npm, x86-64), so this is skipped: RTSP cameras against a real server")
    for each in missing:
        tell(f"langso test: missing: {each}")
    if missing and os.environ.get("CI") == "true":
        tell("langso test: FAILED, in CI nothing may be skipped for a missing package")
        return 1
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", f"--junitxml={report}"]
        if not any(each.startswith("-n") for each in arguments):
            command += ["-n", str(max(2, os.cpu_count() or 2)), "--dist", "loadgroup"]
        status = subprocess.run(
            [*command, *arguments], cwd=ROOT, env=_env(rtsp_server), check=False
        ).returncode
        tell(_closing(report, status, time.monotonic() - began))
    return status


def _install(missing: Sequence[SystemPackage], tell: Tell) -> Sequence[SystemPackage]:
    if not missing:
        return []
    names = [each.name for each in missing]
    line = f"apt-get install --no-install-recommends -y {' '.join(names)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        tell(f"langso test: for all tests an administrator types: {line}")
        return missing
    tell(f"langso test: installing {', '.join(names)}")
    _apt_install(names)
    return missing_packages(missing)


def _apt_install(names: Sequence[str]) -> None:
    """One by one: a package that this system does not have must not stop the others."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=env, check=False, timeout=APT_S)
    for name in names:
        order = ["apt-get", "install", "--no-install-recommends", "-y", "-qq", name]
        subprocess.run(order, env=env, check=False, timeout=APT_S, stdout=subprocess.DEVNULL)


def find_rtsp_server(tell: Tell) -> str:
    """The RTSP server of the camera tests: the one that is here, else by npm into .venv. Empty: there is none."""
    known = os.environ.get("LANGSO_GO2RTC") or shutil.which("go2rtc") or str(RTSP_SERVER)
    if os.access(known, os.X_OK):
        return known
    if shutil.which("npm") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        tell("langso test: installing npm, for the RTSP server of the camera tests")
        _apt_install(["npm"])
    if shutil.which("npm") is None or platform.machine() != "x86_64":
        return ""
    folder = RTSP_SERVER.parents[3]
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / "tests" / "camera" / "npm" / name, folder / name)
    order = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(order, cwd=folder, check=False, timeout=APT_S, stdout=subprocess.DEVNULL)
    if not RTSP_SERVER.is_file():
        return ""
    RTSP_SERVER.chmod(0o755)
    return str(RTSP_SERVER)


def _env(rtsp_server: str) -> dict[str, str]:
    path = os.environ.get("PYTHONPATH", "")
    found = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{path}" if path else str(ROOT)}
    if rtsp_server:
        found["LANGSO_GO2RTC"] = rtsp_server
    return found


def _closing(report: Path, status: int, took_s: float) -> str:
    """The last line: how many passed, failed and were skipped, and how long it took."""
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    if report.is_file():
        for suite in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314  (pytest's own file)
            for key in counts:
                counts[key] += int(suite.get(key, "0"))
    bad = counts["failures"] + counts["errors"]
    passed = counts["tests"] - bad - counts["skipped"]
    verdict = "all well" if status == 0 else "FAILED"
    return (
        f"langso test: {verdict}: {passed} passed, {bad} failed, {counts['skipped']} skipped "
        f"in {int(took_s) // 60} min {int(took_s) % 60} s"
    )


def run_schedules(arguments: Sequence[str], tell: Tell) -> int:
    """Seeded schedules of faults (tests/faults/run.py); what they need is installed as for the tests."""
    _install(missing_packages(), tell)
    status: int = importlib.import_module("tests.faults.run").main(arguments, tell)
    return status


def run_forge(arguments: Sequence[str], tell: Tell) -> int:
    """Forgeries against a real loudspeaker service (tests/faults/forge.py)."""
    _install(missing_packages(), tell)
    status: int = importlib.import_module("tests.faults.forge").main(arguments, tell)
    return status


def run_taps(arguments: Sequence[str], tell: Tell) -> int:
    """A child at the touch screen (tests/faults/taps.py)."""
    _install(missing_packages(), tell)
    status: int = importlib.import_module("tests.faults.taps").main(arguments, tell)
    return status


def run_lint(tell: Tell) -> int:
    """ruff check, ruff format --check, mypy --strict; runs all three, fails when one does."""
    tools = {
        "ruff check": ["ruff", "check", "."],
        "ruff format": ["ruff", "format", "--check", "."],
        "mypy --strict": ["mypy", "--strict"],
    }
    failed = []
    for name, order in tools.items():
        status = subprocess.run([sys.executable, "-m", *order], cwd=ROOT, check=False).returncode
        if status:
            failed.append(name)
    tell(f"langso lint: {'FAILED: ' + ', '.join(failed) if failed else 'all well'}")
    return 1 if failed else 0


def bench_names() -> list[str]:
    """Benchmarks of this checkout: the files of tests/bench."""
    return sorted(file.stem for file in (ROOT / "tests" / "bench").glob("[a-z]*.py"))


def figures_of(name: str, wishes: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """Run `figures(**wishes)` of tests/bench/NAME.py: {"name","value","unit","baseline","ratio"} each."""
    found: Iterable[dict[str, Any]] = importlib.import_module(f"tests.bench.{name}").figures(**wishes)
    return found

"""Whatever breaks under it, the screen shows a useful page: the kiosk as its own process. How soon: bench kiosk."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from broker.link.config import Settings
from tests.bench.screens.running import RunningKiosk
from tests.browser.conftest import CHROMIUM
from tests.free_port import free_port
from tests.settings import node_settings

STARTS_S = 60.0
ROOM = "2m"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting and network namespaces need root")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", str(place)], check=False)
    if made.returncode:
        pytest.skip("this machine does not let tests mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def a_node(folder: Path) -> tuple[Settings, int]:
    port = free_port()
    settings = node_settings(folder, port=1, extra=f"[kiosk]\nport = {port}\n")
    (settings.keys_dir / "kiosk.password").write_text("secret", encoding="ascii")
    return settings, port


def order(folder: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "deploy.cli",
        "run",
        "kiosk",
        "--config",
        str(folder / "thon-01" / "langso.toml"),
    ]


@contextmanager
def started(command: list[str], port: int) -> Iterator[RunningKiosk]:
    """The kiosk as soon as home is shown."""
    began = time.monotonic()
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    )
    kiosk = RunningKiosk(port, process.pid)
    try:
        while True:
            try:
                assert kiosk.get("/nha")[0] == 200
                break
            except (OSError, http.client.HTTPException):
                if process.poll() is not None or time.monotonic() - began > STARTS_S:
                    process.kill()
                    raise AssertionError(process.communicate()[1].decode(errors="replace")) from None
        yield kiosk
    finally:
        process.kill()
        process.communicate()


def is_useful(kiosk: RunningKiosk) -> bool:
    status, page = kiosk.get("/tt/1.000894")
    return status == 200 and "Mang gì đi".encode() in page


def test_a_killed_server_is_back_with_useful_pages(tmp_path: Path) -> None:
    _, port = a_node(tmp_path)
    with started(order(tmp_path), port) as kiosk:
        os.kill(kiosk.pid, signal.SIGKILL)
    with started(order(tmp_path), port) as kiosk:
        assert is_useful(kiosk)


@as_root
def test_a_disk_that_went_read_only_still_shows_what_to_bring_and_takes_no_words(disk: Path) -> None:
    _, port = a_node(disk)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with started(order(disk), port) as kiosk:
        assert is_useful(kiosk)
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        line.request(
            "POST",
            "/gop-y/light/village",
            "loi=Hong+den&mot_lan=x",
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        status = line.getresponse().status
        line.close()
        assert status == 503, "words that a power cut would lose are not taken"


@as_root
def test_a_full_disk_still_shows_what_to_bring(disk: Path) -> None:
    _, port = a_node(disk)
    with suppress(OSError), (disk / "fill").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    with started(order(disk), port) as kiosk:
        assert is_useful(kiosk)


def test_a_clock_at_1970_hides_nothing(tmp_path: Path) -> None:
    _, port = a_node(tmp_path)
    at_1970 = (
        "import time, sys; real = time.time; time.time = lambda: real() % 1000; "
        "from deploy.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    with started([sys.executable, "-c", at_1970, *order(tmp_path)[3:]], port) as kiosk:
        assert is_useful(kiosk)


@as_root
def test_with_the_network_namespace_down_every_kind_of_page_is_there(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-n", "true"], check=False).returncode:
        pytest.skip("this machine gives no network namespaces")
    if not Path(CHROMIUM).exists():
        pytest.skip("chromium is not installed")
    _, port = a_node(tmp_path)
    walk = Path(__file__).with_name("offline_walk.py")
    inside = [sys.executable, str(walk), str(port), *order(tmp_path)]
    ended = subprocess.run(
        ["unshare", "-n", *inside],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "seen 9 pages" in ended.stdout

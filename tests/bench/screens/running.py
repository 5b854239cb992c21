"""The kiosk as it runs in a cultural house: a process of its own, without a broker, on a free port."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.free_port import free_port
from tests.settings import node_settings
from tests.until import until

STARTS_S = 30.0


@dataclass(frozen=True)
class RunningKiosk:
    """Where it answers, and its process."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of one page."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            line.request("GET", path)
            answer = line.getresponse()
            return answer.status, answer.read()
        finally:
            line.close()

    def memory_mb(self) -> float:
        """Resident memory now."""
        for row in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if row.startswith("VmRSS:"):
                return int(row.split()[1]) / 1024
        return 0.0


@contextmanager
def running_kiosk(folder: Path, extra: str = "") -> Iterator[RunningKiosk]:
    """Start it, wait until it answers, end it."""
    port = free_port()
    settings = node_settings(folder, port=1, extra=f"[kiosk]\nport = {port}\n{extra}")
    (settings.keys_dir / "kiosk.password").write_text("secret", encoding="ascii")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "deploy.cli",
            "run",
            "kiosk",
            "--config",
            str(folder / "thon-01" / "langso.toml"),
        ],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stderr=subprocess.DEVNULL,
    )
    made = RunningKiosk(port, process.pid)
    try:
        _wait(made, process)
        yield made
    finally:
        process.terminate()
        process.wait(10)


def _wait(kiosk: RunningKiosk, process: subprocess.Popen[bytes]) -> None:
    until(lambda: process.poll() is not None or _answers(kiosk), STARTS_S)


def _answers(kiosk: RunningKiosk) -> bool:
    try:
        return kiosk.get("/nhip")[0] == 200
    except (OSError, http.client.HTTPException):
        return False

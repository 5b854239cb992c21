"""The browser on the panel: started with an empty profile, watched, and started again before anybody has to come.

A browser can be gone, frozen, show its own error page, or have eaten the memory. All but the first look the same from
outside, so the page itself says that it lives (`/nhip`), and who says nothing is replaced.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
SILENT_S = 5.0
"""A page beats every 2 s; a browser that shows an error page never does."""
GRACE_S = 20.0
"""What a first page may take after a cold start on a Raspberry Pi."""
MEMORY_MB = 550.0
"""Above it the browser is changed as soon as nobody stands there."""
MEMORY_AT_ONCE_MB = 750.0
NIGHT_HOUR = 3
BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
END_S = 2.0
ASK_S = 1.0

FLAGS = (
    "--kiosk",
    "--no-first-run",
    "--noerrdialogs",
    "--disable-pinch",
    "--overscroll-history-navigation=0",
    "--disable-session-crashed-bubble",
    "--disable-features=Translate,OverscrollHistoryNavigation",
    "--password-store=basic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--disk-cache-size=20971520",
)


@dataclass(frozen=True)
class Seen:
    """What can be known of the browser from outside at one moment."""

    running: bool
    up_s: float
    """Since it was started."""
    beat_s: float | None
    """Since a page last said that it lives, or since the server began to listen; None while it does not answer."""
    idle: bool
    """The notice board is shown: nobody is in the middle of something."""
    memory_mb: float
    now: datetime
    """Local time."""
    nightly_on: date | None
    """The day on which it was last started anew for the night."""


def why_restart(seen: Seen) -> str:
    """The reason to start the browser anew; empty while there is none. Pure."""
    if not seen.running:
        return "gone"
    beat_s = seen.beat_s
    if beat_s is not None and beat_s > SILENT_S and seen.up_s > (GRACE_S if beat_s > seen.up_s else SILENT_S):
        return "silent"
    if seen.memory_mb > MEMORY_AT_ONCE_MB or (seen.memory_mb > MEMORY_MB and seen.idle):
        return "memory"
    if seen.now.hour == NIGHT_HOUR and seen.idle and seen.nightly_on != seen.now.date() and seen.up_s > 3600:
        return "night"
    return ""


class Screen:
    """Keeps one browser on the panel until told to stop."""

    def __init__(
        self,
        program: str,
        url: str,
        profiles: Path,
        extra: Sequence[str] = (),
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        """program: Chromium. url: the kiosk. profiles: a folder in memory; extra: further flags. now: local time."""
        self._program, self._url, self._extra = program, url, list(extra)
        self._profiles = profiles
        self._now = now
        self._process: subprocess.Popen[bytes] | None = None
        self._profile: Path | None = None
        self._started = 0.0
        self._nightly_on: date | None = None
        self._failed = 0

    @property
    def pid(self) -> int:
        """Of the browser, which leads a session of its own; 0 while there is none."""
        return self._process.pid if self._process is not None else 0

    def run(self, stop: threading.Event) -> None:
        """Start the browser and look after it until `stop`; then end it. Raises OSError when the first start fails."""
        try:
            self._start()
            while not stop.wait(LOOK_EVERY_S):
                seen = self._see()
                if reason := why_restart(seen):
                    self._again(reason, seen, stop)
        finally:
            self._end()

    def _again(self, reason: str, seen: Seen, stop: threading.Event) -> None:
        log.warning(
            "the browser is started anew: %s", reason, extra={"event": "browser-restarted", "reason": reason}
        )
        if reason == "night":
            self._nightly_on = seen.now.date()
        self._failed = self._failed + 1 if seen.up_s < GRACE_S else 0
        self._end()
        if not stop.wait(BACKOFF_S[min(self._failed, len(BACKOFF_S) - 1)]):
            try:
                self._start()
            except OSError as why:
                # Its package is being renewed, or the memory is short: the next look tries again.
                log.error("the browser does not start: %s", why, extra={"event": "browser-missing"})
                self._started = time.monotonic()

    def _start(self) -> None:
        self._profiles.mkdir(parents=True, exist_ok=True)
        self._profile = Path(tempfile.mkdtemp(prefix="profile-", dir=self._profiles))
        self._process = subprocess.Popen(
            [self._program, *FLAGS, f"--user-data-dir={self._profile}", *self._extra, self._url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._started = time.monotonic()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            for how in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, how)
                    process.wait(END_S)
                except ProcessLookupError:
                    process.wait()
                except subprocess.TimeoutExpired:
                    continue
                break
            # Its children may outlive it, and the memory is theirs.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        # Whatever the last visitors left in it goes with it.
        if self._profile is not None:
            shutil.rmtree(self._profile, ignore_errors=True)
            self._profile = None

    def _see(self) -> Seen:
        process = self._process
        beat_s, idle = self._ask()
        return Seen(
            running=process is not None and process.poll() is None,
            up_s=time.monotonic() - self._started,
            beat_s=beat_s,
            idle=idle,
            memory_mb=memory_of(process.pid) if process is not None else 0.0,
            now=self._now(),
            nightly_on=self._nightly_on,
        )

    def _ask(self) -> tuple[float | None, bool]:
        where = urlsplit(self._url)
        line = http.client.HTTPConnection(where.hostname or "127.0.0.1", where.port or 80, timeout=ASK_S)
        try:
            line.request("GET", "/nhip")
            told = json.loads(line.getresponse().read(1000))
            return float(told["age_s"]), bool(told["idle"])
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
            return None, False
        finally:
            line.close()


def memory_of(session: int) -> float:
    """Memory in MB of all processes of a session, what they share counted once."""
    total = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(after_name[3]) != session:
                continue
            for line in (folder / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except (OSError, IndexError, ValueError):
            continue  # it ended meanwhile
    return total / 1024

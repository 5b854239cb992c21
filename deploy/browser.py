"""Somebody at a browser, for the walk: one HTTP session, its form token, its live feed. Real HTTP on loopback."""

from __future__ import annotations

import html
import re
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import requests

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_TAG = re.compile(r"<[^>]+>")
TIMEOUT_S = 15.0
POLL_S = 0.3

Found = TypeVar("Found")


class WalkError(Exception):
    """A path did not lead where it should; the text says what was seen instead."""


def words_of(page: str) -> str:
    """What a page says, without its tags."""
    return " ".join(html.unescape(_TAG.sub(" ", page)).split())


def until(look: Callable[[], Found | None], patience_s: float, missing: str) -> Found:
    """Look again and again until there is something; WalkError(`missing`) when there is not in time."""
    pause = threading.Event()
    deadline = time.monotonic() + patience_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise WalkError(f"{missing} (waited {patience_s:.0f} s)")
        pause.wait(POLL_S)


class Browser:
    """One person's browser at one site."""

    def __init__(self, site: str) -> None:
        self.site = site
        self._http = requests.Session()
        self._http.trust_env = False  # a proxy of the machine has no part in what stays on loopback
        self._token = ""

    def get(self, path: str, status: int = 200) -> requests.Response:
        """Open a page. Raises WalkError for another status or no answer."""
        return self._checked(lambda: self._http.get(self.site + path, timeout=TIMEOUT_S), path, status)

    def try_get(self, path: str) -> requests.Response | None:
        """Open a page that may not be there yet."""
        try:
            return self._http.get(self.site + path, timeout=TIMEOUT_S)
        except requests.RequestException:
            return None

    def post(self, path: str, fields: dict[str, str | list[str]], status: int = 200) -> requests.Response:
        """Send a form with the session's token, follow to the page it leads to."""
        data = {**fields, "csrf_token": self._token}
        headers = {"Referer": self.site + path, "Origin": self.site}
        return self._checked(
            lambda: self._http.post(self.site + path, data=data, headers=headers, timeout=TIMEOUT_S),
            path,
            status,
        )

    def _checked(self, ask: Callable[[], requests.Response], path: str, status: int) -> requests.Response:
        try:
            answer = ask()
        except requests.RequestException as why:
            raise WalkError(f"{self.site}{path} does not answer: {why.__class__.__name__}") from why
        token = _TOKEN.search(answer.text) if "html" in answer.headers.get("Content-Type", "") else None
        if token:
            self._token = html.unescape(token[1])
        if answer.status_code != status:
            raise WalkError(f"{path} answered {answer.status_code}: {words_of(answer.text)[-300:]}")
        return answer

    def sign_in(self, name: str, password: str) -> None:
        """Sign in at the console. Raises WalkError when it is refused."""
        self.get("/sign-in")
        page = self.post("/sign-in", {"name": name, "password": password, "next": ""})
        if page.url.endswith("/sign-in"):
            raise WalkError(f"{name} could not sign in: {words_of(page.text)[-200:]}")

    def live(self, topics: str) -> LiveFeed:
        """Open the page's live feed, as its script does."""
        return LiveFeed(self.open_live(topics))

    def open_live(self, topics: str) -> requests.Response:
        """The live feed as it comes; its lines are read by whoever opened it."""
        answer = self._http.get(
            f"{self.site}/live", params={"topics": topics}, stream=True, timeout=(TIMEOUT_S, 90)
        )
        if answer.status_code != 200:
            raise WalkError(f"/live answered {answer.status_code}")
        return answer


class LiveFeed:
    """Server-sent events, read by a thread of their own; use as a context manager."""

    def __init__(self, answer: requests.Response) -> None:
        self._answer = answer
        self._came = threading.Condition()
        self._count = 0
        self._thread = threading.Thread(target=self._read, name="live-feed", daemon=True)

    def __enter__(self) -> LiveFeed:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()

    def _read(self) -> None:
        try:
            for line in self._answer.iter_lines():
                if line.startswith(b"data:"):
                    with self._came:
                        self._count += 1
                        self._came.notify_all()
        except (requests.RequestException, AttributeError, ValueError):
            return  # closed from the other side, or by `__exit__` in the middle of a read

    @property
    def count(self) -> int:
        """Events so far."""
        return self._count

    def wait_beyond(self, count: int, patience_s: float) -> bool:
        """Wait for an event after the `count`-th."""
        with self._came:
            return self._came.wait_for(lambda: self._count > count, patience_s)

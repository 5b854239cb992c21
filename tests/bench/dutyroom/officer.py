"""An officer's open duty room, as its script does it: hears of a change, fetches the queue, once at a time."""

from __future__ import annotations

import re
import threading
import time

import requests

from deploy.browser import Browser

ROW = re.compile(r'data-alerts="([\d ]+)"')
"""A row stands for all alerts of its incident."""
REST_S = 0.5
"""The page's script looks at most this often (static/duty.js)."""


class Officer:
    """Reads the stream in a thread of its own, fetches in another. Knows when each alert stood in its queue first."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._stream = browser.open_live("alert,camera")
        self._news = threading.Event()
        self._over = threading.Event()
        self.shown: dict[int, float] = {}
        """Alert → when its row had come, by the monotonic clock of this machine."""
        self.heard = 0
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._listen, self._fetch)]
        for thread in self._threads:
            thread.start()

    def look(self) -> None:
        """Fetch the queue, and note what stands in it."""
        answer = self._browser.try_get("/duty/queue")
        if answer is None or answer.status_code != 200:
            return
        now_s = time.monotonic()
        for keys in ROW.findall(answer.text):
            for key in keys.split():
                self.shown.setdefault(int(key), now_s)

    def close(self) -> None:
        """Close the tab."""
        self._over.set()
        self._news.set()
        self._stream.close()
        for thread in self._threads:
            thread.join(5)

    def _listen(self) -> None:
        try:
            for line in self._stream.iter_lines():
                if line.startswith(b"event: ") and not line.endswith(b"hello"):
                    self.heard += 1
                    self._news.set()
        except (requests.RequestException, AttributeError, ValueError):
            return  # closed by `close` in the middle of a read

    def _fetch(self) -> None:
        while not self._over.is_set():
            self._news.wait()
            self._news.clear()
            self.look()
            self._over.wait(REST_S)

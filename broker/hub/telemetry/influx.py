"""A copy of all readings on an Influx server, for people who have one. Only importer of influxdb-client.

The hub's own database stays the record; broker/hub/telemetry/replica.py says what the server still has to get.
Written in one synchronous call per batch with lines built here: the client's own batching loses data silently
(influxdb-client-python issues 80, 144, 198) and its Point objects cost seven times as much.

Two dialects: `POST /api/v2/write` (InfluxDB 1.8 and later, VictoriaMetrics) through influxdb-client, and where
there is none `POST /write?db=…` (InfluxDB 1.x) over the client's own connections. Which one is asked of the
server at first and again after every outage: it may have become another one meanwhile.

`water_level_m.song-van` of thon-01 becomes
`water_level_m,node=thon-01,service=board,sensor=song-van value=2.1,quality=0i 1795226400000`.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from broker.link.config import Influx

TIMEOUT_MS = 10_000

Dialect = Literal["v2", "v1"]
Trouble = Literal["away", "denied", "no-bucket"]

_DROPPED = re.compile(r"dropped=([0-9]+)")
_QUOTED = re.compile(r"'.*'", re.DOTALL)


class Unsent(Exception):
    """The server did not take a batch; it is tried again later."""

    def __init__(self, text: str, trouble: Trouble = "away") -> None:
        super().__init__(text)
        self.trouble = trouble


class Refused(Exception):
    """The server takes the others of a batch, but not some of its lines; `str()` is the reason."""

    def __init__(self, reason: str, *, every: bool) -> None:
        """every: none of these lines will ever be taken."""
        super().__init__(reason)
        self.every = every


class Server:
    """One Influx server."""

    def __init__(self, setting: Influx) -> None:
        """Raises OSError when the token's file cannot be read."""
        from influxdb_client.client.influxdb_client import InfluxDBClient
        from influxdb_client.client.write_api import SYNCHRONOUS

        token = Path(setting.token_file).read_text(encoding="utf-8").strip() if setting.token_file else ""
        self._setting = setting
        self._url = setting.url.rstrip("/")
        self._headers = _authorization(token)
        self._client: Any = InfluxDBClient(
            self._url, token=token, org=setting.org, timeout=TIMEOUT_MS, enable_gzip=True
        )
        self._write: Any = self._client.write_api(write_options=SYNCHRONOUS)
        self._pool: Any = self._client.api_client.rest_client.pool_manager
        self._dialect: Dialect | None = None
        self._keeps_connections = False
        self._connection = 0

    def write(self, lines: Sequence[str]) -> None:
        """Returns when the server has confirmed every line. Raises Unsent, Refused."""
        if not lines:
            return
        if self._dialect is None:
            self._meet()
        if self._dialect == "v1":
            self._write_v1(lines)
        else:
            self._write_v2(lines)

    def may_have_restarted(self) -> bool:
        """Whether the connection broke since this was last asked: a server that was killed has then lost what
        it had confirmed but not yet written. Raises Unsent when it does not answer.
        """
        if not self._keeps_connections:
            return False
        before, self._connection = self._connection, self._ping()
        return self._connection != before

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def _meet(self) -> None:
        """Find out which dialect it speaks, with an empty write, and whether it keeps connections open."""
        query = {"org": self._setting.org, "bucket": self._setting.bucket, "precision": "ms"}
        status, text = self._ask("POST", "/api/v2/write", query)
        if status in (401, 403):
            raise Unsent(f"status {status}: {text}", "denied")
        if status >= 500 or status == 429:
            raise Unsent(f"status {status}: {text}")
        self._dialect = "v1" if status == 404 and not _is_v2_error(text) else "v2"
        self._connection = self._ping()
        self._keeps_connections = self._connection > 0 and self._ping() == self._connection

    def _write_v2(self, lines: Sequence[str]) -> None:
        from influxdb_client.rest import ApiException
        from urllib3.exceptions import HTTPError

        try:
            self._write.write(self._setting.bucket, self._setting.org, "\n".join(lines), write_precision="ms")
        except ApiException as why:
            _raise_for(int(why.status or 0), str(why.body or why.reason), lines, why)
        except (HTTPError, OSError) as why:
            raise Unsent(str(why)) from why

    def _write_v1(self, lines: Sequence[str]) -> None:
        query = {"db": self._setting.bucket, "precision": "ms"}
        body = gzip.compress("\n".join(lines).encode(), 1)
        status, text = self._ask("POST", "/write", query, body)
        if status == 404 and "database not found" in text:
            name = self._setting.bucket.replace("\\", "\\\\").replace('"', '\\"')
            status, text = self._ask("POST", "/query", {"q": f'CREATE DATABASE "{name}"'})
            if status == 200:
                status, text = self._ask("POST", "/write", query, body)
        if status not in (200, 204):
            _raise_for(status, text, lines, None)

    def _ask(
        self, method: str, path: str, query: dict[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, str]:
        """Status and text of the answer. Raises Unsent when there is none."""
        answer = self._request(method, path, query or {}, body)
        return int(answer.status), bytes(answer.data).decode(errors="replace")[:2000]

    def _ping(self) -> int:
        """Our port of the connection that a ping goes over: another one when it had to be made anew. Raises
        Unsent.
        """
        answer = self._request("GET", "/ping", {}, b"", preload_content=False)
        try:
            port = int(answer.connection.sock.getsockname()[1])
            answer.drain_conn()
        except (AttributeError, OSError):
            return -1  # the server closed it: no two pings are alike
        finally:
            answer.release_conn()
        return port

    def _request(self, method: str, path: str, query: dict[str, str], body: bytes, **more: bool) -> Any:
        from urllib.parse import urlencode

        from urllib3.exceptions import HTTPError

        address = f"{self._url}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = dict(self._headers)
        if body:
            headers |= {"Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8"}
        try:
            return self._pool.request(
                method, address, body=body or None, headers=headers, timeout=TIMEOUT_MS / 1000, **more
            )
        except (HTTPError, OSError) as why:
            raise Unsent(str(why)) from why


def _authorization(token: str) -> dict[str, str]:
    """`user:password` is how InfluxDB 1.x knows people, anything else is a token."""
    if not token:
        return {}
    if ":" in token:
        return {"Authorization": "Basic " + base64.b64encode(token.encode()).decode()}
    return {"Authorization": f"Token {token}"}


def _is_v2_error(text: str) -> bool:
    """Whether a 404 comes from the v2 API itself (no such bucket) and not from a server that has none."""
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and "code" in found


def _raise_for(status: int, text: str, lines: Sequence[str], why: Exception | None) -> None:
    """Turn a refusal into Unsent or Refused."""
    if status in (400, 413, 422):
        dropped = _DROPPED.search(text)
        every = len(lines) == 1 or (dropped is not None and int(dropped[1]) == len(lines))
        raise Refused(_reason(status, text), every=every) from why
    trouble: Trouble = "denied" if status in (401, 403) else "no-bucket" if status == 404 else "away"
    raise Unsent(f"status {status}: {text}", trouble) from why


def _reason(status: int, text: str) -> str:
    """Why a line was refused, the same words for every line that was refused for this."""
    try:
        found = json.loads(text)
        text = str(found.get("message") or found.get("error") or text)
    except (ValueError, AttributeError):
        pass
    return f"{status}: {_DROPPED.sub('', _QUOTED.sub('…', text)).strip()}"[:160]

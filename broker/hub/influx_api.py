"""The hub as an Influx server, for writing only: Telegraf, Node-RED and influxdb-client can feed it.

`POST /api/v2/write` and, for old programs, `POST /write`; `/ping` and `/health` as such programs ask them. Who
writes shows a token of broker/hub/tokens.py. Source: https://docs.influxdata.com/influxdb/v2/api/

A line that cannot be taken spoils no other: the good ones are stored and the answer is 400 with the first bad line
and why ("partial write", as InfluxDB 1.x does). 204 means: on the disk. Fields that hold a text are not stored.
"""

from __future__ import annotations

import binascii
import logging
import threading
import zlib
from base64 import b64decode
from dataclasses import dataclass
from typing import NoReturn

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import select
from werkzeug.exceptions import RequestEntityTooLarge

from broker import RELEASE
from broker.hub.records import REFUSALS, Database, Token
from broker.hub.telemetry.guestbook import Busy, Guestbook, Taken
from broker.hub.telemetry.outside import NS_OF
from broker.hub.tokens import token_of
from broker.link.clock import Clock

log = logging.getLogger(__name__)

LARGEST = 10 * 1024 * 1024
"""Bytes of one request, unpacked. Packed, what the web server takes: broker/look/serving.py."""
POINTS_PER_S = 2000.0
BURST = 50_000.0
REQUEST_COSTS = 50
"""A request weighs at least as much as so many points: each is a commit."""
RETRY_S = 5
V2_UNITS = ("ns", "us", "ms", "s")


class Answer(Exception):
    """A request ends here, with this status and sentence."""

    def __init__(self, status: int, code: str, text: str, *, line: int = 0, retry_s: int = 0) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.line = line
        self.retry_s = retry_s


@dataclass
class Allowance:
    """How many points a token may still write; may go below nothing once, and is then waited for."""

    left: float = BURST
    at_s: float = 0.0

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next request may come; 0: now."""
        self.left = min(BURST, self.left + max(0.0, now_s - self.at_s) * POINTS_PER_S)
        self.at_s = now_s
        return max(0.0, -self.left / POINTS_PER_S)

    def spend(self, points: int) -> None:
        """Count what was written."""
        self.left -= max(points, REQUEST_COSTS)


class Door:
    """Lets requests in: token, allowance, size; then into the guestbook."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._guestbook = Guestbook(database)
        self._lock = threading.Lock()
        self._allowances: dict[int, Allowance] = {}

    def write(self, units: tuple[str, ...]) -> None:
        """Take the request at hand. Raises Answer."""
        try:
            token = self._token()
            allowance = self._allowance(token)
            unit = request.args.get("precision") or "ns"
            if unit not in units:
                raise Answer(400, "invalid", f"precision must be one of {', '.join(units)}")
            text = _text(
                _unpacked(request.get_data(cache=False), request.headers.get("Content-Encoding", ""))
            )
            taken = self._guestbook.write(token, text, NS_OF[unit], self._clock.now())
        except Busy:
            raise Answer(503, "unavailable", "too many writers at once", retry_s=RETRY_S) from None
        except REFUSALS as why:
            log.error("readings of a program not stored: %s", why.orig, extra={"event": "write-failed"})
            raise Answer(503, "unavailable", "the database refuses to write", retry_s=RETRY_S) from why
        with self._lock:
            allowance.spend(taken.points + len(taken.refused))
        if taken.refused:
            _partial(taken)

    def is_well(self) -> bool:
        """Whether the database answers."""
        try:
            with self._database.reading() as db:
                db.execute(select(Token.id).limit(1))
        except REFUSALS:
            return False
        return True

    def _token(self) -> Token:
        secret = _secret(request.headers.get("Authorization", ""))
        if secret:
            with self._database.reading() as db:
                found = token_of(db, secret)
            if found is not None:
                return found
        raise Answer(401, "unauthorized", "unauthorized access")

    def _allowance(self, token: Token) -> Allowance:
        with self._lock:
            found = self._allowances.setdefault(token.id, Allowance())
            wait_s = found.wait_s(self._clock.monotonic())
        if wait_s > 0:
            text = f"{token.name} writes more than {POINTS_PER_S:.0f} points a second"
            raise Answer(429, "too many requests", text, retry_s=int(wait_s) + 1)
        return found


def blueprint(database: Database, clock: Clock) -> Blueprint:
    """The routes. They need no session and no form token, only their own."""
    pages = Blueprint("influx", __name__)
    door = Door(database, clock)

    @pages.post("/api/v2/write")
    def write() -> Response:
        """InfluxDB 2: `org` and `bucket` may say anything."""
        request.max_content_length = LARGEST
        door.write(V2_UNITS)
        return Response(status=204)

    @pages.post("/write")
    def write_v1() -> Response:
        """InfluxDB 1: `db` may say anything; the token is the password."""
        request.max_content_length = LARGEST
        door.write(tuple(NS_OF))
        return Response(status=204)

    @pages.get("/ping")
    def ping() -> Response:
        """Whether anybody is here."""
        return Response(status=204, headers={"X-Influxdb-Version": RELEASE, "X-Influxdb-Build": "langso"})

    @pages.get("/health")
    def health() -> tuple[Response, int]:
        """Whether writing makes sense."""
        well = door.is_well()
        message = "ready for writes" if well else "the database does not answer"
        status = "pass" if well else "fail"
        told = jsonify(name="langso", message=message, status=status, checks=[], version=RELEASE)
        return told, 200 if well else 503

    @pages.errorhandler(Answer)
    def answer(why: Answer) -> Response:
        """As InfluxDB of that version says it."""
        log.info("write refused: %s", why.code, extra={"event": "write-refused", "reason": why.code})
        if request.endpoint == "influx.write_v1":
            told = jsonify(error=str(why))
            told.headers["X-Influxdb-Error"] = str(why).encode("ascii", "backslashreplace").decode()[:500]
        else:
            told = jsonify({"code": why.code, "message": str(why)} | ({"line": why.line} if why.line else {}))
        told.status_code = why.status
        if why.retry_s:
            told.headers["Retry-After"] = str(why.retry_s)
        if why.status == 401:
            told.headers["WWW-Authenticate"] = 'Token realm="langso"'
        return told

    @pages.errorhandler(RequestEntityTooLarge)
    def too_large(_: RequestEntityTooLarge) -> Response:
        """Larger than it says it may be."""
        return answer(Answer(413, "request too large", f"at most {LARGEST} bytes in one request"))

    return pages


def _secret(header: str) -> str:
    """The secret of `Token …`, `Bearer …`, or of `Basic …` as its password; empty when there is none."""
    scheme, _, value = header.strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "basic":
        try:
            value = b64decode(value, validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            return ""
    elif scheme.lower() not in ("token", "bearer"):
        return ""
    return value.rpartition(":")[2]


def _unpacked(body: bytes, encoding: str) -> bytes:
    """The request's bytes; unpacked no further than they may be. Raises Answer."""
    if encoding.lower() in ("", "identity"):
        return body
    if encoding.lower() != "gzip":
        raise Answer(415, "invalid", "Content-Encoding must be gzip or identity")
    parts: list[bytes] = []
    left = LARGEST
    try:
        while body:
            unpacking = zlib.decompressobj(wbits=31)
            parts.append(unpacking.decompress(body, left + 1))
            left -= len(parts[-1])
            if left < 0:
                raise Answer(413, "request too large", f"at most {LARGEST} bytes in one request")
            if not unpacking.eof:
                raise Answer(400, "invalid", "the gzip data ends too early")
            body = unpacking.unused_data
    except zlib.error as why:
        raise Answer(400, "invalid", f"not gzip data: {why}") from why
    return b"".join(parts)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as why:
        line = raw.count(b"\n", 0, why.start) + 1
        raise Answer(400, "invalid", f"line {line}: not UTF-8; nothing was stored", line=line) from why


def _partial(taken: Taken) -> NoReturn:
    first = taken.refused[0]
    count = len(taken.refused)
    text = (
        f"partial write: line {first.number}: unable to take {first.text!r}: {first.reason} dropped={count}"
    )
    raise Answer(400, "invalid", text, line=first.number)

"""Put the shared look on a Flask app: files under a hash of their content, Jinja globals, safe headers."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from flask import Flask, Response, request, send_from_directory
from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader

from broker.look.icons import fill_sprite, icon, sprite
from broker.look.qr import qr
from broker.look.whole import whole
from broker.look.words import SHARED, SOURCE, Words

STATIC = Path(__file__).parent / "static"
TEMPLATES = Path(__file__).parent / "templates"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self), payment=(), usb=()",
}
FOREVER_S = 365 * 24 * 3600
PACKED = frozenset({".css", ".js", ".svg"})
"""Endings of files that travel compressed."""
WHOLE = "whole"
"""In the question of an address: the script with all that it imports."""


def dress(
    app: Flask,
    *,
    static: Path | None = None,
    catalogues: Sequence[Path] = (),
    language: Callable[[], str] = lambda: SOURCE,
) -> None:
    """Give `app` the shared look.

    static: the app's own folder of files, served under /static/. catalogues: folders with `<language>.po`.
    language: called in a request, answers the reader's language.
    Templates get `look(path)` and `static(path)` (addresses of files; with `whole=True` of a script together with all
    that it imports), `icon(name, cls)`, `sprite(*more)`,
    `qr(text, label)`, `_(text, **values)`, `ngettext(one, many, n)` and `language()`, and may import what lies
    under `look/`. Inline style or script does not run: the Content-Security-Policy forbids it.
    """
    own: list[BaseLoader] = [app.jinja_loader] if app.jinja_loader else []
    app.jinja_loader = ChoiceLoader([*own, FileSystemLoader(TEMPLATES)])
    words = Words((SHARED, *catalogues), language)
    app.extensions["look.words"] = words
    app.jinja_env.globals.update(
        icon=icon,
        sprite=sprite,
        qr=qr,
        _=words.gettext,
        gettext=words.gettext,
        ngettext=words.ngettext,
        language=words.language,
        look=_serve(app, "look", STATIC),
    )
    if static is not None:
        app.jinja_env.globals["static"] = _serve(app, "static", static)
    app.after_request(_finish)


def _serve(app: Flask, prefix: str, folder: Path) -> Callable[..., str]:
    """Serve a folder under `/prefix/<hash of the whole folder>/`, so that files in it may name each other."""
    stamp = _stamp(folder)
    wholes: set[str] = set()
    texts = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix in PACKED}

    def file(stamp: str, path: str, current: str = stamp) -> Response:
        packs = _packed_whole if WHOLE in request.args and path in wholes else _packed
        packed = packs(folder, path) if request.accept_encodings["gzip"] and path in texts else None
        if packed is None:
            answer = send_from_directory(folder, path)
        else:
            answer = Response(packed, mimetype=mimetypes.guess_type(path)[0])
            answer.headers["Content-Encoding"] = "gzip"
        if path in texts:
            answer.vary.add("Accept-Encoding")
        if stamp == current:
            answer.headers["Cache-Control"] = f"public, max-age={FOREVER_S}, immutable"
        return answer

    def address(path: str, *, whole: bool = False) -> str:
        if not (folder / path).is_file():
            raise FileNotFoundError(f"{folder / path} is named by a template and is not there")
        if whole:
            wholes.add(path)
        more = f"?{WHOLE}" if whole else ""
        return f"{app.config.get('APPLICATION_ROOT', '/').rstrip('/')}/{prefix}/{stamp}/{path}{more}"

    app.add_url_rule(f"/{prefix}/<stamp>/<path:path>", f"{prefix}.file", file)
    return address


@cache
def _packed(folder: Path, path: str) -> bytes:
    return gzip.compress((folder / path).read_bytes(), mtime=0)


@cache
def _packed_whole(folder: Path, path: str) -> bytes:
    return gzip.compress(whole(folder, path).encode(), mtime=0)


def _stamp(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


def _finish(answer: Response) -> Response:
    if answer.mimetype == "text/html" and not answer.is_streamed and not answer.direct_passthrough:
        page = answer.get_data(as_text=True)
        filled = fill_sprite(page)
        if filled is not page:
            answer.set_data(filled)
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer

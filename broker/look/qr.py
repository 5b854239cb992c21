"""QR codes as inline SVG, dark on white in every theme."""

from __future__ import annotations

import io
from functools import lru_cache

import segno
from markupsafe import Markup, escape


@lru_cache(maxsize=256)
def qr(text: str, label: str = "") -> Markup:
    """The code for `text` (error level M, quiet zone of 4 modules); `label` is read by screen readers."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out,
        kind="svg",
        border=4,
        xmldecl=False,
        svgns=False,
        nl=False,
        omitsize=True,
        dark="#17211f",
        light="#fff",
        svgclass=None,
        lineclass=None,
    )
    said = f'<svg role="img" aria-label="{escape(label)}"' if label else '<svg aria-hidden="true"'
    return Markup(out.getvalue().decode().replace("<svg", said, 1))  # noqa: S704


def dots(text: str) -> list[list[bool]]:
    """The same code as rows of dark (True) and light modules, without the quiet zone; for paper."""
    return [[bool(module) for module in row] for row in segno.make(text, error="m", micro=False).matrix]

"""Sizes of real panels."""

from __future__ import annotations

import gzip
import re

import pytest

from kiosk.app import create_app
from kiosk.panel import Panel
from tests.fakes.house import PANELS, set_stage


@pytest.mark.parametrize(
    ("panel", "px_per_mm", "layout"),
    [
        (Panel(15.6, 1920, 1080), 5.5596, "wide"),
        (Panel(21.5, 1080, 1920), 4.0339, "tall"),
        (Panel(10.1, 1280, 800), 5.8838, "small"),
        (Panel(7.0, 800, 480), 5.2473, "lookup"),
    ],
)
def test_pixels_per_millimetre_and_layout(panel: Panel, px_per_mm: float, layout: str) -> None:
    assert panel.px_per_mm == pytest.approx(px_per_mm, abs=1e-3)
    assert panel.layout == layout


def sheets_of(page: str) -> list[str]:
    return re.findall(r'<link rel="stylesheet" href="([^"]+)"', page)


def test_a_page_asks_for_one_style_sheet_that_knows_the_panel_and_where_the_fonts_are() -> None:
    client = create_app(set_stage(PANELS["10.1"]).house).test_client()
    (address,) = sheets_of(client.get("/nha").text)
    plain, packed = client.get(address), client.get(address, headers={"Accept-Encoding": "gzip"})
    assert "--mm: 5.8838px" in plain.text
    assert gzip.decompress(packed.data) == plain.data
    assert "immutable" in packed.headers["Cache-Control"]
    fonts = re.findall(r'url\("([^"]+)"\)', plain.text)
    assert fonts
    assert all(client.get(font).data[:4] == b"wOF2" for font in fonts)


def test_everything_in_the_lower_half_has_a_sheet_of_its_own() -> None:
    client = create_app(set_stage(PANELS["15.6"]).house).test_client()
    usual = sheets_of(client.get("/nha").text)
    client.get("/doi?tam=thap&ve=/nha")
    (low,) = sheets_of(client.get("/nha").text)
    assert [low] != usual
    assert '[data-reach="low"]' in client.get(low).text
    assert '[data-reach="low"]' not in client.get(usual[0]).text

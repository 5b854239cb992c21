"""Sizes of real panels."""

from __future__ import annotations

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


def test_style_sheet_of_the_panel_is_served_and_named_by_the_page() -> None:
    client = create_app(set_stage(PANELS["10.1"]).house).test_client()
    page = client.get("/nha").text
    address = page.split('href="/panel-')[1].split('"')[0]
    assert "--mm: 5.8838px" in client.get(f"/panel-{address}").text

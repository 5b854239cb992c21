"""Every code on the screen is read back from a picture of the screen: it leads to an official host, or is the list."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from playwright.sync_api import Locator, Page

from broker.look.procedure import OFFICIAL_HOSTS
from kiosk.app import create_app
from kiosk.printing import Slip, Unprinted
from tests.browser.conftest import Watched
from tests.fakes.house import PANELS, changed, set_stage

LEAST_MM = 25.0
MANY_STEPS = 99
AROUND = 16
"""Pixels of the screen around a code that a camera sees as well."""
OpenPage = Callable[..., Watched]
Serve = Callable[..., str]


def out_of_paper(slip: Slip) -> None:
    raise Unprinted("Máy in hết giấy. Bác chụp mã bên cạnh nhé.")


def read(page: Page) -> list[str]:
    """What the codes on the screen say, each from its own place in a picture of the whole screen."""
    page.evaluate("document.fonts.ready")
    said = []
    for shown in page.locator(".qr svg:visible").all():
        shown.scroll_into_view_if_needed()
        whole = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
        box = shown.bounding_box()
        assert whole is not None
        assert box is not None
        x, y, w, h = (round(box[name]) for name in ("x", "y", "width", "height"))
        said.append(decoded(whole[max(0, y - AROUND) : y + h + AROUND, max(0, x - AROUND) : x + w + AROUND]))
    return said


def decoded(picture: np.ndarray) -> str:
    """As a phone reads it: from near, and from nearer when the first look was not enough."""
    for nearer in (1, 2, 3, 4):
        seen = cv2.resize(picture, None, fx=nearer, fy=nearer, interpolation=cv2.INTER_CUBIC)
        if text := cv2.QRCodeDetector().detectAndDecode(seen)[0]:
            return str(text)
    return ""


def pressed(button: Locator) -> None:
    """From no pointer: what is read are codes, and on a busy machine "Xem tiếp" may still move a button away."""
    button.evaluate("button => button.click()")


def is_honest(text: str) -> bool:
    if text.startswith("https://"):
        return urlsplit(text).hostname in OFFICIAL_HOSTS
    return "Mang gì đi:" in text and "http" not in text


@pytest.mark.parametrize(
    ("panel", "theme"), [("15.6", "light"), ("10.1", "contrast"), ("21.5-tall", "warm"), ("7", "light")]
)
def test_codes_are_read_from_the_screen(panel: str, theme: str, serve: Serve, open_page: OpenPage) -> None:
    shape = PANELS[panel]
    base = serve(create_app(changed(set_stage(shape), print=out_of_paper).house))
    watched = open_page(shape.width_px, shape.height_px, has_touch=True, base_url=base)
    page = watched.page
    page.context.add_cookies([{"name": "mau", "value": theme, "url": base}])
    page.goto(f"/tt/1.000894?buoc={MANY_STEPS}")
    found = {"procedure": read(page)}
    side_mm = min(
        float(b["width"]) for each in page.locator(".qr svg:visible").all() if (b := each.bounding_box())
    )
    page.goto("/linh-vuc")
    found["fields"] = read(page)
    page.goto("/tt/1.000894/kiem-giay")
    pressed(page.locator(".turn .lead"))
    page.locator(".lacking").wait_for()
    found["lacking"] = read(page)
    page.goto(f"/tt/1.000894?buoc={MANY_STEPS}")
    pressed(page.locator("form[action*='/in'] button"))
    page.locator(".called").wait_for()
    found["printing"] = read(page)
    assert panel == "7" or found["fields"], "a look-up panel shows no code beside the fields"
    assert all(found[name] for name in ("procedure", "lacking", "printing")), found
    wrong = [(name, text) for name, texts in found.items() for text in texts if not is_honest(text)]
    assert wrong == []
    assert side_mm / shape.px_per_mm >= LEAST_MM
    watched.check()

"""In ra giấy: only where there is a printer, what was ticked is ticked, and trouble leaves the villager with a code."""

from __future__ import annotations

import pytest

from kiosk.app import create_app
from kiosk.printing import Slip, Unprinted
from tests.fakes.house import changed, set_stage

CODE = "1.000894"


class Roll:
    """A printer that keeps the slips, or says what is wrong with it."""

    def __init__(self, trouble: str = "") -> None:
        self.slips: list[Slip] = []
        self._trouble = trouble

    def __call__(self, slip: Slip) -> None:
        if self._trouble:
            raise Unprinted(self._trouble)
        self.slips.append(slip)


def test_a_house_without_a_printer_offers_none() -> None:
    client = create_app(set_stage().house).test_client()
    assert "In ra giấy" not in client.get(f"/tt/{CODE}").text
    assert client.post(f"/tt/{CODE}/in").status_code == 404


def test_the_slip_holds_the_papers_with_what_was_ticked_and_who_vouches() -> None:
    roll = Roll()
    client = create_app(changed(set_stage(), print=roll).house).test_client()
    assert f"/tt/{CODE}/in" in client.get(f"/tt/{CODE}?buoc=99").text
    page = client.post(f"/tt/{CODE}/in", data={"co": ["0", "999", "x"]})
    assert page.status_code == 200
    assert "Giấy đang ra" in page.text
    [slip] = roll.slips
    assert slip.papers[0].ticked
    assert not any(paper.ticked for paper in slip.papers[1:])
    assert [heading for heading, _ in slip.blocks] == ["Bao lâu", "Lệ phí", "Làm ở đâu"]
    assert "Chưa được xã duyệt" in slip.foot
    assert slip.link.startswith("https://dichvucong.gov.vn/")


def test_without_paper_the_list_goes_to_the_phone() -> None:
    roll = Roll("Máy in hết giấy. Bác chụp mã bên cạnh nhé.")
    client = create_app(changed(set_stage(), print=roll).house).test_client()
    for ticked in ([], [str(n) for n in range(20)]):
        page = client.post(f"/tt/{CODE}/in", data={"co": ticked}).text
        assert "hết giấy" in page
        assert "<path" in page


@pytest.mark.parametrize("code", ["9.999999", "../../etc"])
def test_nothing_unknown_is_printed(code: str) -> None:
    roll = Roll()
    client = create_app(changed(set_stage(), print=roll).house).test_client()
    assert client.post(f"/tt/{code}/in").status_code == 404
    assert not roll.slips

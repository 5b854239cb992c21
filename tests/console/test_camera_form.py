"""The form of a camera: what cannot be is said in words, and a kept password goes to nobody else. Without a page."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from broker.hub import camera_areas, camera_hours
from broker.hub.camera_address import MASK, meant, shown
from broker.hub.camera_areas import Row
from broker.hub.camera_hours import SpanRow
from broker.hub.console.camera_form import of_form, wanted_of
from broker.hub.declined import Declined
from broker.trust.envelope import CameraAddress
from tests.console.stage import CAMERA_FORM

OLD = CameraAddress(source="rtsp://u:bí-mật@10.0.0.9/1")


def area(kind: str, corners: str, name: str = "") -> dict[str, list[str]]:
    return {"kind": [kind], "area": [name], "corners": [corners]}


SQUARE = "10,10; 60,10; 60,60; 10,60"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (area("mask", "10,10; 160,10; 60,60"), "Vùng che kín thứ 1 có góc ra ngoài hình"),
        (area("mask", "10,-1; 60,10; 60,60"), "ra ngoài hình"),
        (area("zone", "10,10; 60,10"), "cần ít nhất ba góc"),
        (area("zone", "10,10; 60,60; 60,10; 10,60", "Sân"), "Vùng canh “Sân” có cạnh cắt nhau"),
        (area("zone", "10,10; 10,10; 10,10; 10,10"), "cần ít nhất ba góc"),
        (area("zone", "10,10; 20,20; 30,30"), "nhỏ quá"),
        (area("ignored", "nan,10; 60,10; 60,60"), "không đọc được góc “nan,10”"),
        (area("ignored", "1e1,10; 60,10; 60,60"), "không đọc được"),
        (area("ignored", "x"), "không đọc được"),
        (area("mask", "1,1;" * 25_000), "dài quá"),
        (area("mask", "; ".join(f"{n},{n * n / 50:.2f}" for n in range(1, 51))), "nhiều nhất là 40"),
        (area("everything", SQUARE), "chọn loại vùng"),
        (area("zone", SQUARE, "ở" * 41), "dài nhất 40"),
        ({"kind": ["mask"] * 100, "area": [""] * 100, "corners": [SQUARE] * 100}, "nhiều nhất 12 vùng"),
        ({"kind": ["mask"] * 13, "area": [""] * 13, "corners": [SQUARE] * 13}, "nhiều nhất 12 vùng"),
        ({"kind": ["zone"] * 2, "area": ["A", "A"], "corners": [SQUARE] * 2}, "cùng tên “A”"),
        ({"kind": ["zone"], "area": [], "corners": [SQUARE]}, "thiếu mục"),
        ({"hours": "spans"}, "ít nhất một khung giờ"),
        ({"hours": "spans", "days0": ["0"], "since0": "25:00", "until0": "05:00"}, "Mỗi khung giờ cần"),
        ({"hours": "spans", "since0": "21:00", "until0": "05:00"}, "Mỗi khung giờ cần"),
        ({"day": "nan"}, "chọn mức báo"),
        ({"night": "2"}, "chọn mức báo"),
        ({"name": " "}, "đặt tên camera"),
        ({"source": "rm -rf"}, "Nguồn hình phải là"),
        ({"source": "rtsp://" + "x" * 9593}, "Địa chỉ đang dài 9600 chữ, nhiều nhất 400"),
        ({"name": "😀" * 5000}, "Tên camera đang dài 5000 chữ, nhiều nhất 60"),
        ({"name": "Kho\u202e"}, "ký tự không hiện được"),
        ({"sub_source": "rtsp://u:•••@10.0.0.9/1"}, "trùng với luồng chính"),
    ],
)
def test_what_cannot_be_is_said_in_words(change: dict[str, Any], said: str) -> None:
    with pytest.raises(Declined) as found:
        wanted_of(MultiDict(CAMERA_FORM | change), OLD)
    assert said in str(found.value)


@pytest.mark.parametrize(
    "typed",
    [
        "rtsp://u:•••@10.0.0.66/1",
        "rtsp://khac:•••@10.0.0.9/1",
        "http://u:•••@10.0.0.9/1",
        "rtsp://u:•••@10.0.0.9:99/1",
        "rtsp://u:•••@10.0.0.9@10.0.0.66/1",
        "rtsp://u:•••@10.0.0.9/?pwd=•••",
    ],
)
def test_a_kept_password_goes_to_no_other_machine_or_user(typed: str) -> None:
    with pytest.raises(Declined) as found:
        meant(typed, [OLD.source])
    assert found.value.code == "no-password"


def test_a_kept_password_serves_another_path_and_the_other_stream_of_the_same_camera() -> None:
    assert meant("rtsp://u:•••@10.0.0.9/khac", [OLD.source]) == "rtsp://u:bí-mật@10.0.0.9/khac"
    wanted = wanted_of(MultiDict(CAMERA_FORM | {"sub_source": "rtsp://u:•••@10.0.0.9/2"}), OLD)
    assert wanted.address.sub_source == "rtsp://u:bí-mật@10.0.0.9/2"
    asked = "http://10.0.0.9/v?user=u&pwd=bí-mật&n=1"
    assert meant(shown(asked), [OLD.source, asked]) == asked


def test_an_address_that_is_left_as_it_is_stays_whatever_its_shape() -> None:
    drawn = CameraAddress(source="scene:yard?seed=4", sub_source="scene:yard?seed=4&small=1")
    typed = MultiDict(CAMERA_FORM | {"source": drawn.source, "sub_source": drawn.sub_source})
    assert wanted_of(typed, drawn).address == drawn
    with pytest.raises(Declined, match="Nguồn hình phải là"):
        wanted_of(MultiDict(CAMERA_FORM | {"source": "scene:river"}), drawn)


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        (
            "rtsp://h/user=admin_password=SECRET_channel=1_stream=0.sdp",
            "rtsp://h/user=admin_password=•••_channel=1_stream=0.sdp",
        ),
        ("http://h/v?loginuse=a&loginpas=SE/CR_ET", "http://h/v?loginuse=a&loginpas=•••"),
        ("http://h/v?authbasic=SECR/ET_x==&n=1", "http://h/v?authbasic=•••&n=1"),
        ("http://h/v?usr=a&pwd=SECRET#SECRET&n=1", "http://h/v?usr=a&pwd=•••&n=1"),
        ("rtsp://h:554/?pwd=SE@SECRET", "rtsp://•••"),
        ("admin:SECRET@10.0.0.9/live", "•••"),
        ("10.0.0.9/live?password=SECRET", "10.0.0.9/live?password=•••"),
        ("admin:SECRET@rtsp://10.0.0.9/live", "•••"),
        ("rtsp://u:SECRET 1@10.0.0.9", "rtsp://•••"),
        (f"rtsp://u:SECRET{'x' * 600}@10.0.0.9/1", "rtsp://u:•••@10.0.0.9/1"),
        (f"rtsp://u:SECRET{'_pas' * 50_000}", "rtsp://•••"),
        ("rtsp://10.0.0.9/h264_main?channel=1&subtype=0", "rtsp://10.0.0.9/h264_main?channel=1&subtype=0"),
        ("/dev/v4l/by-id/usb-046d_HD", "/dev/v4l/by-id/usb-046d_HD"),
    ],
)
def test_a_password_is_shown_in_no_shape_an_address_may_have(source: str, seen: str) -> None:
    assert shown(source) == seen
    assert shown(seen) == seen
    filled = of_form(MultiDict(CAMERA_FORM | {"source": source, "sub_source": source}))
    assert filled.source == filled.sub_source == seen
    assert meant(seen, [source]) == source or MASK not in seen


def test_areas_and_hours_are_written_as_they_are_read() -> None:
    rows = [Row("zone", "Cổng", "10,10; 60.5,10; 60,60"), Row("mask", "", "0,0; 100,0; 50,33.3")]
    assert camera_areas.rows_of(camera_areas.read(rows)) == rows
    spans = [SpanRow(("0", "6"), "22:00", "05:30"), SpanRow(("2",), "00:00", "24:00")]
    assert camera_hours.rows_of(camera_hours.read(spans)) == spans


def test_empty_rows_and_a_closing_corner_are_left_out() -> None:
    found = camera_areas.read([Row("zone", "", ""), Row("zone", "", "10,10; 60,10; 60,10; 60,60; 10,10;")])
    assert found.zones == [{"name": "Vùng 1", "corners": [(0.1, 0.1), (0.6, 0.1), (0.6, 0.6)]}]


@pytest.mark.parametrize(
    ("corners", "crosses"),
    [
        ("10,10; 60,60; 60,10; 10,60", True),
        ("10,10; 60,10; 60,60; 30,10; 10,60", True),
        ("10,10; 60,10; 60,60; 40,30; 10,60", False),
        ("0,0; 100,0; 100,100; 0,100", False),
    ],
)
def test_sides_that_cross_or_touch_are_found(corners: str, crosses: bool) -> None:
    points = [(float(x), float(y)) for x, y in (pair.split(",") for pair in corners.split(";"))]
    assert camera_areas.crosses_itself(points) is crosses

"""Units of measurement and what a price or a measure is for ("/tháng", "/kg")."""

from __future__ import annotations

import re

from broker.speech.rules.patterns import value

UNITS = {
    "km2": "ki lô mét vuông", "km²": "ki lô mét vuông", "km": "ki lô mét", "m2": "mét vuông", "m²": "mét vuông",
    "m3": "mét khối", "m³": "mét khối", "dm": "đề xi mét", "dm2": "đề xi mét vuông", "dm3": "đề xi mét khối",
    "cm2": "xăng ti mét vuông", "cm²": "xăng ti mét vuông", "cm3": "xăng ti mét khối", "cm³": "xăng ti mét khối",
    "cm": "xăng ti mét", "mm": "mi li mét", "mm2": "mi li mét vuông",
    "mm²": "mi li mét vuông", "m": "mét", "µm": "mi crô mét", "ha": "héc ta", "kg": "ki lô gam",
    "mg": "mi li gam", "µg": "mi crô gam", "mcg": "mi crô gam", "g": "gam", "gr": "gam", "ml": "mi li lít",
    "mL": "mi li lít",
    "l": "lít", "L": "lít", "lít": "lít", "cc": "xê xê", "kWh": "ki lô oát giờ", "KWh": "ki lô oát giờ",
    "kwh": "ki lô oát giờ", "kW": "ki lô oát", "kw": "ki lô oát", "KW": "ki lô oát",
    "MW": "mê ga oát", "MWh": "mê ga oát giờ", "W": "oát", "kV": "ki lô vôn", "KV": "ki lô vôn",
    "kVA": "ki lô vôn am pe",
    "V": "vôn", "A": "am pe", "mA": "mi li am pe", "Hz": "héc", "kHz": "ki lô héc", "MHz": "mê ga héc",
    "GHz": "gi ga héc",
    "dB": "đề xi ben", "HP": "mã lực", "CV": "mã lực", "Mbps": "mê ga bít trên giây", "Gbps": "gi ga bít trên giây",
    "kB": "ki lô bai", "KB": "ki lô bai", "MB": "mê ga bai", "GB": "gi ga bai", "TB": "tê ra bai",
    "hPa": "héc tô pát can", "Pa": "pát can", "mmHg": "mi li mét thủy ngân", "kcal": "ki lô ca lo",
    "ppm": "phần triệu", "mAh": "mi li am pe giờ", "Ah": "am pe giờ", "MP": "mê ga pích xeo", "px": "pích xeo",
    "rpm": "vòng trên phút", "kN": "ki lô niu tơn", "bar": "ba", "mSv": "mi li si vớt", "µS": "mi crô si men",
    "kWp": "ki lô oát pích", "MWp": "mê ga oát pích", "MVA": "mê ga vôn am pe", "kA": "ki lô am pe",
    "hl": "héc tô lít", "dl": "đề xi lít", "mIU": "mi li đơn vị quốc tế", "km/h": "ki lô mét trên giờ",
    "°C": "độ xê", "ºC": "độ xê", "˚C": "độ xê", "oC": "độ xê", "độ C": "độ xê", "℃": "độ xê", "°F": "độ ép",
    "°": "độ", "º": "độ", "%": "phần trăm", "‰": "phần nghìn", "h": "giờ", "'": "phút", "’": "phút", "′": "phút",
    "mmol": "mi li mon", "IU": "đơn vị quốc tế", "UI": "đơn vị quốc tế", "inch": "in", "″": "in",
    "HA": "héc ta", "Ha": "héc ta", "KG": "ki lô gam", "Kg": "ki lô gam", "KM": "ki lô mét", "Km": "ki lô mét",
    "KM2": "ki lô mét vuông", "CM": "xăng ti mét", "MM": "mi li mét", "M2": "mét vuông", "M3": "mét khối",
    "ML": "mi li lít", "MG": "mi li gam", "KWH": "ki lô oát giờ", "KM/H": "ki lô mét trên giờ",
    "th": "tháng", "BTU": "bê tê u",
}  # fmt: skip
SPELT_UNITS = (
    "mét|ki lô mét|kilomet|kilômét|tấn|tạ|yến|cân|ki lô|lít|giờ|phút|giây|ngày|tuần|tháng|năm|tuổi|người"
    "|hộ|sào|mẫu|công|con|cây"
    "|đồng|triệu|tỷ|nghìn|độ|suất|lần|lượt|chiếc|xe|ca|buổi|héc ta|hecta|hải lý|liều|viên|điểm|em"
    "|học sinh|đợt|bao|thùng|chai|bộ"
)
UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_PER_UNITS = {
    "s": "giây", "h": "giờ", "p": "phút", "ph": "phút", "ng": "người", "đ": "đồng", "th": "tháng", "hs": "học sinh",
    "hv": "học viên",
}  # fmt: skip
PER_NAMES = (
    rf"{SPELT_UNITS}|quý|khẩu|đầu người|hội viên|đảng viên|nhân khẩu|gia đình|thôn|xã|ấp|bản|kỳ|vụ|cháu"
    rf"|bé|thành viên|hồ sơ|trường hợp"
    rf"|số|khối|mét vuông|kwh|kWh|đơn vị|cái|quả|bó|gói|hộp|lứa|đàn|trang|bản|tờ|vé|phòng|lớp|nhà"
    rf"|công trình|mô hình|đại biểu|thẻ|chuyến|chỉ|cây|lượng|tờ khai|giấy|bản sao|bản chính|mặt|chữ ký|việc|vụ việc"
    rf"|lao động|học viên|sinh viên|công nhân|nhân công|công nhật|công|đám|mâm|bàn|suất ăn|bữa|cơm|ca|kíp|ngày công"
    rf"|ngày đêm|đêm|phiên|phiên họp|tiết|tiết học|tín chỉ|môn|kỳ học|học kỳ|năm học|khóa|khoá|xe|ô tô|xe máy"
    rf"|lượt xe|đầu xe|đầu lợn"
    rf"|đầu trâu|gốc|khóm|bụi|hố|luống|hàng|giàn|vườn|ao|lồng|bể|mét khối|khối nước|số nước|số điện|giàn|lứa|liều"
    rf"|mũi|lọ|viên|ống|gói|vỉ|lốc|thùng|két|bình|can|phuy|tải|bì|rổ|thúng|nong|khay|kiện|cuộn|tấm|thanh|đoạn|mét dài"
    rf"|mét|m dài|thửa|lô|nền|căn|căn hộ|phòng học|cột|bóng|camera|máy|bộ|cặp|đôi|chiếc|cuốn|quyển|tập|bài|tin|phút"
    rf"|giây|doanh nghiệp|cơ sở|hợp tác xã|đơn vị|phường|huyện|tỉnh|chi hội|chi bộ|tổ|đội|câu lạc bộ|điểm|tuyến|nhóm"
    rf"|cá thể|trứng|quả trứng|ổ|kiện hàng|đơn|đơn hàng|bưu kiện|cuộc gọi|tin nhắn|gói cước|thuê bao|giải|trận|vòng"
)
PER = (
    rf"\s?/\s?(?P<pern>\d{{1,4}}(?:[.,]\d{{1,3}})?\s?)?(?P<per>{PER_NAMES}|{UNIT}|s|ph|p|ng|đ|th|hs|hv)(?!\w)"
)
"""What a price or a measure is for: "/tháng", "/kg", "/03 tháng"."""
_ON = frozenset(
    {
        "km",
        "m",
        "m3",
        "m³",
        "mg",
        "mmol",
        "g",
        "kg",
        "lít",
        "l",
        "ml",
        "µg",
        "mcg",
        "con",
        "người",
        "tạ",
        "tấn",
        "độ",
        "bản tin",
    }
    | {"mm", "cm"}
)
_PHYSICAL = frozenset(
    {"h", "s", "giờ", "giây", "phút", "p", "ph", "ha", "l", "lít", "ml", "L", "m3", "m³", "m2", "m²", "km2"}
    | {"km²", "kg", "m"}
)


def per(match: re.Match[str]) -> str:
    """ " một tháng" for what stands behind the stroke of a match with PER; empty where there is none."""
    unit = match["per"]
    if unit is None:
        return ""
    said = UNITS.get(unit) or _PER_UNITS.get(unit, unit)
    count = value(match["pern"].strip()) if match["pern"] else "một"
    return f" {count} {said}"


def rate(match: re.Match[str], unit: str) -> str:
    """Physical rates are said with "trên", prices and shares with "một"."""
    if match["pern"]:
        # "3-5 kg/100 m2", but "245 hộ/1.020 khẩu" counts one thing twice.
        is_rate = unit in UNITS or match["per"] in UNITS or unit in _PHYSICAL or match["per"] in _PHYSICAL
        return f" trên{per(match)}" if is_rate else f",{per(match)}"
    if match["per"] is None or unit not in _ON or match["per"] not in _PHYSICAL:
        return per(match)
    return f" trên {UNITS.get(match['per']) or _PER_UNITS.get(match['per'], match['per'])}"

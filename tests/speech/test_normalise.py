"""Written Vietnamese is said as a careful announcer would, and what is uncertain comes back as a doubt."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from broker.speech.lexicon import LexiconError, load
from broker.speech.normalise import normalise
from broker.speech.numbers import cardinal, roman, to_roman

LEXICON = load()

# What communes write, by class. The spoken form is compared with case and punctuation.
SAID = {
    "document": {
        "QĐ số 135/QĐ-TTg": "quyết định số một trăm ba mươi lăm của thủ tướng chính phủ",
        "Nghị định 13/2023/NĐ-CP": "Nghị định mười ba năm hai nghìn không trăm hai mươi ba của chính phủ",
        "Nghị quyết số 57-NQ/TW": "Nghị quyết số năm mươi bảy của trung ương",
        "Luật số 31/2024/QH15": "Luật số ba mươi mốt năm hai nghìn không trăm hai mươi tư của quốc hội khóa mười lăm",
        "theo 99/BC-BCĐ": "theo chín mươi chín, báo cáo của ban chỉ đạo",
        "Thông tư liên tịch 05/2020/TTLT-BTC-BYT": (
            "Thông tư liên tịch năm năm hai nghìn không trăm hai mươi của bộ tài chính và bộ y tế"
        ),
    },
    "phone": {
        "gọi 113": "gọi một một ba",
        "gọi ngay 114 hoặc 115": "gọi ngay một một bốn hoặc một một năm",
        "tổng đài 111, 113/114/115": "tổng đài một một một, một một ba, một một bốn, một một năm",
        "có 115 hộ nghèo": "có một trăm mười lăm hộ nghèo",
        "gọi 113 thanh niên nhập ngũ": "gọi một trăm mười ba thanh niên nhập ngũ",
        "0912.345.678": "không chín một hai, ba bốn năm, sáu bảy tám",
        "0912345678": "không chín một hai, ba bốn năm, sáu bảy tám",
        "(0237) 3852 123": "không hai ba bảy, ba tám năm hai, một hai ba",
        "1900 1009": "một chín không không, một không không chín",
        "+84 912 345 678": "cộng tám bốn, chín một hai, ba bốn năm, sáu bảy tám",
    },
    "time": {
        "7h–11h30": "bảy giờ đến mười một giờ ba mươi phút",
        "7-11h": "bảy đến mười một giờ",
        "07:00 - 11:30": "bảy giờ đến mười một giờ ba mươi phút",
        "8 giờ 00": "tám giờ",
        "trực 24/24h": "trực hai mươi tư trên hai mươi tư giờ",
        "6h30'": "sáu giờ ba mươi phút",
        "6h/8/9": "sáu giờ ngày tám tháng chín",
        "sau ăn 30'": "sau ăn ba mươi phút",
    },
    "date": {
        "ngày 2/9": "ngày hai tháng chín",
        "20/11-25/11/2026": (
            "hai mươi tháng mười một đến hai mươi lăm tháng mười một năm hai nghìn không trăm hai mươi sáu"
        ),
        "Khai giảng 5/9.": "Khai giảng năm tháng chín.",
        "tháng 4/2026": "tháng tư năm hai nghìn không trăm hai mươi sáu",
        "quý I/2026": "quý một năm hai nghìn không trăm hai mươi sáu",
        "giai đoạn 2025-2030": "giai đoạn hai nghìn không trăm hai mươi lăm đến hai nghìn không trăm ba mươi",
        "T2-T6, T7 và CN": "thứ hai đến thứ sáu, thứ bảy và chủ nhật",
        "thứ 3, 5, 7": "thứ ba, năm, bảy",
        "10/3 âm lịch": "mười tháng ba âm lịch",
    },
    "share": {
        "3/4 diện tích": "ba phần tư diện tích",
        "hơn 1/2 số hộ": "hơn một phần hai số hộ",
        "đạt 15/19 tiêu chí": "đạt mười lăm trên mười chín tiêu chí",
        "9,5/10 điểm": "chín phẩy năm trên mười điểm",
        "tỷ số 2-1": "tỷ số hai một",
        "tỷ lệ 1:500": "tỷ lệ một trên năm trăm",
    },
    "money": {
        "400.000-600.000đ": "bốn trăm nghìn đến sáu trăm nghìn đồng",
        "1.263.600 đồng/năm": "một triệu hai trăm sáu mươi ba nghìn sáu trăm đồng một năm",
        "20.000đ/hộ/tháng": "hai mươi nghìn đồng một hộ một tháng",
        "1tr5/hộ": "một triệu năm trăm nghìn đồng một hộ",
        "500 nghìn-1 triệu đồng/người": "năm trăm nghìn đến một triệu đồng một người",
        "200,000đ": "hai trăm nghìn đồng",
        "$20": "hai mươi đô la",
        "105.000 đồng": "một trăm linh năm nghìn đồng",
    },
    "measure": {
        "4-6m": "bốn đến sáu mét",
        "8-10°C": "tám đến mười độ xê",
        "dưới -1°C": "dưới âm một độ xê",
        "70-80%": "bảy mươi đến tám mươi phần trăm",
        "50 km/giờ": "năm mươi ki lô mét trên giờ",
        "150 m³/s": "một trăm năm mươi mét khối trên giây",
        "1.234,5 ha": "một nghìn hai trăm ba mươi tư phẩy năm héc ta",
        "3m x 4m": "ba mét nhân bốn mét",
        "cao 1m65": "cao một mét sáu mươi lăm",
        "3,5 triệu m3 nước": "ba phẩy năm triệu mét khối nước",
        "40 khóm/m2": "bốn mươi khóm một mét vuông",
        "140/90 mmHg": "một trăm bốn mươi trên chín mươi mi li mét thủy ngân",
    },
    "place": {
        "QL1A Km 12+300": "quốc lộ một a ki lô mét mười hai cộng ba trăm",
        "xe 36A-123.45": "xe ba sáu a, một hai ba bốn năm",
        "16,2°N, 108,5°E": "mười sáu phẩy hai độ vĩ bắc, một trăm linh tám phẩy năm độ kinh đông",
        "số nhà 12/5 đường Trần Phú": "số nhà mười hai xuyệt năm đường Trần Phú",
        "dichvucong.gov.vn": "dịch vụ công chấm gờ ô vê chấm vê en",
    },
    "roman": {
        "khu phố III": "khu phố ba",
        "Quý IV": "Quý tư",
        "chương I, II và III": "chương một, hai và ba",
        "báo động II": "báo động hai",
        "trên BĐII": "trên báo động hai",
        "II. NHIỆM VỤ": "hai. NHIỆM VỤ",
    },
    "word": {
        "TP.HCM": "thành phố Hồ Chí Minh",
        "TP. Cần Thơ": "thành phố Cần Thơ",
        "tại NVH.": "tại nhà văn hóa.",
        "PCTT&TKCN": "phòng chống thiên tai và tìm kiếm cứu nạn",
        "V/v họp": "về việc họp",
        "VNeID": "vi en i ai đi",
        "ông/bà": "ông hoặc bà",
        "CA xã": "công an xã",
        "THÔNG BÁO VỀ CA CẤP CỨU": "THÔNG BÁO VỀ CA CẤP CỨU",
        "UBND XÃ VÂN KHÊ": "ủy ban nhân dân XÃ VÂN KHÊ",
        "vắc xin 5in1": "vắc xin năm trong một",
        "lớp 12A1": "lớp mười hai a một",
    },
}


@pytest.mark.parametrize(
    ("written", "spoken"),
    [pytest.param(*pair, id=f"{kind}-{pair[0]}") for kind, pairs in SAID.items() for pair in pairs.items()],
)
def test_each_class_of_writing_is_said_in_full(written: str, spoken: str) -> None:
    found = normalise(written, LEXICON)
    assert found.text == spoken
    assert found.doubts == ()


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("Đội XHTTGL họp", "XHTTGL"),
        ("nhiều HS đến dự", "HS"),
        ("gặp nhau T7 này", "T7"),
        ("giá ① đồng", "①"),
        ("mã 2026ABC12", "2026ABC12"),
        ("còn ٣ ngày", "٣"),
        ("thôn một ❌", "❌"),
        ("số 12 - 5 nhà", "12 - 5"),
        ("phòng BAN họp", "BAN"),
    ],
)
def test_what_cannot_be_read_for_certain_is_a_doubt_at_its_place(written: str, found: str) -> None:
    doubts = normalise(written, LEXICON).doubts
    assert [doubt.found for doubt in doubts] == [found]
    assert written[doubts[0].start : doubts[0].end] == found


def test_a_doubt_suggests_its_meanings() -> None:
    (doubt,) = normalise("nhiều HS đến dự", LEXICON).doubts
    assert doubt.suggestions == ("học sinh", "hồ sơ")


def test_a_communes_own_word_settles_a_doubt() -> None:
    own = LEXICON.with_words({"XHTTGL": "xung kích thanh niên", "HS": "học sinh"})
    found = normalise("Đội XHTTGL và HS", own)
    assert found.text == "Đội xung kích thanh niên và học sinh"
    assert found.doubts == ()


@pytest.mark.parametrize("said", ["", "12 người", "a/b", 5])
def test_a_lexicon_entry_that_is_itself_unread_is_refused(said: object) -> None:
    with pytest.raises(LexiconError):
        LEXICON.with_words({"ABC": said})  # type: ignore[dict-item]


def test_a_communes_file_is_read_and_a_broken_one_named(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[words]\n"NVHT" = "nhà văn hóa thôn"\n', encoding="utf-8")
    assert normalise("NVHT", load(path)).text == "nhà văn hóa thôn"
    path.write_text("[words", encoding="utf-8")
    with pytest.raises(LexiconError, match=r"own\.toml"):
        load(path)


def test_decomposed_letters_are_read_like_composed_ones() -> None:
    written = "UBND xã họp lúc 7h30 ngày 20/11, mời các ĐB đến dự. Đội XQZ vắng"
    apart = unicodedata.normalize("NFD", written)
    composed, decomposed = normalise(written, LEXICON), normalise(apart, LEXICON)
    assert decomposed.text == composed.text
    assert [apart[one.written_start : one.written_end] for one in decomposed.spans] == [
        unicodedata.normalize("NFD", written[one.written_start : one.written_end]) for one in composed.spans
    ]
    assert [doubt.found for doubt in decomposed.doubts] == ["XQZ"]


def test_words_and_figures_written_as_one_are_parted_and_their_places_kept() -> None:
    written = "Tầng2 có 30người, XQZ ở tầng3"
    found = normalise(written, LEXICON)
    assert found.text == "Tầng hai có ba mươi người, ích quy dét ở tầng ba"
    assert [written[one.written_start : one.written_end] for one in found.spans] == ["2", "30", "XQZ", "3"]
    assert [(one.found, written[one.start : one.end]) for one in found.doubts] == [("XQZ", "XQZ")]


def test_numbers_count_without_a_gap() -> None:
    assert cardinal(0) == "không"
    assert cardinal(1015) == "một nghìn không trăm mười lăm"
    assert cardinal(21_000_004) == "hai mươi mốt triệu không trăm linh bốn"
    assert cardinal(2_000_000_000) == "hai tỷ"
    assert cardinal(1_000_000_001) == "một tỷ không trăm linh một"
    assert len({cardinal(number) for number in range(20_000)}) == 20_000


def test_roman_numerals_go_both_ways_and_no_other_letters_pass() -> None:
    assert all(roman(to_roman(number)) == number for number in range(1, 4000))
    assert [roman(text) for text in ("", "IIII", "VX", "IC", "MI6", "ABC")] == [None] * 6


def test_the_tuning_set_is_read_where_it_is_at_hand() -> None:
    path = Path(__file__).resolve().parents[3] / "shared/data/normalise.jsonl"
    if not path.exists():
        pytest.skip("the tuning set lies outside the repository and is not here")
    import json

    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    doubted = [row["text"] for row in rows if normalise(row["text"], LEXICON).doubts]
    assert len(doubted) <= len(rows) // 20

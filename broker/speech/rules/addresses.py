"""Web and mail addresses: their parts are said as words where they are Vietnamese without its marks."""

from __future__ import annotations

import re

from broker.speech.draft import Draft, Rule, Said
from broker.speech.letters import is_bare_syllable, spelled
from broker.speech.lexicon import Lexicon
from broker.speech.numbers import digits

_ENDINGS = (
    "vn|com|net|org|gov|edu|info|asia|io|me|app|xyz|top|cc|co|gle|gl|ly|tv|biz|online|site|shop|store"
    "|page|link|dev"
)
_ADDRESS = re.compile(
    rf"(?<![\w@.])(?:https?://)?(?:[A-Za-z0-9_.+\-]{{1,64}}@)?(?:[A-Za-z0-9][A-Za-z0-9\-]{{0,62}}\.){{1,6}}(?:{_ENDINGS})(?![\w])"
    r"(?:/[A-Za-z0-9_.~\-/%?=&#]{0,200}[A-Za-z0-9_/])?"
    r"|https?://[A-Za-z0-9_.~\-/%?=&#:@]{1,200}[A-Za-z0-9_/]",
    re.I,
)
_HANDLE = re.compile(r"(?<![\w@.])(?P<x>[@#](?P<name>[A-Za-z][A-Za-z0-9_.]{2,40}))(?![\w])")
_MARKS = {
    ".": "chấm",
    "/": "gạch chéo",
    "-": "gạch ngang",
    "_": "gạch dưới",
    "@": "a còng",
    "+": "cộng",
    "~": "ngã",
    "%": "phần trăm",
    "?": "hỏi chấm",
    "=": "bằng",
    "&": "và",
    "#": "thăng",
}
_KNOWN = {
    "vn": "vê en", "com": "com", "net": "nét", "org": "o rờ gờ", "gov": "gờ ô vê", "edu": "e đu",
    "info": "in phô", "www": "vê kép vê kép vê kép", "gmail": "gi meo", "yahoo": "da hu", "hotmail": "hót meo",
    "outlook": "ao lúc", "icloud": "ai clao", "mail": "meo", "vneid": "vi en i ai đi",
    "vssid": "vi ét ét ai đi", "vnexpress": "vi en ích pờ rét", "mobile": "mô bai", "api": "a pê i",
    "moh": "em o hát", "evn": "i vi en", "co": "co", "io": "ai ô", "me": "mi", "app": "áp", "fb": "phây búc",
    "bit": "bít", "ly": "li", "forms": "phom", "docs": "đóc", "drive": "đờ rai", "maps": "máp", "goo": "gu",
    "gl": "gờ lờ", "bvdk": "bệnh viện đa khoa", "thcs": "trung học cơ sở", "thpt": "trung học phổ thông",
    "ubnd": "ủy ban nhân dân", "hdnd": "hội đồng nhân dân", "ttyt": "trung tâm y tế", "bhxh": "bảo hiểm xã hội",
    "cskh": "chăm sóc khách hàng", "npc": "en pê xê", "cpc": "xê pê xê", "spc": "ét pê xê",
    "dvc": "dịch vụ công", "pvhcc": "phục vụ hành chính công", "edoc": "i đóc", "egov": "i gờ ô vê",
    "csdl": "cơ sở dữ liệu", "id": "ai đi", "qr": "quy rờ",
}  # fmt: skip
_PHRASES = {
    "dichvucong": "dịch vụ công", "dichvucongtructuyen": "dịch vụ công trực tuyến", "motcua": "một cửa",
    "hanhchinhcong": "hành chính công", "hanhchinh": "hành chính", "thutuchanhchinh": "thủ tục hành chính",
    "chinhphu": "chính phủ", "quochoi": "quốc hội", "baohiemxahoi": "bảo hiểm xã hội", "baohiem": "bảo hiểm",
    "congan": "công an", "bocongan": "bộ công an", "thuvien": "thư viện",
    "thuvienphapluat": "thư viện pháp luật", "phapluat": "pháp luật", "gopy": "góp ý", "hoidap": "hỏi đáp",
    "phananh": "phản ánh", "kiennghi": "kiến nghị", "phananhkiennghi": "phản ánh kiến nghị",
    "lienhe": "liên hệ", "tiepdan": "tiếp dân", "vanthu": "văn thư", "vanphong": "văn phòng",
    "thongtin": "thông tin", "thongbao": "thông báo", "truyenthanh": "truyền thanh",
    "truyenhinh": "truyền hình", "phatthanh": "phát thanh", "daitruyenthanh": "đài truyền thanh",
    "baochi": "báo chí", "tintuc": "tin tức", "tuyensinh": "tuyển sinh", "tuyendung": "tuyển dụng",
    "vieclam": "việc làm", "ketqua": "kết quả", "tracuu": "tra cứu", "hoadon": "hóa đơn",
    "hoadondientu": "hóa đơn điện tử", "dientu": "điện tử", "congdichvu": "cổng dịch vụ",
    "congthongtin": "cổng thông tin", "luutru": "lưu trú", "cutru": "cư trú", "dangky": "đăng ký",
    "dangkykinhdoanh": "đăng ký kinh doanh", "khaibao": "khai báo", "khaosat": "khảo sát", "dat": "đất",
    "datdai": "đất đai", "nongnghiep": "nông nghiệp", "nongthonmoi": "nông thôn mới", "nongdan": "nông dân",
    "hoinongdan": "hội nông dân", "phunu": "phụ nữ", "hoiphunu": "hội phụ nữ",
    "doanthanhnien": "đoàn thanh niên", "thanhnien": "thanh niên", "congdoan": "công đoàn",
    "mattran": "mặt trận", "dangbo": "đảng bộ", "danguy": "đảng ủy", "uybannhandan": "ủy ban nhân dân",
    "hoidongnhandan": "hội đồng nhân dân", "yte": "y tế", "tramyte": "trạm y tế", "soyte": "sở y tế",
    "boyte": "bộ y tế", "benhvien": "bệnh viện", "tiemchung": "tiêm chủng", "suckhoe": "sức khỏe",
    "giaoduc": "giáo dục", "truong": "trường", "mamnon": "mầm non", "tieuhoc": "tiểu học", "hoctap": "học tập",
    "dienluc": "điện lực", "capnuoc": "cấp nước", "nuocsach": "nước sạch", "thuedientu": "thuế điện tử",
    "thue": "thuế", "tongcucthue": "tổng cục thuế", "canhsat": "cảnh sát", "giaothong": "giao thông",
    "csgt": "cảnh sát giao thông", "phongchaychuachay": "phòng cháy chữa cháy",
    "phongchongthientai": "phòng chống thiên tai", "thientai": "thiên tai", "khituong": "khí tượng",
    "khituongthuyvan": "khí tượng thủy văn", "thoitiet": "thời tiết", "moitruong": "môi trường",
    "vanhoa": "văn hóa", "dulich": "du lịch", "thethao": "thể thao", "buudien": "bưu điện",
    "nganhang": "ngân hàng", "chinhsachxahoi": "chính sách xã hội", "tinnhan": "tin nhắn",
    "anninhmang": "an ninh mạng", "antoan": "an toàn", "tinnhiemmang": "tín nhiệm mạng",
    "chongluadao": "chống lừa đảo", "hoptacxa": "hợp tác xã", "htx": "hợp tác xã", "cho": "chợ",
    "nongsan": "nông sản", "sanphamocop": "sản phẩm ô cốp", "ocop": "ô cốp", "lang": "làng", "thon": "thôn",
    "xa": "xã", "phuong": "phường", "tinh": "tỉnh", "huyen": "huyện", "quan": "quận", "thanhpho": "thành phố",
    "langso": "làng số", "toso": "tổ số", "congdong": "cộng đồng", "nhandan": "nhân dân", "vietnam": "Việt Nam",
    "hanoi": "Hà Nội", "haiphong": "Hải Phòng", "danang": "Đà Nẵng", "hue": "Huế", "cantho": "Cần Thơ",
    "hochiminh": "Hồ Chí Minh", "hochiminhcity": "Hồ Chí Minh xi ti", "tphcm": "thành phố Hồ Chí Minh",
    "thanhhoa": "Thanh Hóa", "nghean": "Nghệ An", "hatinh": "Hà Tĩnh", "quangtri": "Quảng Trị",
    "quangngai": "Quảng Ngãi", "quangbinh": "Quảng Bình", "quangnam": "Quảng Nam", "quangninh": "Quảng Ninh",
    "gialai": "Gia Lai", "binhdinh": "Bình Định", "daklak": "Đắk Lắk", "khanhhoa": "Khánh Hòa",
    "lamdong": "Lâm Đồng", "dongnai": "Đồng Nai", "tayninh": "Tây Ninh", "dongthap": "Đồng Tháp",
    "angiang": "An Giang", "vinhlong": "Vĩnh Long", "camau": "Cà Mau", "bacninh": "Bắc Ninh",
    "bacgiang": "Bắc Giang", "hungyen": "Hưng Yên", "ninhbinh": "Ninh Bình", "namdinh": "Nam Định",
    "phutho": "Phú Thọ", "vinhphuc": "Vĩnh Phúc", "hoabinh": "Hòa Bình", "thainguyen": "Thái Nguyên",
    "langson": "Lạng Sơn", "caobang": "Cao Bằng", "tuyenquang": "Tuyên Quang", "hagiang": "Hà Giang",
    "laocai": "Lào Cai", "yenbai": "Yên Bái", "sonla": "Sơn La", "dienbien": "Điện Biên", "laichau": "Lai Châu",
    "haiduong": "Hải Dương", "thaibinh": "Thái Bình", "hanam": "Hà Nam", "bentre": "Bến Tre",
    "tiengiang": "Tiền Giang", "longan": "Long An", "kiengiang": "Kiên Giang", "soctrang": "Sóc Trăng",
    "baclieu": "Bạc Liêu", "haugiang": "Hậu Giang", "travinh": "Trà Vinh", "ninhthuan": "Ninh Thuận",
    "binhthuan": "Bình Thuận", "binhduong": "Bình Dương", "binhphuoc": "Bình Phước", "baria": "Bà Rịa",
    "vungtau": "Vũng Tàu", "phuyen": "Phú Yên", "kontum": "Kon Tum", "dongbac": "đông bắc",
}  # fmt: skip
"""Runs of letters that stand for Vietnamese words without their marks, and are nothing else."""

_NAME_SYLLABLES = (
    "an anh ba bac ban bang bao bien bich binh bo bong buu ca cam can cau chau chi chien chinh cho chu "
    "cong cu cua cuong dai dan dang dao dat diem dien dinh do doan dong du duc dung duong duy gia giang "
    "giao ha hai ham han hanh hau hien hieu hoa hoai hoan hoang hoi hong hop hue hung huong huu huyen "
    "khai khang khanh khe khoa khu kien kim ky la lac lai lam lan lang le lien linh loan loc loi long "
    "luong ly mai man minh mo mon my na nam nga ngan nghia ngoc nguyen nha nhan nhi nho nhu ninh nong nu "
    "nui o phap phat phi pho phong phu phuc phung phuoc phuong quan quang que quy quyen quynh sa sau sinh "
    "so son song ta tai tam tan tang tao tay te thach thai tham thang thanh thao thi thien thinh tho thoi "
    "thon thong thu thuan thuong thuy tien tieu tin tinh to toan ton tra trang tri trieu trinh trong tru "
    "truc trung truong tu tuan tuc tung tuoi tuyen tuyet ty uyen van vang vi vien viet vinh vong vu vung "
    "vuong xa xom xuan xuyen y yen sen chua "
)
_COMMON = frozenset(_NAME_SYLLABLES.split())
"""Syllables that names of people and places are made of, without marks: they tell "binh-an" from "bi-nhan"."""

_LIKELY = {
    "binh": "bình", "tan": "tân", "phuc": "phúc", "my": "mỹ", "phu": "phú", "vinh": "vĩnh", "dong": "đông",
    "tay": "tây", "bac": "bắc", "son": "sơn", "ha": "hà", "yen": "yên", "long": "long", "thinh": "thịnh",
    "loc": "lộc", "tho": "thọ", "duc": "đức", "dai": "đại", "trung": "trung", "thuy": "thủy",
    "thuong": "thượng", "quang": "quảng", "hai": "hải", "hong": "hồng", "hung": "hưng", "loi": "lợi",
    "ngoc": "ngọc", "nghia": "nghĩa", "phong": "phong", "phuoc": "phước", "thang": "thắng", "tien": "tiến",
    "tri": "trị", "trieu": "triệu", "truong": "trường", "van": "vân", "viet": "việt", "xuan": "xuân",
    "hiep": "hiệp", "hoang": "hoàng", "cam": "cẩm", "chau": "châu", "dinh": "định", "giang": "giang",
    "bao": "báo", "do": "đô", "ninh": "ninh", "lac": "lạc", "luong": "lương", "khe": "khê",
}  # fmt: skip
"""What a syllable of a place's name most often is with its marks; the whole stays a doubt."""


def rules(lexicon: Lexicon) -> tuple[Rule, ...]:
    """The rules with the words this lexicon knows."""

    def address(match: re.Match[str], _: Draft) -> str | Said | None:
        return _said(re.sub(r"^https?://", "", match[0], flags=re.I), lexicon)

    def handle(match: re.Match[str], _: Draft) -> Said:
        """ "@xahoasen", "#langso": a name on a network; what it is said as, a person decides."""
        said = _said(match["name"], lexicon)
        words = said if isinstance(said, str) else said.words
        full = f"a còng {words}" if match["x"][0] == "@" else words
        return Said(full, (full,))

    return (
        Rule(_ADDRESS, address, needs="any", sign="."),
        Rule(_HANDLE, handle, needs="any", sign="@#"),
    )


def _said(text: str, lexicon: Lexicon) -> str | Said:
    """The parts of an address in order; a doubt where a part is neither known nor a phrase of ours."""
    out: list[str] = []
    is_sure = True
    parts: list[str] = re.findall(r"[A-Za-z]+|\d+|[^A-Za-z\d]", text)
    for part in parts:
        said, known = _part(part.lower(), lexicon)
        out.append(said)
        is_sure = is_sure and known
    words = " ".join(filter(None, out))
    spelt = " ".join(
        spelled(part) if part.isalpha() and not _part(part.lower(), lexicon)[1] else said
        for part, said in zip(parts, out, strict=True)
    )
    return words if is_sure else Said(words, (words, spelt))


def _part(part: str, lexicon: Lexicon) -> tuple[str, bool]:
    """(words, whether they are certain) for one run of letters, figures, or a mark."""
    if part.isdecimal():
        return digits(part), True
    if not part.isalpha():
        return _MARKS.get(part, ""), part in _MARKS
    meanings = lexicon.abbreviations.get(part.upper(), ())
    known = _KNOWN.get(part) or _PHRASES.get(part) or lexicon.words.get(part)
    known = known or (meanings[0] if len(meanings) == 1 and not is_bare_syllable(part) else "")
    if known:
        return known, True
    if len(part) == 1:
        return spelled(part), True
    return _pieces(part)


def _pieces(word: str) -> tuple[str, bool]:
    """A run of letters as known phrases and syllables of names, spelled where it is neither."""
    if len(word) > 40:
        return spelled(word), False
    # The best cut so far up to each place: (cost, words, whether all of it is known phrases).
    best: list[tuple[int, tuple[str, ...], bool] | None] = [(0, (), True)]
    for end in range(1, len(word) + 1):
        found: tuple[int, tuple[str, ...], bool] | None = None
        for start in range(max(0, end - 22), end):
            before = best[start]
            cut = _cut(word[start:end]) if before is not None else None
            if before is not None and cut is not None:
                option = (before[0] + cut[0], (*before[1], cut[1]), before[2] and cut[2])
                if found is None or option[0] < found[0]:
                    found = option
        best.append(found)
    whole = best[-1]
    return (" ".join(whole[1]), whole[2]) if whole is not None else (spelled(word), False)


def _cut(piece: str) -> tuple[int, str, bool] | None:
    """(cost, words, whether they are sure) of one piece; None where it is no piece at all."""
    phrase = _PHRASES.get(piece)
    if phrase is not None:
        return (10, phrase, len(piece) > 3)
    if len(piece) > 6 or not is_bare_syllable(piece) or (len(piece) == 1 and piece != "y"):
        return None
    return (11 if piece in _COMMON else 16, _LIKELY.get(piece, piece), False)

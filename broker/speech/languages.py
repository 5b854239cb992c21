"""Languages an announcement may be heard in. Only Vietnamese is ever spoken by a machine; the others are recorded."""

from __future__ import annotations

SPOKEN = "vi"
"""The one language our voices speak."""

LANGUAGES = {
    "vi": "tiếng Việt",
    "tyz": "tiếng Tày",
    "nut": "tiếng Nùng",
    "mtq": "tiếng Mường",
    "blt": "tiếng Thái",
    "hnj": "tiếng H’Mông",
    "ium": "tiếng Dao",
    "giy": "tiếng Giáy",
    "mlc": "tiếng Sán Chay",
    "kjg": "tiếng Khơ Mú",
    "bdq": "tiếng Ba Na",
    "jra": "tiếng Gia Rai",
    "rad": "tiếng Ê Đê",
    "sed": "tiếng Xơ Đăng",
    "kpm": "tiếng Cơ Ho",
    "cmo": "tiếng M’Nông",
    "hre": "tiếng Hrê",
    "ktv": "tiếng Cơ Tu",
    "bru": "tiếng Bru – Vân Kiều",
    "cjm": "tiếng Chăm",
    "km": "tiếng Khmer",
    "yue": "tiếng Hoa",
    "sti": "tiếng Xtiêng",
    "rog": "tiếng Ra Glai",
    "hni": "tiếng Hà Nhì",
    "tou": "tiếng Thổ",
    "jeh": "tiếng Gié",
    "cma": "tiếng Mạ",
    "tth": "tiếng Tà Ôi",
    "cua": "tiếng Co",
    "crw": "tiếng Chơ Ro",
    "cje": "tiếng Chu Ru",
    "mis": "tiếng khác",
}
"""ISO 639 codes and names on screen; the larger languages of Vietnam, in no order of worth; `mis` stands
for one that is not listed."""

"""`langso evidence`: whether a file of pictures that left the house is what the hub signed. Needs no network."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from broker.trust.evidence import Checked

ROOTS = (Path("/etc/langso/hub/keys/root.pub"), Path("/etc/langso/keys/root.pub"))
"""Where a hub and a node keep the commune's public root key."""
TOUCHED, NOT_LOOKED = 1, 2
"""Exit status: it is not what was signed; it could not be looked at."""


def add(commands: Any) -> None:
    """Declare the commands."""
    evidence = commands.add_parser("evidence", help="pictures that left the duty room as a signed file")
    parts = evidence.add_subparsers(metavar="WHAT", required=True)
    check = parts.add_parser(
        "check", help="is the file what the hub signed; exit 1 when anything was touched"
    )
    check.add_argument("file", type=Path, metavar="FILE")
    check.add_argument(
        "--root", type=Path, metavar="FILE", help="root.pub of the commune; default: that of this machine"
    )
    check.set_defaults(act=_check)


def _check(chosen: argparse.Namespace) -> int:
    from broker.trust.envelope import Refused
    from broker.trust.evidence import check
    from deploy.terminal import put, say_error

    root = chosen.root or next((each for each in ROOTS if each.is_file()), None)
    if root is None:
        say_error("máy này không có root.pub; xin chỉ tệp root.pub của xã bằng --root")
        return NOT_LOOKED
    missing = next((each for each in (root, chosen.file) if not each.is_file()), None)
    if missing is not None:
        say_error(f"không có tệp {missing}")
        return NOT_LOOKED
    try:
        public = root.read_text(encoding="ascii")
        with chosen.file.open("rb") as file:
            found = check(file, public)
    except Refused as why:
        put(f"KHÔNG TIN ĐƯỢC: {why}")
        return TOUCHED
    except OSError as why:
        say_error(f"không đọc được: {why.strerror or why}")
        return NOT_LOOKED
    except ValueError as why:
        put(f"KHÔNG PHẢI TỆP HÌNH CỦA TRUNG TÂM: {why}")
        return TOUCHED
    for line in lines_of(found):
        put(line)
    return 0 if found.is_whole else TOUCHED


def lines_of(found: Checked) -> list[str]:
    """What a look found, for whoever was given the file. Hours are Vietnam's, whatever clock the machine keeps."""
    from broker.link.clock import LOCAL

    body = found.body
    made = body.made_at.astimezone(LOCAL)
    lines = [
        f"xã mã {body.commune}, cảnh báo {body.alert}, lấy ra lúc {made:%H:%M:%S %d/%m/%Y} giờ Việt Nam",
        f"người lấy: {body.officer} ({body.username}); lý do: {body.reason}",
        f"ký bởi {found.key.holder}, khoá {found.key.key}; sổ nhật ký: dòng {body.log_index + 1}",
        *(f"{one.name}  {one.size} byte  sha256 {one.sha256}  {one.what}" for one in body.parts),
        *(f"không có trong tệp: {one}" for one in body.gone),
    ]
    verdict = [f"KHÔNG NGUYÊN VẸN: {each}" for each in found.wrong] or ["nguyên vẹn"]
    return [*lines, *verdict]

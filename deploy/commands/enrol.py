"""`langso enrol`: makes this machine a node of a commune, with a code from the page "Điểm và máy"."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

FOLDER = Path("/etc/langso")


def add(commands: Any) -> None:
    """Declare the command."""
    enrol = commands.add_parser("enrol", help="fetch this node's certificates with a code from the hub")
    enrol.add_argument("node", metavar="NODE", help="thon-01")
    enrol.add_argument("--hub", required=True, metavar="URL", help="https://HOST:8444")
    enrol.add_argument("--code", required=True, metavar="XXXX-XXXX", help="counts for 15 minutes")
    enrol.add_argument(
        "--pin", required=True, metavar="HEX", help="the commune's fingerprint, shown with the code"
    )
    enrol.add_argument("--dir", type=Path, default=FOLDER, metavar="DIR", help=f"default {FOLDER}")
    enrol.add_argument("--data", default="/var/lib/langso", metavar="DIR", help="the node's data folder")
    enrol.set_defaults(act=_enrol)


def _enrol(chosen: argparse.Namespace) -> int:
    from broker.contract import NODE_SERVICES
    from broker.link.enrol import NotEnrolled, enrol
    from deploy.terminal import put, say_error

    folder = chosen.dir.resolve()
    if os.geteuid() == 0 and folder.exists() and folder.stat().st_uid != 0:
        say_error(
            f"Xin chạy lệnh này bằng sudo -u {folder.owner()}: khoá phải là của tài khoản chạy các dịch vụ."
        )
        return 1
    try:
        welcome = enrol(
            chosen.node,
            chosen.hub,
            chosen.code,
            chosen.pin,
            keys=folder / "keys",
            folder=folder,
            data=str(Path(chosen.data).resolve()),
        )
    except NotEnrolled as why:
        say_error(str(why))
        return 1
    if welcome is None:
        put("Lần trước máy đã nhận chứng thư nhưng bị ngắt giữa chừng; nay đã cài xong. Không cần mã mới.")
    else:
        put(f"{welcome.node}, {welcome.village_name}, {welcome.commune_name}: đã nhận chứng thư.")
    put(f"Cấu hình: {folder / 'langso.toml'}; khoá: {folder / 'keys'}.")
    put("Các dịch vụ đang chạy tự nhận khoá mới. Lần cài đầu thì bật chúng:")
    put("  sudo systemctl enable --now " + " ".join(f"langso@{service}" for service in NODE_SERVICES))
    return 0

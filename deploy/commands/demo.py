"""`langso demo`: the whole commune in one command."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

MOST_NODES = 24


def add(commands: Any) -> None:
    """Declare the command."""
    demo = commands.add_parser("demo", help="a whole commune on this machine until Ctrl-C")
    demo.add_argument(
        "--nodes", type=_count, default=1, metavar="N", help="cultural houses to run (default 1)"
    )
    demo.add_argument("--camera", default="", metavar="SOURCE", help="rtsp://…, /dev/videoN or a video file")
    demo.add_argument("--serial", default="", metavar="PORT", help="a real board's serial port")
    demo.add_argument("--data", type=Path, default=None, metavar="DIR", help="its folder (default demo-data)")
    demo.add_argument(
        "--broker", choices=("mosquitto", "embedded"), default="", help="default: what is installed"
    )
    demo.add_argument(
        "--database",
        default="",
        metavar="URL",
        help="postgresql+psycopg://USER@HOST/NAME, its password in PGPASSWORD or ~/.pgpass (default: SQLite)",
    )
    demo.add_argument(
        "--new-passwords", action="store_true", help="new passwords, key and PIN for all accounts"
    )
    demo.add_argument(
        "--check", action="store_true", help="walk the five paths in a temporary folder, exit 0 or 1"
    )
    demo.set_defaults(act=_demo)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_NODES:
        raise argparse.ArgumentTypeError(f"found {text!r}, 1 to {MOST_NODES} is possible")
    return int(text)


def _demo(chosen: argparse.Namespace) -> int:
    from deploy import demo, van_khe
    from deploy.stage import Wishes
    from deploy.terminal import put, say_error

    camera = chosen.camera or van_khe.DRAWN_SCENE
    if "://" not in camera and camera != van_khe.DRAWN_SCENE:
        if not Path(camera).exists():
            say_error(f"--camera: {camera} is not there; give rtsp://…, /dev/videoN or a video file")
            return 64
        camera = str(Path(camera).resolve())
    if chosen.serial and not Path(chosen.serial).exists():
        say_error(f"--serial: {chosen.serial} is not there; `./langso doctor` lists the serial ports")
        return 64
    if chosen.check:
        from deploy.check import check

        return check(chosen.nodes, camera, chosen.serial, chosen.broker, put, chosen.database)
    wishes = Wishes(
        folder=(chosen.data or demo.default_folder()).resolve(),
        nodes=chosen.nodes,
        camera=camera,
        serial=str(Path(chosen.serial).resolve()) if chosen.serial else "",
        new_passwords=chosen.new_passwords,
        broker=chosen.broker,
        database=chosen.database,
    )
    return demo.run(wishes, put)

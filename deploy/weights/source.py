"""From an operator's file to the one the cameras read: TensorFlow.js is converted, ONNX is taken as it is."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from deploy.weights import tfjs
from deploy.weights.convert import to_onnx
from deploy.weights.tfjs import WeightsError

LARGEST = 64 * 1024**2
"""Bytes of a file the cameras read (edge/camera/model_child.py)."""


def bring(source: Path, to: Path) -> str:
    """Write the ONNX file to disk; returns its SHA-256. Raises WeightsError, OSError."""
    size = source.stat().st_size
    if source.suffix == ".json":
        made = to_onnx(tfjs.read(source))
    elif source.suffix == ".onnx":
        if size > LARGEST:
            raise WeightsError(f"{source}: {size} bytes; at most {LARGEST} are taken")
        made = source.read_bytes()
    else:
        raise WeightsError(f"{source}: neither a folder with nanodet.json, nor FILE.json, nor FILE.onnx")
    with to.open("wb") as out:
        out.write(made)
        out.flush()
        os.fsync(out.fileno())
    return hashlib.sha256(made).hexdigest()

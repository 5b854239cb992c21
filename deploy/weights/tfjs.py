"""Reads a TensorFlow.js graph model: a JSON file of nodes and a file of weights beside it. Runs nothing of it.

Source: the format as TensorFlow.js writes it ("graph-model": modelTopology, weightsManifest), read from such files.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_JSON = 16 * 1024**2
LARGEST_WEIGHTS = 128 * 1024**2
"""Bytes. NanoDet-g has 0.1 and 7.6 MB."""

Array = NDArray[np.generic]


class WeightsError(ValueError):
    """The files are not a model that can be used; the text says what was found and what is needed."""


@dataclass(frozen=True)
class Node:
    """One operation."""

    op: str
    name: str
    inputs: tuple[str, ...]
    """Names of nodes, `name:1` for a second output."""
    attributes: Mapping[str, Any]

    def numbers(self, key: str) -> list[int]:
        """An attribute that is a list of whole numbers."""
        return [int(each) for each in self.attributes[key]["list"]["i"]]

    def text(self, key: str) -> str:
        """An attribute that is a word."""
        return base64.b64decode(self.attributes[key]["s"]).decode()


@dataclass(frozen=True)
class TfjsModel:
    """A model as it was published."""

    nodes: tuple[Node, ...]
    """In an order in which they can be computed."""
    weights: Mapping[str, Array]
    input: str
    input_shape: tuple[int, ...]
    outputs: Mapping[str, tuple[int, ...]]
    """Name → shape."""


def read(file: Path) -> TfjsModel:
    """Read FILE.json and its weights, which must lie in the same folder. Raises WeightsError, OSError."""
    found = json_of(file)
    try:
        topology, signature = found["modelTopology"], found["signature"]
        nodes = tuple(_node(each) for each in topology["node"])
        weights = _weights(file, found["weightsManifest"])
        (given,) = [(name, _shape(of)) for name, of in signature["inputs"].items()]
        outputs = {name.removesuffix(":0"): _shape(of) for name, of in signature["outputs"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as why:
        if isinstance(why, WeightsError):
            raise
        raise WeightsError(f"{file}: not a TensorFlow.js graph model with one input ({why!r})") from why
    return TfjsModel(nodes, weights, given[0].removesuffix(":0"), given[1], outputs)


def json_of(file: Path) -> dict[str, Any]:
    """The JSON object of a file. Raises WeightsError, OSError."""
    if file.stat().st_size > LARGEST_JSON:
        raise WeightsError(f"{file}: {file.stat().st_size} bytes; at most {LARGEST_JSON} are read")
    try:
        found = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as why:
        raise WeightsError(f"{file}: not JSON: {why}") from why
    if not isinstance(found, dict):
        raise WeightsError(f"{file}: not a JSON object")
    return found


def _node(raw: Mapping[str, Any]) -> Node:
    inputs = tuple(name for name in raw.get("input", ()) if not name.startswith("^"))
    return Node(raw["op"], raw["name"], inputs, raw.get("attr", {}))


def _shape(raw: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(dim["size"]) for dim in raw["tensorShape"]["dim"])


def _weights(file: Path, manifest: Any) -> dict[str, Array]:
    """All weights by name, as float32 or int64."""
    weights: dict[str, Array] = {}
    for group in manifest:
        parts = []
        for name in group["paths"]:
            part = file.parent / Path(str(name)).name  # never outside the folder, whatever the file says
            if part.stat().st_size > LARGEST_WEIGHTS:
                raise WeightsError(f"{part}: larger than the {LARGEST_WEIGHTS} bytes that are read")
            parts.append(part.read_bytes())
        data, at = b"".join(parts), 0
        for entry in group["weights"]:
            stored = np.dtype(_stored_as(entry)).newbyteorder("<")
            count = int(np.prod(entry["shape"], dtype=np.int64))
            end = at + count * stored.itemsize
            if count < 0 or end > len(data):
                raise WeightsError(f"{file}: its weights end before {entry['name']}")
            kind = np.int64 if entry["dtype"] == "int32" else np.float32
            weights[entry["name"]] = np.frombuffer(data[at:end], stored).astype(kind).reshape(entry["shape"])
            at = end
    return weights


def _stored_as(entry: Mapping[str, Any]) -> str:
    """Type in the file: float32 is often kept as float16. Raises WeightsError for finer packing."""
    packed = entry.get("quantization", {}).get("dtype", entry["dtype"])
    if packed not in ("float32", "float16", "int32") or (entry["dtype"] == "int32") != (packed == "int32"):
        raise WeightsError(f"{entry['name']}: stored as {packed}; float32, float16 and int32 can be read")
    return str(packed)

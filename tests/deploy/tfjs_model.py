"""A small network as TensorFlow.js keeps it, with every operation of NanoDet, and what it should compute."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
LAST, FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
CHANNELS, ROW = 8, 80 + 4 * 2


class TfjsFile:
    """Nodes and weights, put together one by one."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.entries: list[dict[str, Any]] = []
        self.data = b""

    def weight(self, name: str, value: Any, *, half: bool = False) -> str:
        """A constant: whole numbers as int32, others as float32 or float16."""
        array = np.asarray(value)
        whole = array.dtype.kind in "iu"
        kind = "int32" if whole else "float16" if half else "float32"
        entry: dict[str, Any] = {"name": name, "shape": list(array.shape)}
        entry["dtype"] = "int32" if whole else "float32"
        if half:
            entry["quantization"] = {"original_dtype": "float32", "dtype": "float16"}
        self.entries.append(entry)
        self.data += array.astype(kind).tobytes()
        self.nodes.append({"op": "Const", "name": name, "attr": {}})
        return name

    def node(self, op: str, name: str, *inputs: str, **attributes: Any) -> str:
        """An operation."""
        self.nodes.append({"op": op, "name": name, "input": list(inputs), "attr": attributes})
        return name

    def turn(self, name: str, source: str, axes: tuple[int, ...]) -> str:
        """A transposition."""
        return self.node("Transpose", name, source, self.weight(f"{name}/perm", axes))

    def write(self, folder: Path, side_px: int, outputs: dict[str, tuple[int, ...]]) -> Path:
        """nanodet.json and nanodet.bin."""
        given = {"name": "input_1:0", "tensorShape": _shape((1, 3, side_px, side_px))}
        told = {f"{name}:0": {"name": f"{name}:0", "tensorShape": _shape(of)} for name, of in outputs.items()}
        whole = {
            "format": "graph-model",
            "signature": {"inputs": {"input_1:0": given}, "outputs": told},
            "modelTopology": {"node": self.nodes},
            "weightsManifest": [{"paths": ["nanodet.bin"], "weights": self.entries}],
        }
        (folder / "nanodet.bin").write_bytes(self.data)
        file = folder / "nanodet.json"
        file.write_text(json.dumps(whole), encoding="utf-8")
        return file


def _shape(sizes: tuple[int, ...]) -> dict[str, Any]:
    return {"dim": [{"size": str(size)} for size in sizes]}


def _word(text: str) -> dict[str, str]:
    return {"s": base64.b64encode(text.encode()).decode()}


def _list(*numbers: int) -> dict[str, Any]:
    return {"list": {"i": [str(number) for number in numbers]}}


class SmallNanoDet:
    """Convolution, pooling, three levels that mix by resizing, and heads as NanoDet's; 64 x 64 px."""

    def __init__(self, folder: Path) -> None:
        """Writes it into `folder`."""
        chance = np.random.default_rng(7)

        def some(*shape: int) -> Field:
            return (chance.standard_normal(shape) * 0.3).astype(np.float16).astype(np.float32)

        self.kernel, self.bias = some(3, 3, 3, CHANNELS), some(CHANNELS)
        self.head, self.head_bias = some(1, 1, 2 * CHANNELS, ROW), some(ROW)
        self._of = TfjsFile()
        self._of.node("Placeholder", "input_1")
        pooled = self._stem()
        levels = [self._resized("l0", pooled, 8)]
        levels.append(self._resized("l1", levels[0], 4))
        levels.append(self._resized("l2", levels[1], 2))
        outputs: dict[str, tuple[int, ...]] = {}
        for number, (level, side) in enumerate(zip(levels, (8, 4, 2), strict=True)):
            coarser = self._resized(f"u{number}", levels[2], side)
            outputs |= self._heads(number, level, coarser, side * side)
        self.file = self._of.write(folder, 64, outputs)

    def _stem(self) -> str:
        of = self._of
        around = of.weight("around", [[0, 0], [0, 0], [1, 1], [1, 1]])
        padded = of.node("Pad", "pad", "input_1", around)
        kernel = of.weight("kernel", self.kernel, half=True)
        convolved = self._channels_last("conv", "Conv2D", padded, kernel, strides=_list(1, 2, 2, 1))
        turned = of.turn("leak/in", convolved, FIRST)
        leaked = of.node("LeakyRelu", "leak", turned, alpha={"f": 0.1})
        least = of.weight("least", np.float32(-np.inf))
        padded = of.node("PadV2", "padv2", leaked, around, least)
        window = {"ksize": _list(1, 3, 3, 1), "strides": _list(1, 2, 2, 1)}
        pooled = of.node(
            "MaxPool", "pool", of.turn("pool/in", padded, LAST), padding=_word("VALID"), **window
        )
        return of.turn("pool/out", pooled, FIRST)

    def _channels_last(self, name: str, op: str, source: str, kernel: str, **attributes: Any) -> str:
        of = self._of
        turned = of.turn(f"{name}/in", source, LAST)
        more = {"padding": _word("VALID"), "data_format": _word("NHWC"), "dilations": _list(1, 1, 1, 1)}
        made = of.node(op, name, turned, kernel, **more, **attributes)
        bias = self.bias if name == "conv" else self.head_bias
        return of.node("Add", f"{name}/add", made, of.weight(f"{name}/bias", bias))

    def _resized(self, name: str, source: str, side: int) -> str:
        of = self._of
        size = of.weight(f"{name}/size", [side, side])
        how = {"align_corners": {"b": False}, "half_pixel_centers": {"b": True}}
        made = of.node("ResizeBilinear", name, of.turn(f"{name}/in", source, LAST), size, **how)
        return of.turn(f"{name}/out", made, FIRST)

    def _heads(self, number: int, level: str, coarser: str, cells: int) -> dict[str, tuple[int, ...]]:
        of, n = self._of, f"h{number}"
        both = of.node("ConcatV2", f"{n}/both", level, coarser, of.weight(f"{n}/axis", 1), N={"i": "2"})
        kernel = of.weight(f"{n}/kernel", self.head, half=True)
        seen = self._channels_last(n, "Conv2D", both, kernel, strides=_list(1, 1, 1, 1))
        sizes, axis = of.weight(f"{n}/sizes", [80, 8]), of.weight(f"{n}/split_axis", 1)
        split = of.node(
            "SplitV", f"{n}/split", of.turn(f"{n}/first", seen, FIRST), sizes, axis, num_split={"i": "2"}
        )
        scores = of.node("Sigmoid", f"{n}/sigmoid", split)
        outputs = {}
        for wide, part in ((80, scores), (8, f"{split}:1")):
            shape = self._shape_of_constants(f"{n}/{wide}", [1, wide, -1])
            flat = of.node("Reshape", f"{n}/{wide}/flat", part, shape)
            of.node("Identity", f"Identity_{number}_{wide}", of.turn(f"{n}/{wide}/rows", flat, (0, 2, 1)))
            outputs[f"Identity_{number}_{wide}"] = (1, cells, wide)
        return outputs

    def _shape_of_constants(self, name: str, shape: list[int]) -> str:
        """As the published file has it: a sum of the shape and a sparse nothing."""
        of = self._of
        parts = ([[0]], [3], [0], 0)
        names = [of.weight(f"{name}/sparse{at}", np.asarray(part)) for at, part in enumerate(parts)]
        nothing = of.node("SparseToDense", f"{name}/dense", *names)
        return of.node("AddV2", f"{name}/shape", of.weight(f"{name}/known", shape), nothing)

    def expected(self, picture: Field) -> Field:
        """What the ONNX file should say of a picture 1 x 3 x 64 x 64, computed plainly."""
        padded = np.pad(picture[0].transpose(1, 2, 0), ((1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))[::2, ::2]
        seen = np.einsum("hwcij,ijco->hwo", windows, self.kernel) + self.bias
        seen = np.where(seen < 0, 0.1 * seen, seen)
        padded = np.pad(seen, ((1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
        pooled = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))[::2, ::2].max(
            axis=(3, 4)
        )
        levels = [cv2.resize(pooled, (8, 8))]
        levels.append(cv2.resize(levels[0], (4, 4)))
        levels.append(cv2.resize(levels[1], (2, 2)))
        rows = []
        for level in levels:
            both = np.concatenate([level, cv2.resize(levels[2], level.shape[:2])], axis=2)
            head = (both @ self.head[0, 0] + self.head_bias).reshape(-1, ROW)
            head[:, :80] = 1 / (1 + np.exp(-head[:, :80]))
            rows.append(head)
        return np.asarray(np.concatenate(rows)[None], np.float32)

"""NanoDet as TensorFlow.js keeps it → the one ONNX form that the cameras read (edge/camera/nanodet.py).

What is computed from constants alone is computed here. TensorFlow keeps pictures as height, width, channels, ONNX as
channels, height, width; a pair of turns that undo each other is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from deploy.weights.onnx_file import Array, Attribute, OnnxGraph
from deploy.weights.tfjs import Node, TfjsModel, WeightsError

_TO_CHANNELS_FIRST, _TO_CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


def to_onnx(model: TfjsModel) -> bytes:
    """The ONNX file: input `picture` as published, output `output` 1 x cells x (classes + distances).

    The published outputs are scores and distances of each level apart; they are put side by side, finest level
    first. Raises WeightsError for an operation or outputs that NanoDet does not have.
    """
    made = _Translation(model)
    for node in model.nodes:
        made.translate(node)
    levels = _levels(model)
    rows = [made.graph.add_node("Concat", [made.tensor(s), made.tensor(d)], axis=2) for s, d in levels]
    made.graph.add_node("Concat", rows, "output", axis=1)
    cells = sum(model.outputs[scores][1] for scores, _ in levels)
    wide = sum(model.outputs[name][2] for name in levels[0])
    made.graph.add_output("output", (1, cells, wide))
    return made.graph.encode()


def _levels(model: TfjsModel) -> list[tuple[str, str]]:
    """Names of (scores, distances) of each level, finest first. Raises WeightsError."""
    found: dict[int, dict[int, str]] = {}
    for name, shape in model.outputs.items():
        if len(shape) == 3:
            found.setdefault(shape[1], {})[shape[2]] = name
    levels = []
    for cells in sorted(found, reverse=True):
        distances = [name for wide, name in found[cells].items() if wide != 80]
        if 80 not in found[cells] or len(distances) != 1:
            break
        levels.append((found[cells][80], distances[0]))
    if not levels or 2 * len(levels) != len(model.outputs):
        shapes = ", ".join("x".join(map(str, shape)) for shape in model.outputs.values())
        raise WeightsError(
            f"found outputs {shapes}; needed are NanoDet's: 80 scores and the distances of each level"
        )
    return levels


class _Translation:
    """Takes over one operation after the other."""

    def __init__(self, model: TfjsModel) -> None:
        self.graph = OnnxGraph("nanodet")
        self._model = model
        self._constants: dict[str, Array] = {}
        self._tensors: dict[str, str] = {}
        """Name there → name here."""
        self._turned: dict[str, tuple[str, tuple[int, ...]]] = {}
        """What came from a turn: of what, and by which axes."""
        self._known: dict[str, Callable[[Node], str]] = {
            "Transpose": lambda node: self._turn(self._in(node), self._ints(node, 1)),
            "Conv2D": self._convolve,
            "Pad": self._pad,
            "PadV2": self._pad,
            "MaxPool": self._pool,
            "ResizeBilinear": self._resize,
            "Add": self._add,
            "AddV2": self._add,
            "ConcatV2": self._join,
            "LeakyRelu": self._leak,
            "Sigmoid": lambda node: self.graph.add_node("Sigmoid", [self._in(node)]),
            "Reshape": self._reshape,
            "Identity": self._in,
        }

    def tensor(self, name: str) -> str:
        """Name here of a tensor there; a constant is written when it is first used. Raises WeightsError."""
        name = name.removesuffix(":0")
        if name not in self._tensors:
            self._tensors[name] = self._written(self._constant(name))
        return self._tensors[name]

    def translate(self, node: Node) -> None:
        """Take over one operation. Raises WeightsError."""
        try:
            self._translate(node)
        except (
            KeyError,
            IndexError,
            ValueError,
            TypeError,
            AttributeError,
            OverflowError,
            MemoryError,
        ) as why:
            if isinstance(why, WeightsError):
                raise
            raise WeightsError(
                f"{node.op} {node.name}: not as a TensorFlow.js model has it ({why!r})"
            ) from why

    def _translate(self, node: Node) -> None:
        if node.op == "Const":
            self._constants[node.name] = self._model.weights[node.name]
        elif node.op == "Placeholder":
            if node.name != self._model.input:
                raise WeightsError(f"{node.name}: a second input")
            self._tensors[node.name] = self.graph.add_input("picture", self._model.input_shape)
        elif all(name in self._constants for name in node.inputs):
            self._constants[node.name] = _computed(node, [self._constants[name] for name in node.inputs])
        elif node.op == "SplitV":
            self._split(node)
        elif node.op in self._known:
            self._tensors[node.name] = self._known[node.op](node)
        else:
            raise WeightsError(f"operation {node.op} ({node.name}) is none of NanoDet's")

    def _in(self, node: Node) -> str:
        return self.tensor(node.inputs[0])

    def _constant(self, name: str) -> Array:
        """A value known beforehand. Raises WeightsError when it depends on the picture."""
        if name not in self._constants:
            raise WeightsError(f"{name}: not known beforehand, or used before it is computed")
        return self._constants[name]

    def _ints(self, node: Node, number: int) -> tuple[int, ...]:
        return tuple(int(each) for each in self._constant(node.inputs[number]).reshape(-1))

    def _written(self, value: Array) -> str:
        """A constant in the file; weights that lose nothing by it take half the room."""
        if value.dtype == np.float32 and value.size > 1000:
            half = value.astype(np.float16)
            if np.array_equal(half.astype(np.float32), value):
                return self.graph.add_node("Cast", [self.graph.add_constant(half)], to=1)
        return self.graph.add_constant(value)

    def _turn(self, tensor: str, axes: tuple[int, ...]) -> str:
        """With its axes in another order: two turns are one, and one that changes nothing is none."""
        if tensor in self._turned:
            tensor, before = self._turned[tensor]
            axes = tuple(before[axis] for axis in axes)
        if axes == tuple(sorted(axes)):
            return tensor
        turned = self.graph.add_node("Transpose", [tensor], perm=axes)
        self._turned[turned] = (tensor, axes)
        return turned

    def _channels_first(self, node: Node, op: str, more: Sequence[str] = (), **attributes: Attribute) -> str:
        """A node whose input and output are height, width, channels there."""
        if node.attributes.get("data_format") is not None and node.text("data_format") != "NHWC":
            raise WeightsError(f"{node.name}: data format {node.text('data_format')}; NHWC is needed")
        source = self._turn(self._in(node), _TO_CHANNELS_FIRST)
        made = self.graph.add_node(op, [source, *more], "", **attributes)
        return self._turn(made, _TO_CHANNELS_LAST)

    def _convolve(self, node: Node) -> str:
        _need_valid(node)
        kernel = cast("NDArray[np.float32]", self._constant(node.inputs[1]))
        weights = self._written(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)))
        return self._channels_first(
            node,
            "Conv",
            [weights],
            kernel_shape=kernel.shape[:2],
            strides=node.numbers("strides")[1:3],
            dilations=node.numbers("dilations")[1:3],
        )

    def _pool(self, node: Node) -> str:
        _need_valid(node)
        return self._channels_first(
            node, "MaxPool", kernel_shape=node.numbers("ksize")[1:3], strides=node.numbers("strides")[1:3]
        )

    def _resize(self, node: Node) -> str:
        if node.attributes["align_corners"].get("b") or not node.attributes["half_pixel_centers"].get("b"):
            raise WeightsError(f"{node.name}: only resizing by half-pixel centres can be taken over")
        high, wide = self._ints(node, 1)
        source = self._turn(self._in(node), _TO_CHANNELS_FIRST)
        shape = self.graph.add_node("Shape", [source])
        kept = self.graph.add_node(
            "Slice", [shape, *(self.graph.add_constant(np.array([at], np.int64)) for at in (0, 2))]
        )
        size = self.graph.add_node(
            "Concat", [kept, self.graph.add_constant(np.array([high, wide], np.int64))], axis=0
        )
        made = self.graph.add_node(
            "Resize",
            [source, "", "", size],
            mode="linear",
            coordinate_transformation_mode="half_pixel",
        )
        return self._turn(made, _TO_CHANNELS_LAST)

    def _pad(self, node: Node) -> str:
        around = self._constant(node.inputs[1]).reshape(-1, 2)
        pads = np.concatenate([around[:, 0], around[:, 1]]).astype(np.int64)
        inputs = [self._in(node), self.graph.add_constant(pads)]
        if node.op == "PadV2":
            inputs.append(self.tensor(node.inputs[2]))
        return self.graph.add_node("Pad", inputs)

    def _add(self, node: Node) -> str:
        return self.graph.add_node("Add", [self.tensor(name) for name in node.inputs])

    def _join(self, node: Node) -> str:
        (axis,) = self._ints(node, len(node.inputs) - 1)
        return self.graph.add_node("Concat", [self.tensor(name) for name in node.inputs[:-1]], axis=axis)

    def _leak(self, node: Node) -> str:
        return self.graph.add_node(
            "LeakyRelu", [self._in(node)], alpha=float(node.attributes["alpha"].get("f", 0.2))
        )

    def _reshape(self, node: Node) -> str:
        shape = self.graph.add_constant(np.array(self._ints(node, 1), np.int64))
        return self.graph.add_node("Reshape", [self._in(node), shape])

    def _split(self, node: Node) -> None:
        sizes = self._ints(node, 1)
        (axis,) = self._ints(node, 2)
        given = [self._in(node), self.graph.add_constant(np.array(sizes, np.int64))]
        parts = self.graph.add_nodes("Split", given, len(sizes), axis=axis)
        for number, part in enumerate(parts):
            self._tensors[f"{node.name}:{number}" if number else node.name] = part


def _need_valid(node: Node) -> None:
    if node.text("padding") != "VALID":
        raise WeightsError(f"{node.name}: padding {node.text('padding')}; only VALID can be taken over")


def _computed(node: Node, inputs: Sequence[Array]) -> Array:
    """A value that depends on constants alone. Raises WeightsError."""
    if node.op == "Identity":
        return inputs[0]
    if node.op in ("Add", "AddV2"):
        return cast("Array", cast("NDArray[np.int64]", inputs[0]) + cast("NDArray[np.int64]", inputs[1]))
    if node.op == "SparseToDense":
        where, size, values, otherwise = inputs
        if np.prod(size.astype(np.float64)) > 64:
            raise WeightsError(f"{node.name}: {size} numbers; a shape has few")
        dense = np.full(tuple(int(each) for each in size), otherwise, np.int64)
        dense.reshape(-1)[where.reshape(-1)] = values
        return dense
    raise WeightsError(f"operation {node.op} ({node.name}) of constants is none of NanoDet's")

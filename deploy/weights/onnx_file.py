"""Writes an ONNX file: the few parts of its protobuf that a plain network needs, so that no library is.

Source: onnx.proto of ONNX (field numbers), the encoding of Protocol Buffers (varint, fixed32, length-delimited).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

IR_VERSION, OPSET = 8, 13
_TYPES = {"float32": 1, "int64": 7, "float16": 10}
_FLOAT, _INT, _STRING, _FLOATS, _INTS = 1, 2, 3, 6, 7

Array = NDArray[np.generic]
Attribute = int | float | str | Sequence[int] | Sequence[float]


class OnnxGraph:
    """A network, put together node by node; tensors are called by the names that come back."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []

    def add_input(self, name: str, shape: Sequence[int]) -> str:
        """Declare a float input."""
        self._inputs.append(_value_info(name, shape))
        return name

    def add_output(self, name: str, shape: Sequence[int]) -> None:
        """Declare a float output, which some node or constant must be called."""
        self._outputs.append(_value_info(name, shape))

    def add_constant(self, value: Array, name: str = "") -> str:
        """Keep an array of float32, float16 or int64. Raises KeyError for another type."""
        name = name or self._new("c")
        little = value.astype(value.dtype.newbyteorder("<"))
        self._constants.append(
            b"".join(_number(1, size) for size in value.shape)
            + _number(2, _TYPES[value.dtype.name])
            + _bytes(8, name.encode())
            + _bytes(9, little.tobytes())
        )
        return name

    def add_node(self, op: str, inputs: Sequence[str], name: str = "", **attributes: Attribute) -> str:
        """Add an operation with one output, called `name` if that is given."""
        return self.add_nodes(op, inputs, (name or self._new("t"),), **attributes)[0]

    def add_nodes(
        self, op: str, inputs: Sequence[str], outputs: int | Sequence[str], **attributes: Attribute
    ) -> list[str]:
        """Add an operation; outputs: their names, or how many."""
        names = [self._new("t") for _ in range(outputs)] if isinstance(outputs, int) else list(outputs)
        self._nodes.append(
            b"".join(_bytes(1, each.encode()) for each in inputs)
            + b"".join(_bytes(2, each.encode()) for each in names)
            + _bytes(4, op.encode())
            + b"".join(_bytes(5, _attribute(key, value)) for key, value in attributes.items())
        )
        return names

    def encode(self) -> bytes:
        """The file."""
        graph = (
            b"".join(_bytes(1, each) for each in self._nodes)
            + _bytes(2, self._name.encode())
            + b"".join(_bytes(5, each) for each in self._constants)
            + b"".join(_bytes(11, each) for each in self._inputs)
            + b"".join(_bytes(12, each) for each in self._outputs)
        )
        opset = _bytes(1, b"") + _number(2, OPSET)
        return _number(1, IR_VERSION) + _bytes(2, b"langso") + _bytes(7, graph) + _bytes(8, opset)

    def _new(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"


def _attribute(name: str, value: Attribute) -> bytes:
    """Named, with its kind."""
    start = _bytes(1, name.encode())
    if isinstance(value, str):
        return start + _bytes(4, value.encode()) + _number(20, _STRING)
    if isinstance(value, int):
        return start + _number(3, value) + _number(20, _INT)
    if isinstance(value, float):
        return start + _float(2, value) + _number(20, _FLOAT)
    if all(isinstance(each, int) for each in value):
        return start + b"".join(_number(8, int(each)) for each in value) + _number(20, _INTS)
    return start + b"".join(_float(7, each) for each in value) + _number(20, _FLOATS)


def _value_info(name: str, shape: Sequence[int]) -> bytes:
    dims = b"".join(_bytes(1, _number(1, size)) for size in shape)
    tensor = _number(1, _TYPES["float32"]) + _bytes(2, dims)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))


def _number(field: int, value: int) -> bytes:
    """A field that is a whole number; negative ones in 64 bits."""
    return _varint(field << 3) + _varint(value & 0xFFFFFFFFFFFFFFFF)


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)

"""A tiny network in the form of NanoDet: what is white is a person, what is blue is a vehicle, what is green an animal.

It looks at 8 x 8 fields of a square of 64, and puts its box exactly round a field that is bright enough.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deploy.weights.onnx_file import OnnxGraph

SIDE_PX = 64
CELLS = 84
ROW = 80 + 4 * 2


def write_network(file: Path, *, scale: float = 1.0, cells: int = CELLS, side_px: int = SIDE_PX) -> Path:
    """Write it. scale: of all its numbers at the end; cells, side_px: what it declares, true or not."""
    graph = OnnxGraph("colours")
    picture = graph.add_input("picture", (1, 3, side_px, side_px))
    kernel = np.zeros((ROW, 3, 1, 1), np.float32)
    kernel[0, :, 0, 0] = 0.15  # person: white is 2.6 in each of blue, green, red, grey 0.1, black -2
    kernel[2, :, 0, 0] = 0.35, -0.2, -0.2  # car: blue
    kernel[16, :, 0, 0] = -0.2, 0.35, -0.2  # dog: green
    bias = np.zeros(ROW, np.float32)
    bias[[0, 2, 16]] = -0.25, -0.6, -0.6
    fields = graph.add_node("AveragePool", [picture], kernel_shape=(8, 8), strides=(8, 8))
    seen = graph.add_node("Conv", [fields, graph.add_constant(kernel), graph.add_constant(bias)])
    flat = graph.add_node("Reshape", [seen, graph.add_constant(np.array([1, ROW, -1], np.int64))])
    parts = graph.add_nodes("Split", [flat, graph.add_constant(np.array([80, 8], np.int64))], 2, axis=1)
    bounds = [graph.add_constant(np.array(at, np.float32)) for at in (0.0, 1.0)]
    scores = graph.add_node("Clip", [parts[0], *bounds])
    rows = graph.add_node("Transpose", [graph.add_node("Concat", [scores, parts[1]], axis=1)], perm=(0, 2, 1))
    others = graph.add_constant(np.zeros((1, 20, ROW), np.float32))
    both = graph.add_node("Concat", [rows, others], axis=1)
    graph.add_node("Mul", [both, graph.add_constant(np.array(scale, np.float32))], "output")
    graph.add_output("output", (1, cells, ROW))
    file.write_bytes(graph.encode())
    return file


def write_slow_network(file: Path, side: int = 3000, times: int = 200) -> Path:
    """One of the right form that takes minutes for a picture: it multiplies large matrices again and again."""
    graph = OnnxGraph("slow")
    picture = graph.add_input("picture", (1, 3, SIDE_PX, SIDE_PX))
    one = graph.add_node("ReduceMean", [picture], axes=(1, 2, 3), keepdims=1)
    tensor = graph.add_node("Reshape", [one, graph.add_constant(np.array([1, 1], np.int64))])
    size = graph.add_constant(np.array([side, side], np.int64))
    tensor = graph.add_node("Expand", [tensor, size])
    for _ in range(times):
        tensor = graph.add_node("MatMul", [tensor, tensor])
    least = graph.add_node("ReduceMean", [tensor], axes=(0, 1), keepdims=1)
    shape = graph.add_constant(np.array([1, CELLS, ROW], np.int64))
    flat = graph.add_node("Reshape", [least, graph.add_constant(np.array([1, 1, 1], np.int64))])
    graph.add_node("Expand", [flat, shape], "output")
    graph.add_output("output", (1, CELLS, ROW))
    file.write_bytes(graph.encode())
    return file

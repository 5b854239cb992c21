"""Child process: holds the operator's network and computes it. A file that breaks the runtime breaks only this.

Its argument is the file and how many threads may compute. Over the socket that is its standard input it first tells
the network's shapes, then for each picture it gets its numbers back. It ends when the other side is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ADDRESSES = 1024**3
"""Bytes of address space. NanoDet-g takes 0.3 GB of it."""
MEMORY = 320 * 1024**2
"""Bytes in memory, asked after each picture where a service may set itself no limit. NanoDet-g takes 0.15 GB."""
LARGEST = 64 * 1024**2
"""Bytes of a file. NanoDet-g has 7.6 MB."""
PATIENCE_S = 60
"""For loading or one picture; then this process ends, whoever started it."""
HEAD = struct.Struct("<cI")
"""Before all that is sent back: what it is, and its length in bytes."""
SHAPES, NUMBERS, REFUSED = b"S", b"N", b"R"


def main(argv: list[str]) -> int:
    """Serve until the other side closes. Returns the exit code."""
    file, threads = Path(argv[0]), int(argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the service, which ends this
    with socket.socket(fileno=os.dup(0)) as line:
        try:
            signal.alarm(PATIENCE_S)
            session = _load(file, threads)
            _serve(line, session)
        except (BrokenPipeError, ConnectionResetError):
            return 0
        except Exception as why:  # noqa: BLE001  (whatever a file makes the runtime say is the answer)
            with contextlib.suppress(OSError):
                _send(line, REFUSED, f"{type(why).__name__}: {why}"[:1000].encode(errors="replace"))
            return 1
    return 0


def _load(file: Path, threads: int) -> Any:
    """The network. Raises whatever the runtime does."""
    for what, most in (
        (resource.RLIMIT_AS, ADDRESSES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(OSError, ValueError):  # a service may not be let; its own limits stand then
            resource.setrlimit(what, (most, most))
    with contextlib.suppress(OSError):
        os.nice(5)  # the cameras come first
    import onnxruntime

    with file.open("rb") as opened:
        model = opened.read(LARGEST + 1)
    if len(model) > LARGEST:
        raise ValueError(f"more than {LARGEST} bytes")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # without both a fifth less memory, at the same speed
    options.enable_mem_pattern = False
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _serve(line: socket.socket, session: Any) -> None:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    others = {each.type for each in [*inputs, *outputs]} - {"tensor(float)"}
    if others:
        raise ValueError(f"numbers of type {', '.join(sorted(others))}; tensor(float) is needed")
    shapes = {"inputs": [each.shape for each in inputs], "outputs": [each.shape for each in outputs]}
    _send(line, SHAPES, json.dumps(shapes, default=str).encode())
    signal.alarm(0)
    size = line.recv(8, socket.MSG_WAITALL)
    if len(size) < 8:
        return
    picture = bytearray(struct.unpack("<Q", size)[0])
    while line.recv_into(picture, 0, socket.MSG_WAITALL) == len(picture):
        signal.alarm(PATIENCE_S)
        numbers = _computed(session, {inputs[0].name: picture}, inputs[0].shape)
        taken = _peak_bytes()
        if taken > MEMORY:
            raise MemoryError(f"it takes {taken} bytes of memory; at most {MEMORY} are given")
        _send(line, NUMBERS, numbers)
        signal.alarm(0)


def _peak_bytes() -> int:
    """The most memory this program held. getrusage would count that of the service which started it, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _computed(session: Any, picture: Mapping[str, bytearray], shape: list[int]) -> bytes:
    import numpy as np

    given = {name: np.frombuffer(raw, np.float32).reshape(shape) for name, raw in picture.items()}
    (numbers,) = session.run(None, given)
    return bytes(np.ascontiguousarray(numbers, np.float32).tobytes())


def _send(line: socket.socket, what: bytes, body: bytes) -> None:
    line.sendall(HEAD.pack(what, len(body)) + body)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

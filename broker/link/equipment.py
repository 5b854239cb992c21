"""Settings of what hangs on a node: serial boards, the amplifier, cameras. Part of broker/link/config.py."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct


class BoardDevice(Struct, kw_only=True):
    """One board on a serial line."""

    address: Annotated[int, Meta(description="Modbus address", ge=1, le=247)]
    profile: Annotated[str, Meta(description="file in firmware_bridge/profiles without .toml", min_length=1)]
    name: Annotated[
        str, Meta(description="last part of its series: `song-van`", pattern=r"^[a-z][a-z0-9-]{0,40}$")
    ]
    datum_m: Annotated[float, Meta(description="level sensors: metres of the sensor above the zero mark")] = (
        0.0
    )


class BoardPort(Struct, kw_only=True):
    """One serial line and the boards on it."""

    port: Annotated[str, Meta(description="device, best a /dev/serial/by-id name", min_length=1)]
    baud: Annotated[int, Meta(description="bits per second", ge=300, le=921600)] = 9600
    parity: Annotated[Literal["N", "E", "O"], Meta(description="parity")] = "N"
    devices: Annotated[list[BoardDevice], Meta(description="boards that answer on this line")] = []


Terminal = Annotated[str, Meta(pattern=r"^([a-z][a-z0-9-]{0,40}:[0-9]{1,2})?$")]
"""One relay or input of a board: `name:number`, counted from 0."""


class AmplifierOf(Struct, kw_only=True):
    """How the amplifier is wired, all on one serial line of its own: docs/INSTALL.md. Empty: there is none of it."""

    relay: Annotated[Terminal, Meta(description="relay of its supply, board:coil: `ro-le:0`")] = ""
    microphone: Annotated[
        Terminal, Meta(description="input that is closed while the key stands on microphone, board:input")
    ] = ""
    mute: Annotated[
        Terminal, Meta(description="input that is closed while the key stands on silence, board:input")
    ] = ""
    current: Annotated[
        str, Meta(description="board that measures the current of its supply, needs the relay")
    ] = ""
    minimum_a: Annotated[
        float,
        Meta(description="amperes: from this on current flows; below what it draws idle", ge=0.01, le=50),
    ] = 0.1


class SosButton(Struct, kw_only=True):
    """One SOS button at an input of a board: on the amplifier's line, or on a line that has nothing but buttons."""

    name: Annotated[
        str, Meta(description="as alarms call it: `cong-chinh`", pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    ]
    place: Annotated[
        str, Meta(description="where it hangs, in people's words: `Cổng chính`", min_length=1, max_length=80)
    ]
    input: Annotated[
        str, Meta(description="board:input, from 0 on", pattern=r"^[a-z][a-z0-9-]{0,40}:[0-9]{1,2}$")
    ]
    closed_at_rest: Annotated[
        bool, Meta(description="its contact opens when pressed; then a cut wire is an alarm too")
    ] = False


class Boards(Struct, kw_only=True):
    """Serial boards of this node."""

    ports: Annotated[list[BoardPort], Meta(description="serial lines; none: no boards")] = []
    amplifier: AmplifierOf = msgspec.field(default_factory=AmplifierOf)
    sos: Annotated[list[SosButton], Meta(description="SOS buttons, all on one line")] = []


class CameraOf(Struct, kw_only=True):
    """What names people, vehicles and animals in the cameras' pictures (nodes only; alerts come without it too), and
    how many clips are kept. For how many days the hub keeps them is in the commune's notice of cameras."""

    model: Annotated[
        str,
        Meta(
            description="FILE.onnx that `langso weights` wrote, needs langso[detect]; empty: nothing is named"
        ),
    ] = ""
    model_threads: Annotated[
        int, Meta(description="cores that may work on one picture at a time", ge=1, le=4)
    ] = 1
    waiting_mb: Annotated[
        int,
        Meta(description="clips that wait for the hub, megabytes; the oldest give way (nodes only)", ge=50),
    ] = 1024
    waiting_days: Annotated[
        int, Meta(description="and days: an older clip is deleted (nodes only)", ge=1, le=365)
    ] = 30
    clips_gb: Annotated[
        float,
        Meta(
            description="clips of all alerts, gigabytes; the oldest of closed alerts give way, also when less "
            "than 2 GB of the disk are free (hub only)",
            ge=0.1,
        ),
    ] = 20.0

"""What this machine is: one TOML file per machine, every wrong line reported at once.

Only facts of the machine stand here (codes, ports, paths). What people edit lives in the hub's records.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from broker.contract import HUB, ContractError, Identity, Place
from broker.link.equipment import Boards, CameraOf
from broker.link.table_check import TableCheck

Port = Annotated[int, Meta(ge=0, le=65535)]
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class SettingsError(Exception):
    """The settings cannot be used. `lines` has one sentence for each thing that is wrong."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Machine(Struct, kw_only=True):
    """Which machine this is and where it keeps its state."""

    role: Annotated[Literal["node", "hub"], Meta(description="node: a cultural house; hub: the commune")]
    name: Annotated[str, Meta(description="name of the node in the commune, `thon-01`; `hub` on the hub")]
    data: Annotated[str, Meta(description="folder for everything that must survive", min_length=1)]
    run: Annotated[str, Meta(description="folder for sockets; empty: <data>/run")] = ""
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Meta(description="least level logged")
    ] = "INFO"


class PlaceOf(Struct, kw_only=True):
    """Where it stands (two tiers, as in force since 1 July 2025)."""

    province: Annotated[str, Meta(description="code of the province, digits", pattern="^[0-9]{2,6}$")]
    commune: Annotated[str, Meta(description="code of the commune, digits", pattern="^[0-9]{2,6}$")]
    commune_name: Annotated[str, Meta(description="as shown on screens: `xã Vân Khê`", min_length=1)]
    village: Annotated[str, Meta(description="code of the village (nodes only)")] = ""
    village_name: Annotated[str, Meta(description="as shown on screens: `thôn Đông` (nodes only)")] = ""


class Broker(Struct, kw_only=True):
    """The MQTT broker of the commune."""

    host: Annotated[str, Meta(description="address of the broker", min_length=1)] = "127.0.0.1"
    port: Annotated[Port, Meta(description="port of the broker")] = 8883
    tls: Annotated[bool, Meta(description="false only on loopback: the demo and small trials")] = True
    keepalive_s: Annotated[
        int, Meta(description="a silent service counts as lost after 1.5 times this", ge=2, le=600)
    ] = 15
    pid_file: Annotated[
        str,
        Meta(description="file with Mosquitto's process id, told of a new revocation list (hub only)"),
    ] = ""
    hub_port: Annotated[
        Port,
        Meta(
            description="the broker's second port, on 127.0.0.1, for the hub's own services: strangers who fill "
            "the first cannot shut the hub out; 0: there is none (hub only)"
        ),
    ] = 0


class Keys(Struct, kw_only=True):
    """Where this machine's keys are; files are named in docs/INSTALL.md."""

    dir: Annotated[str, Meta(description="folder of keys; empty: <data>/keys")] = ""


class ClockOf(Struct, kw_only=True):
    """Who keeps this machine's clock."""

    source: Annotated[
        Literal["system", "host"],
        Meta(description="system: believed when NTP or an RTC vouches for it; host: somebody else keeps it"),
    ] = "system"


class DevicePort(Struct, kw_only=True):
    """The hub's own HTTPS listener for media and content."""

    url: Annotated[str, Meta(description="where nodes reach it: https://host:port (nodes only)")] = ""
    host: Annotated[str, Meta(description="address to listen on (hub only)")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="port to listen on (hub only)")] = 8443


class EnrolmentPort(Struct, kw_only=True):
    """The hub's own HTTPS listener where a new node fetches its certificates with a code (hub only)."""

    name: Annotated[
        str, Meta(description="name or address of the hub as nodes see it; empty: that of broker.host")
    ] = ""
    host: Annotated[str, Meta(description="address to listen on")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="port to listen on")] = 8444


class Console(Struct, kw_only=True):
    """The officials' console (hub only). It listens on loopback, a TLS proxy of this machine stands before it."""

    host: Annotated[str, Meta(description="address to listen on, on loopback")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="port to listen on")] = 8080
    secure: Annotated[bool, Meta(description="true behind a TLS proxy: cookies travel over HTTPS only")] = (
        False
    )
    address: Annotated[
        str,
        Meta(
            description="what officials type, `https://hub.example.gov.vn`: passkeys belong to it; "
            "empty: http://localhost and the port",
            pattern=r"^$|^https://[a-z0-9.-]+(:[0-9]{1,5})?$|^http://localhost(:[0-9]{1,5})?$",
        ),
    ] = ""
    second_factor: Annotated[
        bool,
        Meta(description="false only in a demo on this machine: some roles need a code beside the password"),
    ] = True
    gateway: Annotated[
        str,
        Meta(
            description="a gateway of messages on the hub itself (an SMS modem's), `127.0.0.1:8090`: the only address "
            "of this machine that phones of the duty room may be called through; empty: none",
            pattern=r"^$|^127\.0\.0\.1:[0-9]{1,5}$",
        ),
    ] = ""


class DatabaseOf(Struct, kw_only=True):
    """The hub's database (hub only)."""

    url: Annotated[
        str,
        Meta(
            description="empty: SQLite in <data>/hub.db; else postgresql+psycopg://USER@HOST/NAME, UTF8, "
            "its password in ~/.pgpass of the service's user (or after USER, as USER:PASSWORD)"
        ),
    ] = ""


Region = Annotated[str, Meta(pattern=r"^vi(-vn-x-(central|south))?$")]
"""One of the voices: the accents espeak-ng has."""


class SpeechOf(Struct, kw_only=True):
    """Which engines read aloud: Piper where a voice file is named, the online one where chosen, espeak-ng always."""

    voice: Annotated[Region, Meta(description="vi, vi-vn-x-central or vi-vn-x-south")] = "vi"
    online: Annotated[
        bool,
        Meta(
            description="also ask an outside service (gTTS): the text leaves the commune, which must have agreed"
        ),
    ] = False
    piper_voice: Annotated[
        str, Meta(description="the operator's Piper voice, FILE.onnx with FILE.onnx.json beside it")
    ] = ""
    piper_sha256: Annotated[
        str, Meta(description="SHA-256 of that file; another file is not used", pattern=r"^([0-9a-f]{64})?$")
    ] = ""
    piper_speaks: Annotated[Region, Meta(description="which of the voices the file is")] = "vi"
    piper_program: Annotated[str, Meta(description="the piper program, run as a process of its own")] = (
        "piper"
    )


class SpeakerOf(Struct, kw_only=True):
    """The loudspeaker of this node."""

    sound: Annotated[
        Literal["auto", "card", "file"],
        Meta(description="auto: the sound card, else WAV files in <data>/played"),
    ] = "auto"
    card: Annotated[str, Meta(description="ALSA device")] = "default"
    microphone: Annotated[
        str,
        Meta(
            description="ALSA device of a microphone that can hear the horn; empty: none. Open in own plays only"
        ),
    ] = ""
    loop_back: Annotated[
        str, Meta(description="ALSA device that records the amplifier's line output; empty: none")
    ] = ""
    snapclient: Annotated[
        str, Meta(description="program for a live microphone on this network; empty: none is taken")
    ] = ""


class KioskOf(Struct, kw_only=True):
    """The touch screen of this node."""

    host: Annotated[str, Meta(description="address to listen on, on loopback")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="port to listen on")] = 8081
    diagonal_in: Annotated[float, Meta(description="diagonal of the panel in inches", ge=5, le=86)] = 15.6
    width_px: Annotated[int, Meta(description="pixels across", ge=320, le=7680)] = 1920
    height_px: Annotated[int, Meta(description="pixels down", ge=320, le=7680)] = 1080
    theme: Annotated[Literal["light", "warm", "contrast"], Meta(description="colours at start")] = "light"
    printer: Annotated[
        str,
        Meta(
            description="receipt printer (ESC/POS): a device (/dev/usb/lp0) or tcp://ADDRESS:PORT; empty: none",
            pattern=r"^$|^/dev/[A-Za-z0-9/_.-]{1,80}$|^tcp://[A-Za-z0-9.-]{1,200}:[0-9]{2,5}$",
        ),
    ] = ""
    paper_mm: Annotated[Literal[58, 80], Meta(description="width of the printer's paper roll")] = 58
    domain: Annotated[
        str,
        Meta(
            description="the commune's own site that a QR code may lead to beside the national ones, "
            "`xa.example.gov.vn`; empty: none",
            pattern=r"^$|^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,5}$",
        ),
    ] = ""


class Influx(Struct, kw_only=True):
    """A server that gets a copy of all readings (hub only)."""

    url: Annotated[str, Meta(description="address of the server; empty: no copy")] = ""
    org: Annotated[str, Meta(description="organisation")] = "langso"
    bucket: Annotated[str, Meta(description="bucket or database")] = "langso"
    token_file: Annotated[
        str, Meta(description="file with the token, for InfluxDB 1.x user:password; empty: none")
    ] = ""


class Settings(Struct, kw_only=True, forbid_unknown_fields=True):
    """All settings of one machine, checked."""

    machine: Machine
    place: PlaceOf
    broker: Broker = msgspec.field(default_factory=Broker)
    keys: Keys = msgspec.field(default_factory=Keys)
    clock: ClockOf = msgspec.field(default_factory=ClockOf)
    device_port: DevicePort = msgspec.field(default_factory=DevicePort)
    enrolment: EnrolmentPort = msgspec.field(default_factory=EnrolmentPort)
    console: Console = msgspec.field(default_factory=Console)
    database: DatabaseOf = msgspec.field(default_factory=DatabaseOf)
    speech: SpeechOf = msgspec.field(default_factory=SpeechOf)
    speaker: SpeakerOf = msgspec.field(default_factory=SpeakerOf)
    kiosk: KioskOf = msgspec.field(default_factory=KioskOf)
    board: Boards = msgspec.field(default_factory=Boards)
    camera: CameraOf = msgspec.field(default_factory=CameraOf)
    influx: Influx = msgspec.field(default_factory=Influx)

    @property
    def where(self) -> Place:
        """The place codes as the contract wants them."""
        return Place(self.place.province, self.place.commune)

    @property
    def data_dir(self) -> Path:
        """Folder for everything that must survive."""
        return Path(self.machine.data)

    @property
    def run_dir(self) -> Path:
        """Folder for sockets."""
        return Path(self.machine.run) if self.machine.run else self.data_dir / "run"

    @property
    def keys_dir(self) -> Path:
        """Folder of this machine's keys."""
        return Path(self.keys.dir) if self.keys.dir else self.data_dir / "keys"

    @property
    def broker_door(self) -> tuple[str, int]:
        """Where this machine comes to the broker: the hub by a port of its own, when there is one."""
        own = self.broker.hub_port if self.machine.role == "hub" else 0
        return ("127.0.0.1", own) if own else (self.broker.host, self.broker.port)

    @property
    def hub_name(self) -> str:
        """Name or address of the hub as its nodes see it (hub only)."""
        return self.enrolment.name or self.broker.host

    @property
    def console_address(self) -> str:
        """What officials type to reach the console, without a slash at the end: the origin of passkeys."""
        return self.console.address or f"http://localhost:{self.console.port}"


def load(path: Path) -> Settings:
    """Read and check the settings of this machine. Relative folders count from the file's own folder.

    Raises SettingsError with every error at once.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as why:
        raise SettingsError([f"{path}: cannot be read: {why.strerror}"]) from why
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as why:
        raise SettingsError([f"{path}: not valid TOML: {why}"]) from why
    checked = TableCheck(str(path))
    value = checked.struct(Settings, table, "")
    if value is None or checked.lines:
        raise SettingsError(checked.lines)
    settings = _resolved(value, path.parent)
    lines = [f"{path}: {line}" for line in _agreements(settings)]
    if lines:
        raise SettingsError(lines)
    return settings


def _resolved(settings: Settings, base: Path) -> Settings:
    """Folders written relative to the settings file become absolute."""
    machine, keys, influx, broker = settings.machine, settings.keys, settings.influx, settings.broker
    machine.data = str((base / machine.data).resolve())
    machine.run = str((base / machine.run).resolve()) if machine.run else ""
    keys.dir = str((base / keys.dir).resolve()) if keys.dir else ""
    broker.pid_file = str((base / broker.pid_file).resolve()) if broker.pid_file else ""
    influx.token_file = str((base / influx.token_file).resolve()) if influx.token_file else ""
    camera = settings.camera
    camera.model = str((base / camera.model).resolve()) if camera.model else ""
    return settings


def _agreements(settings: Settings) -> list[str]:
    """Errors that only show when two settings are read together."""
    lines = []
    node = settings.machine.role == "node"
    try:
        Identity(settings.machine.name, "node" if node else "ingest")
    except ContractError as why:
        lines.append(f"machine.name: {why}")
    if node == (settings.machine.name == HUB):
        lines.append(
            f"machine.name: found {settings.machine.name!r}; `hub` is the hub's name and only the hub's"
        )
    if node and not settings.place.village:
        lines.append("place.village: missing; a node stands in a village")
    if node and not settings.device_port.url.startswith("https://"):
        lines.append(f"device_port.url: found {settings.device_port.url!r}; a node needs https://host:port")
    if settings.speech.piper_voice and not settings.speech.piper_sha256:
        lines.append("speech.piper_sha256: missing; a voice file is used only with its SHA-256 (`sha256sum`)")
    return [*lines, *_doors(settings)]


def _doors(settings: Settings) -> list[str]:
    """What must not be reached from outside this machine."""
    lines = []
    if settings.broker.hub_port and settings.broker.hub_port == settings.broker.port:
        lines.append(
            f"broker.hub_port: found {settings.broker.hub_port}, which is broker.port; it needs its own"
        )
    if not settings.broker.tls and settings.broker.host not in LOOPBACK:
        lines.append(f"broker.tls: false with host {settings.broker.host!r}; plain MQTT is for loopback only")
    for key, host in (("console.host", settings.console.host), ("kiosk.host", settings.kiosk.host)):
        if host not in LOOPBACK:
            lines.append(
                f"{key}: found {host!r}; plain HTTP is for loopback only, others come through a TLS proxy"
            )
    address = settings.console.address
    if not settings.console.second_factor and address and not address.startswith("http://localhost"):
        lines.append(
            f"console.second_factor: false with console.address {address!r}; "
            "only a console for this machine alone may go without"
        )
    return lines

"""Where on the serial line the amplifier's relay, keys and current sensor are, as the settings say. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from broker.link.config import Settings
from broker.link.equipment import AmplifierOf, BoardPort
from firmware_bridge.profile import Profile, Quantity, load

CURRENT = "current_a"
"""The quantity that a current sensor must have, amperes."""


@dataclass(frozen=True)
class Terminal:
    """One relay or input of a board."""

    board: str
    unit: int
    number: int
    timeout_s: float


@dataclass(frozen=True)
class Sensor:
    """The board that measures the current."""

    board: str
    unit: int
    quantity: Quantity
    timeout_s: float


@dataclass(frozen=True)
class Wiring:
    """The amplifier on its line; what is None is not there."""

    port: BoardPort
    relay: Terminal | None
    microphone: Terminal | None
    mute: Terminal | None
    current: Sensor | None
    minimum_a: float


def boards_of(amplifier: AmplifierOf) -> set[str]:
    """Names of the boards that the amplifier needs."""
    terminals = (amplifier.relay, amplifier.microphone, amplifier.mute)
    return {name for name in (*(each.partition(":")[0] for each in terminals), amplifier.current) if name}


def wiring_of(settings: Settings) -> Wiring | None:
    """The wiring of settings in which `faults` finds none; None where no amplifier is wired."""
    amplifier, names = settings.board.amplifier, boards_of(settings.board.amplifier)
    port = next((port for port in settings.board.ports if names & {d.name for d in port.devices}), None)
    if port is None:
        return None
    units = {device.name: device.address for device in port.devices}
    profiles = {device.name: load(device.profile) for device in port.devices}

    def terminal(text: str) -> Terminal | None:
        name, _, number = text.partition(":")
        return Terminal(name, units[name], int(number), profiles[name].timeout_s) if text else None

    sensor, name = None, amplifier.current
    if name:
        quantity = next(each for each in profiles[name].quantities if each.name == CURRENT)
        sensor = Sensor(name, units[name], quantity, profiles[name].timeout_s)
    return Wiring(
        port,
        terminal(amplifier.relay),
        terminal(amplifier.microphone),
        terminal(amplifier.mute),
        sensor,
        amplifier.minimum_a,
    )


def faults(settings: Settings) -> list[str]:
    """What is wrong with `[board.amplifier]`, a sentence each. The boards' profiles must exist."""
    amplifier, names = settings.board.amplifier, boards_of(settings.board.amplifier)
    profiles = {d.name: load(d.profile) for port in settings.board.ports for d in port.devices}
    lines = [
        f"board.amplifier: found {name!r}, which is none of board.ports' boards"
        for name in sorted(names - profiles.keys())
    ]
    buttons = {each.input.partition(":")[0] for each in settings.board.sos}
    lines += _idle_boards(profiles, names | buttons)
    if lines:
        return lines
    lines += _range_faults(amplifier, profiles)
    if amplifier.current and CURRENT not in {each.name for each in profiles[amplifier.current].quantities}:
        lines.append(f"board.amplifier.current: {amplifier.current!r} does not measure {CURRENT}")
    if amplifier.current and not amplifier.relay:
        lines.append("board.amplifier.current: needs board.amplifier.relay; without it current always flows")
    if amplifier.microphone and amplifier.microphone == amplifier.mute:
        lines.append(f"board.amplifier: found {amplifier.mute!r} for both keys; each needs its own input")
    return [*lines, *_line_faults(settings, names, buttons)]


def _idle_boards(profiles: dict[str, Profile], names: set[str]) -> list[str]:
    return [
        f"board.ports: {name!r} measures nothing; only board.amplifier and board.sos can use it"
        for name, profile in sorted(profiles.items())
        if not profile.quantities and name not in names
    ]


def _range_faults(amplifier: AmplifierOf, profiles: dict[str, Profile]) -> list[str]:
    """Terminals that the board has not got, and a key whose input would switch the relay by itself."""
    lines = []
    for key, text in (
        ("relay", amplifier.relay),
        ("microphone", amplifier.microphone),
        ("mute", amplifier.mute),
    ):
        if not text:
            continue
        name, _, number = text.partition(":")
        count = profiles[name].coils if key == "relay" else profiles[name].inputs
        if int(number) >= count:
            kind = "relays" if key == "relay" else "inputs"
            lines.append(f"board.amplifier.{key}: found {text!r}; {name!r} has {count} {kind}, from 0 on")
        elif key != "relay" and text == amplifier.relay and profiles[name].is_linked:
            lines.append(
                f"board.amplifier.{key}: found {text!r}, the relay's own number; as delivered this board lets an "
                "input switch the relay of its number"
            )
    return lines


def _line_faults(settings: Settings, names: set[str], buttons: set[str]) -> list[str]:
    """A key must be read five times a second: nobody but SOS buttons may stand on its line."""
    lines = []
    used = [
        (n, port) for n, port in enumerate(settings.board.ports) if names & {d.name for d in port.devices}
    ]
    if len(used) > 1:
        lines.append("board.amplifier: its boards stand on several lines; they belong on one")
    for n, port in used:
        others = sorted({device.name for device in port.devices} - names - buttons)
        if others:
            lines.append(
                f"board.ports[{n}]: found {', '.join(others)} beside the amplifier's boards; that line is theirs alone"
            )
    return lines

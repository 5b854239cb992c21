"""The amplifier's settings: what is understood, and one sentence for each thing that cannot work."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.link.config import Settings, SettingsError
from firmware_bridge.service import check
from firmware_bridge.wiring import wiring_of
from tests.settings import node_settings

LINE = """
[[board.ports]]
port = "/dev/ttyAMP"
[[board.ports.devices]]
address = 1
profile = "waveshare-relay-d"
name = "ro-le"
[[board.ports.devices]]
address = 2
profile = "pzem-016"
name = "tang-am"
"""
WEATHER = """
[[board.ports.devices]]
address = 3
profile = "xy-md02"
name = "san"
"""
OTHER = """
[[board.ports]]
port = "/dev/ttyUSB1"
[[board.ports.devices]]
address = 1
profile = "waveshare-relay-d"
name = "khac"
"""


def settings_of(folder: Path, amplifier: str, line: str = LINE) -> Settings:
    return node_settings(folder, extra=f"{line}\n[board.amplifier]\n{amplifier}\n")


def test_a_whole_amplifier_is_found_on_its_line(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        'relay="ro-le:0"\nmicrophone="ro-le:6"\nmute="ro-le:7"\ncurrent="tang-am"\nminimum_a=0.2',
    )
    assert check(settings) == []
    wiring = wiring_of(settings)
    assert wiring is not None
    assert wiring.relay is not None
    assert wiring.mute is not None
    assert wiring.current is not None
    assert (wiring.port.port, wiring.minimum_a) == ("/dev/ttyAMP", 0.2)
    assert (wiring.relay.unit, wiring.relay.number, wiring.mute.number) == (1, 0, 7)
    assert (wiring.current.unit, wiring.current.quantity.register) == (2, 1)


def test_a_key_alone_is_enough(tmp_path: Path) -> None:
    line = LINE.split("[[board.ports.devices]]\naddress = 2")[0]
    settings = settings_of(tmp_path, 'mute="ro-le:7"', line)
    assert check(settings) == []
    wiring = wiring_of(settings)
    assert wiring is not None
    assert wiring.relay is None


def test_without_an_amplifier_there_is_no_wiring(tmp_path: Path) -> None:
    assert wiring_of(node_settings(tmp_path)) is None


@pytest.mark.parametrize(
    ("amplifier", "line", "sentence"),
    [
        ('relay="ro-lo:0"\ncurrent="tang-am"\nmute="ro-le:7"', LINE, "'ro-lo', which is none of"),
        ('relay="ro-le:0"', LINE.replace("pzem-016", "waveshare-relay-d"), "'tang-am' measures nothing"),
        ('relay="ro-le:8"\ncurrent="tang-am"', LINE, "'ro-le' has 8 relays, from 0 on"),
        ('relay="ro-le:0"\nmute="ro-le:9"\ncurrent="tang-am"', LINE, "'ro-le' has 8 inputs, from 0 on"),
        ('relay="ro-le:0"\nmute="ro-le:0"\ncurrent="tang-am"', LINE, "lets an input switch the relay"),
        ('mute="ro-le:7"\ncurrent="tang-am"', LINE, "needs board.amplifier.relay"),
        ('relay="ro-le:0"\ncurrent="ro-le"\nmute="tang-am:0"', LINE, "'ro-le' does not measure current_a"),
        (
            'relay="ro-le:0"\nmute="ro-le:7"\nmicrophone="ro-le:7"\ncurrent="tang-am"',
            LINE,
            "'ro-le:7' for both",
        ),
        ('relay="ro-le:0"\ncurrent="tang-am"', LINE + WEATHER, "found san beside the amplifier's boards"),
        ('relay="khac:0"\nmute="ro-le:7"\ncurrent="tang-am"', LINE + OTHER, "stand on several lines"),
    ],
)
def test_what_cannot_work_is_one_sentence(tmp_path: Path, amplifier: str, line: str, sentence: str) -> None:
    found = check(settings_of(tmp_path, amplifier, line))
    assert any(sentence in text for text in found), found


def test_a_terminal_that_is_none_is_refused_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"board\.amplifier\.relay: found 'ro-le'"):
        settings_of(tmp_path, 'relay="ro-le"')

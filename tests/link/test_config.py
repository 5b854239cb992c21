"""Settings: every error at once, each naming file, key, what was found and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.link.config import SettingsError, load
from tests.settings import hub_settings, node_settings

GOOD = """
[machine]
role = "node"
name = "thon-01"
data = "d"
[place]
province = "00"
commune = "00000"
commune_name = "xã Vân Khê"
village = "dong"
[device_port]
url = "https://hub:8443"
"""


def errors(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "x.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(file)
    return caught.value.lines


def test_folders_count_from_the_settings_file(tmp_path: Path) -> None:
    settings = node_settings(tmp_path)
    assert settings.data_dir == tmp_path / "thon-01" / "data"
    assert settings.keys_dir == settings.data_dir / "keys"
    assert settings.run_dir == settings.data_dir / "run"
    assert hub_settings(tmp_path).machine.name == "hub"


def test_all_errors_come_at_once_and_name_the_key(tmp_path: Path) -> None:
    found = "\n".join(
        errors(tmp_path, GOOD.replace('"node"', '"nod"') + "[broker]\nport = 99999\ncolour = 1\n")
    )
    for part in (
        "x.toml: machine.role: found 'nod'",
        "allowed: node, hub",
        "broker.port: found 99999",
        "broker.colour",
    ):
        assert part in found


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('name = "thon-01"', 'name = "Thôn 1"'), "machine.name"),
        (('name = "thon-01"', 'name = "hub"'), "hub's name"),
        (('village = "dong"', ""), "place.village"),
        (("https://", "http://"), "device_port.url"),
        (('data = "d"', "data = 3"), "machine.data"),
        (('province = "00"', 'province = "zz"'), "place.province"),
        (("[machine]", "[machines]"), "machines: unknown setting"),
        (("[place]", "[place"), "not valid TOML"),
    ],
)
def test_each_mistake_is_named(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    assert any(says in line for line in errors(tmp_path, GOOD.replace(*change)))


def test_plain_mqtt_is_refused_off_loopback(tmp_path: Path) -> None:
    found = errors(tmp_path, GOOD + '[broker]\nhost = "192.0.2.1"\ntls = false\n')
    assert found == [
        f"{tmp_path / 'x.toml'}: broker.tls: false with host '192.0.2.1'; plain MQTT is for loopback only"
    ]


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_what_speaks_plainly_listens_on_loopback_only(tmp_path: Path) -> None:
    found = errors(tmp_path, GOOD + '[console]\nhost = "0.0.0.0"\n[kiosk]\nhost = "192.0.2.7"\n')
    assert [line.partition(": ")[2].partition(":")[0] for line in found] == ["console.host", "kiosk.host"]


def test_the_second_factor_is_off_only_where_the_console_is_for_this_machine(tmp_path: Path) -> None:
    for address in ("", "http://localhost:8080"):
        file = tmp_path / "x.toml"
        file.write_text(GOOD + f'[console]\nsecond_factor = false\naddress = "{address}"\n', encoding="utf-8")
        assert not load(file).console.second_factor
    found = errors(tmp_path, GOOD + '[console]\nsecond_factor = false\naddress = "https://hub.example"\n')
    assert len(found) == 1
    assert "console.second_factor" in found[0]


@pytest.mark.parametrize("address", ["http://hub.example", "https://hub.example/", "hub.example", "https://"])
def test_an_address_no_passkey_could_belong_to_is_refused(address: str, tmp_path: Path) -> None:
    found = errors(tmp_path, GOOD + f'[console]\naddress = "{address}"\n')
    assert len(found) == 1
    assert "console.address" in found[0]


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ('piper_voice = "/srv/vi.onnx"', "speech.piper_sha256"),
        ('piper_voice = "/srv/vi.onnx"\npiper_sha256 = "abc"', "speech.piper_sha256"),
        ('voice = "en"', "speech.voice"),
    ],
)
def test_a_voice_that_could_never_speak_is_refused_with_its_key(lines: str, key: str, tmp_path: Path) -> None:
    found = errors(tmp_path, GOOD + f"[speech]\n{lines}\n")
    assert len(found) == 1
    assert key in found[0]

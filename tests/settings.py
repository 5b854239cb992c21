"""Settings for tests: a node or a hub in a temporary folder, written and read like any other."""

from __future__ import annotations

from pathlib import Path

from broker.link.config import Settings, load


def node_settings(folder: Path, name: str = "thon-01", port: int = 1883, extra: str = "") -> Settings:
    """Settings of a node whose broker listens on loopback."""
    return _load(
        folder / name,
        f'''
[machine]
role = "node"
name = "{name}"
data = "data"
[place]
province = "00"
commune = "00000"
commune_name = "xã Vân Khê"
village = "dong"
village_name = "thôn Đông"
[broker]
host = "127.0.0.1"
port = {port}
tls = false
keepalive_s = 2
[clock]
source = "host"
[device_port]
url = "https://127.0.0.1:1"
{extra}''',
    )


def hub_settings(folder: Path, port: int = 1883, extra: str = "") -> Settings:
    """Settings of a hub whose broker listens on loopback."""
    return _load(
        folder / "hub",
        f"""
[machine]
role = "hub"
name = "hub"
data = "data"
[place]
province = "00"
commune = "00000"
commune_name = "xã Vân Khê"
[broker]
host = "127.0.0.1"
port = {port}
tls = false
keepalive_s = 2
[clock]
source = "host"
{extra}""",
    )


def _load(folder: Path, text: str) -> Settings:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "langso.toml"
    file.write_text(text, encoding="utf-8")
    settings = load(file)
    settings.data_dir.mkdir(exist_ok=True)
    settings.keys_dir.mkdir(exist_ok=True)
    return settings


def give_passwords(settings: Settings, passwords: dict[str, str]) -> None:
    """Put the passwords of this machine's services where its sessions look for them."""
    for identity, password in passwords.items():
        node, _, service = identity.partition(".")
        if node == settings.machine.name:
            (settings.keys_dir / f"{service}.password").write_text(password)

"""`langso provision account`: an invitation instead of a password, and the way back in."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broker.hub import people, second_factor
from broker.hub.console.session_store import SESSIONS_FILE, SessionStore
from broker.hub.declined import Declined
from broker.hub.records import Database, open_database
from broker.link.config import Settings, load
from tests.hub.town import Keys

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "mưa rào trên mái tôn"

SETTINGS = """
[machine]
role = "hub"
name = "hub"
data = "data"
[place]
province = "00"
commune = "00000"
commune_name = "xã Vân Khê"
[keys]
dir = "{keys}"
[console]
address = "https://langso.vankhe.example"
"""


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    from tests.hub.town import make_keys

    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def folder(tmp_path: Path, keys: Keys) -> Path:
    """An administrator's folder with a hub in it."""
    hub = tmp_path / "hub"
    hub.mkdir()
    (hub / "langso.toml").write_text(SETTINGS.format(keys=keys.hub), encoding="utf-8")
    return tmp_path


def account(folder: Path, *more: str, fails: bool = False) -> str:
    """Run the command; its words."""
    command = [sys.executable, "-m", "deploy.cli", "provision", "account", *more, "--dir", str(folder)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode != 0) == fails, ran.stderr
    return ran.stderr if fails else ran.stdout


def opened(folder: Path) -> tuple[Settings, Database]:
    settings = load(folder / "hub" / "langso.toml")
    return settings, open_database(settings)


def token_of(said: str) -> str:
    assert "https://langso.vankhe.example/invitation/" in said
    return said.split()[1].rpartition("/")[2]


def test_it_prints_an_address_by_which_the_owner_sets_a_password(folder: Path) -> None:
    said = account(folder, "minh", "--full-name", "Đỗ Quang Minh", "--role", "admin", "--title", "Văn phòng")
    _, database = opened(folder)
    with database.session() as db:
        made = people.accept(db, token_of(said), PASSWORD, datetime.now(UTC))
    database.close()
    assert (made.username, made.roles, made.title) == ("minh", ["admin"], "Văn phòng")


def test_reset_ends_password_phone_and_sessions_of_the_only_admin(folder: Path) -> None:
    first = account(folder, "minh", "--full-name", "Đỗ Quang Minh", "--role", "admin")
    settings, database = opened(folder)
    now = datetime.now(UTC)
    with database.session() as db:
        made = people.accept(db, token_of(first), PASSWORD, now)
        made.totp_sealed, made.totp_since = second_factor.propose(settings), now
    store = SessionStore(settings.data_dir / SESSIONS_FILE)
    cookie = store.begin(made.id, now, 1800)
    second = account(folder, "minh", "--reset")
    assert store.find(cookie, now) is None
    store.close()
    with database.session() as db:
        assert not second_factor.is_set(people.person(db, "minh"))
        with pytest.raises(Declined):
            people.invited(db, token_of(first), now)
        people.accept(db, token_of(second), PASSWORD + "!", datetime.now(UTC))
    database.close()


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["minh", "--role", "admin"], "họ và tên"),
        (["minh", "--full-name", "Minh", "--role", "king"], "vai trò"),
        (["minh", "--full-name", "Minh", "--role", "admin", "--role", "police"], "việc riêng"),
        (["minh", "--full-name", "Minh", "--role", "village"], "chọn thôn"),
        (["ai", "--reset"], "Không tìm thấy"),
    ],
)
def test_what_cannot_be_is_one_sentence(folder: Path, more: list[str], why: str) -> None:
    said = account(folder, *more, fails=True)
    assert why in said
    assert "Traceback" not in said

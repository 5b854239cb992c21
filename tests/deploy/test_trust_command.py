"""`langso provision trust`: what a root key's holder sees at a terminal, and what is in force afterwards."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broker.hub import trusted
from broker.hub.accounts import create_account
from broker.hub.records import Account
from broker.link.config import load
from broker.trust.approvers import comparison_code, new_key_file
from broker.trust.envelope import TrustBody
from deploy.cli import main
from deploy.enrol import hub_records
from deploy.provision import Layout
from tests.brokers import free_port

PASSPHRASE = "một câu dài chỉ tôi biết"


class Commune:
    """A fresh commune in a folder, with an approver who makes keys."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder / "etc")
        self.secret = folder / "passphrase"
        self.secret.write_text(PASSPHRASE, encoding="utf-8")
        codes = ["--province", "01", "--commune", "00004", "--name", "xã Thử", "--host", "127.0.0.1"]
        ports = ["--broker-port", str(free_port()), "--device-port", str(free_port())]
        ports += ["--hub-port", str(free_port())]
        self.say("provision", "commune", *codes, *ports, "--data", str(folder / "data"), *self.passphrase())
        with hub_records(self.layout) as database, database.session() as db:
            create_account(
                db,
                username="hung",
                full_name="Trần Hùng",
                password="mưa rào trên mái tôn",
                roles=["approver"],
                now=datetime.now(UTC),
            )

    def passphrase(self) -> list[str]:
        """How the root key is opened."""
        return ["--passphrase-file", str(self.secret)]

    def say(self, *words: str, status: int = 0) -> str:
        """Run the command in this process; what it said."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            found = main([*words, "--dir", str(self.layout.root)])
        assert found == status, out.getvalue()
        return out.getvalue()

    def trust(self, *words: str, status: int = 0) -> str:
        """Run `langso provision trust`."""
        return self.say("provision", "trust", *words, *self.passphrase(), status=status)

    def new_key(self) -> tuple[str, str]:
        """A key that the approver made: its id and its public half."""
        made = new_key_file("Trần Hùng", "12345678")
        with hub_records(self.layout) as database, database.session() as db:
            account = db.query(Account).filter_by(username="hung").one()
            trusted.add_key(
                db,
                load(self.layout.hub / "langso.toml"),
                account,
                kind="file",
                public=made.public,
                label="USB",
                now=datetime.now(UTC),
                by="hung",
            )
        return made.key, made.public

    def in_force(self) -> TrustBody:
        """The list the hub would send."""
        with hub_records(self.layout) as database, database.reading() as db:
            return trusted.in_force(db, load(self.layout.hub / "langso.toml"))

    def roles(self) -> dict[str, list[str]]:
        """Roles by key, without the hub's own."""
        return {one.key: list(one.roles) for one in self.in_force().keys if "hub" not in one.roles}


@pytest.fixture
def commune(tmp_path: Path) -> Iterator[Commune]:
    return Commune(tmp_path)


def test_keys_that_wait_are_shown_with_their_numbers_and_signed(commune: Commune) -> None:
    first = commune.in_force()
    assert [one.roles for one in first.keys] == [["hub"]]
    assert "nothing changes" in commune.trust()
    key, public = commune.new_key()
    shown = commune.trust("--show")
    assert f"+ {key}  Trần Hùng: approver; key file; until" in shown
    assert comparison_code(public) in shown
    assert commune.in_force() == first
    said = commune.trust("--emergency", key)
    assert f"list {first.generation + 1} is signed and in force" in said
    assert commune.roles() == {key: ["approver", "emergency"]}
    assert "nothing changes" in commune.trust()


def test_one_of_two_is_added_and_another_removed(commune: Commune) -> None:
    one, other = commune.new_key()[0], commune.new_key()[0]
    commune.trust("--only", one)
    assert list(commune.roles()) == [one]
    said = commune.trust("--remove", one)
    assert f"- {one}  Trần Hùng: believed no longer" in said
    assert list(commune.roles()) == [other]
    assert "khoá" in commune.trust("--only", "nobody", status=1)


def test_a_wrong_passphrase_signs_nothing(commune: Commune) -> None:
    commune.new_key()
    commune.secret.write_text("một câu khác hẳn", encoding="utf-8")
    assert "wrong PIN or passphrase" in commune.trust(status=1)
    assert commune.roles() == {}


def test_the_root_key_may_lie_on_a_stick(commune: Commune, tmp_path: Path) -> None:
    key, _ = commune.new_key()
    stick = tmp_path / "stick"
    stick.mkdir()
    (commune.layout.commune / "root.key").rename(stick / "root.key")
    assert "root.key" in commune.trust(status=1)
    commune.trust("--root", str(stick))
    assert list(commune.roles()) == [key]

"""Tokens by the command line: shown once, usable at once, ended at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.hub.records.database import open_url
from broker.hub.tokens import all_tokens, token_of
from deploy.cli import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A provisioned hub."""
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("một câu thật dài để giữ khoá\n", encoding="utf-8")
    order = f"provision commune --province 00 --commune 00000 --host localhost --dir {tmp_path} --data {tmp_path}/data"
    assert main([*order.split(), "--name", "xã Vân Khê", "--passphrase-file", str(passphrase)]) == 0
    return tmp_path


def test_a_token_is_made_shown_once_and_revoked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order = ["provision", "token", "tram-mua", "--dir", str(folder)]
    capsys.readouterr()
    assert main(order) == 0
    said = capsys.readouterr().out.split()
    secret = said[said.index("token") + 1]
    database = open_url(f"sqlite:///{folder}/data/hub.db")
    with database.reading() as db:
        found = token_of(db, secret)
        assert found is not None
        assert (found.name, found.made_by) == ("tram-mua", "provision")
    assert main(order) == 1  # in use
    assert "đang dùng" in capsys.readouterr().err
    assert main([*order, "--revoke"]) == 0
    with database.reading() as db:
        assert token_of(db, secret) is None
        assert [each.name for each in all_tokens(db)] == ["tram-mua"]
    assert main([*order, "--revoke"]) == 1
    capsys.readouterr()
    assert main(["provision", "tokens", "--dir", str(folder)]) == 0
    assert "tram-mua: made" in (said_now := capsys.readouterr().out)
    assert ", revoked " in said_now
    assert secret not in said_now
    database.close()

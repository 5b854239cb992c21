"""`langso provision` makes a commune that works: keys, settings, rights, people, over mutual TLS on Mosquitto."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import socket
import ssl
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broker.contract import Identity
from broker.hub import content, people, trusted
from broker.hub.accounts import SignIn
from broker.hub.announcing.render import media_store
from broker.hub.declined import Declined
from broker.hub.records import NodeRecord, Village, open_database
from broker.link.clock import MachineClock
from broker.link.config import load
from broker.link.session import Session
from broker.trust.certificates import check_chain
from broker.trust.enrolment import is_pin
from broker.trust.identity import open_commune
from broker.trust.keyfile import unlock
from broker.trust.keys import load_private
from deploy.cli import main
from deploy.enrol import add_approver, enrol_here, hub_records, read_villages
from deploy.mosquitto import config as mosquitto
from deploy.provision import Layout, ProvisionError, random_password, random_pin
from tests.brokers import free_port, need
from tests.until import until

PASSPHRASE = "một câu dài chỉ tôi biết"

PASSWORD = "mưa rào trên mái tôn"


@dataclass(frozen=True)
class Answer:
    """What the command said."""

    stdout: str
    stderr: str


def langso(*words: str, status: int = 0) -> Answer:
    """Run the command as people do, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        found = main(words)
    assert found == status, out.getvalue() + err.getvalue()
    return Answer(out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def commune(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A commune with two villages, one node, three people, one approver's key."""
    need("mosquitto", "mosquitto")
    folder = tmp_path_factory.mktemp("langso")
    secret = folder / "passphrase"
    secret.write_text(PASSPHRASE, encoding="utf-8")
    where = ["--dir", str(folder / "etc")]
    codes = ["--province", "01", "--commune", "00004", "--name", "xã Thử", "--host", "127.0.0.1"]
    ports = [
        "--hub-port",
        str(free_port()),
        "--broker-port",
        str(free_port()),
        "--device-port",
        str(free_port()),
        "--data",
        str(folder / "data"),
    ]
    langso("provision", "commune", *codes, *ports, "--passphrase-file", str(secret), *where)
    villages = folder / "villages.toml"
    villages.write_text(
        '[[village]]\ncode = "dong"\nname = "Đông"\n[[village]]\ncode = "tay"\nname = "Tây"\n'
    )
    langso("provision", "villages", str(villages), *where)
    _enrol(Layout(folder / "etc"))
    said = langso(
        "provision", "account", "hung", "--full-name", "Trần Hùng", "--role", "approver", *where
    ).stdout
    (folder / "invitation").write_text(said.split()[1].rpartition("/")[2])
    key_file = folder / "stick" / "key.json"
    key_file.parent.mkdir()
    pin = random_pin()
    layout = Layout(folder / "etc")
    root = open_commune(layout.commune, PASSPHRASE)
    with hub_records(layout) as database, database.session() as db:
        add_approver(layout, root, db, "hung", pin, key_file, datetime.now(UTC))
    (folder / "pin").write_text(pin)
    return folder


def _enrol(layout: Layout) -> None:
    """A node that enrols without the network, as in the demo."""
    with hub_records(layout) as database, database.session() as db:
        enrol_here(db, layout, "thon-01", "dong", "Nhà văn hoá thôn Đông", datetime.now(UTC))


def test_the_hubs_settings_hold(commune):
    assert "all well, hub hub" in langso("check", "--config", str(commune / "etc/hub/langso.toml")).stdout


def test_the_nodes_settings_hold(commune):
    file = commune / "etc/nodes/thon-01/langso.toml"
    assert "all well, node thon-01" in langso("check", "--config", str(file)).stdout
    assert load(file).place.village_name == "thôn Đông"


def test_private_keys_are_their_owners_alone(commune):
    keys = [file for file in (commune / "etc").rglob("*") if file.suffix in (".key", ".password")]
    assert len(keys) > 10
    assert all(file.stat().st_mode & 0o077 == 0 for file in keys)


def test_neither_root_key_nor_issuing_key_goes_where_it_does_not_belong(commune):
    etc = commune / "etc"
    assert [file.parent.name for file in etc.rglob("root.key")] == ["commune"]
    assert [file.parent.parent.name for file in etc.rglob("issuing.key")] == ["hub"]


def test_a_code_comes_as_the_command_to_type_on_the_node(commune):
    where = ["--dir", str(commune / "etc")]
    said = langso("provision", "code", "thon-02", "--village", "tay", *where).stdout
    order = re.search(
        r"langso enrol thon-02 --hub https://127\.0\.0\.1:\d+ --code [0-9A-Z]{4}-[0-9A-Z]{4} --pin ([0-9a-f-]{39})",
        said,
    )
    assert order is not None, said
    assert is_pin(order[1], (commune / "etc/hub/keys/ca.pem").read_bytes())
    assert (
        "đã có chứng thư"
        in langso("provision", "code", "thon-01", "--village", "dong", *where, status=1).stderr
    )


def test_a_new_issuing_key_leaves_what_is_out_good(commune, tmp_path):
    copy = tmp_path / "etc"
    shutil.copytree(commune / "etc", copy)
    secret = ["--passphrase-file", str(commune / "passphrase"), "--dir", str(copy)]
    before = (copy / "hub/keys/issuing.pem").read_bytes()
    langso("provision", "issuing", *secret)
    keys = copy / "hub/keys"
    assert (keys / "issuing.pem").read_bytes() != before
    assert (keys / "issuing-1.pem").read_bytes() == before
    for service in ("speaker", "node"):
        node = copy / "nodes/thon-01/keys"
        chain, key = (node / f"{service}.pem").read_text(), load_private(node / f"{service}.key")
        check_chain(chain, key, Identity("thon-01", service), (keys / "ca.pem").read_bytes())
    assert (keys / "crl.pem").read_bytes().count(b"BEGIN X509 CRL") == 2


def test_the_hub_knows_villages_node_and_people(commune):
    database = open_database(load(commune / "etc/hub/langso.toml"))
    try:
        with database.reading() as db:
            assert {row.code for row in db.query(Village)} == {"dong", "tay"}
            assert db.get(NodeRecord, "thon-01").village == "dong"
        clock = MachineClock(commune / "floor", "host")
        with database.session() as db:
            people.accept(db, (commune / "invitation").read_text(), PASSWORD, clock.now())
        account = SignIn(database, clock).verify("hung", PASSWORD)
        assert account.roles == ["approver"]
        with pytest.raises(Declined):
            SignIn(database, clock).verify("hung", "guessed password")
    finally:
        database.close()


def test_the_approvers_key_opens_with_its_pin_and_is_trusted(commune):
    key, _ = unlock((commune / "stick/key.json").read_bytes(), (commune / "pin").read_text())
    settings = load(commune / "etc/hub/langso.toml")
    with hub_records(Layout(commune / "etc")) as database, database.reading() as db:
        found = {each.key: each for each in trusted.in_force(db, settings).keys}
    assert found[key].roles == ["approver"]
    assert found[key].holder == "Trần Hùng"


@pytest.mark.parametrize("kept", [None, b'{"procedures": [{"old": 1}]}'])
def test_content_of_another_release_is_told_and_renewed_by_one_command(commune, kept):
    settings = load(commune / "etc/hub/langso.toml")
    base = settings.data_dir / "content/base.json"
    was = base.read_bytes()

    def bundle():
        with hub_records(Layout(commune / "etc")) as database, database.session() as db:
            store = media_store(settings)
            return content.current(db, settings.data_dir, store, "xã Thử", datetime.now(UTC)).sha256

    before = bundle()
    base.unlink()
    if kept is not None:
        base.write_bytes(kept)
    with pytest.raises(content.ContentMissing, match="provision content"):
        bundle()
    said = langso("provision", "content", "--dir", str(commune / "etc")).stdout
    assert "procedures of this release" in said
    assert base.read_bytes() == was
    assert bundle() == before


def test_content_is_given_to_a_commune_only(tmp_path):
    said = langso("provision", "content", "--dir", str(tmp_path), status=78).stderr
    assert str(tmp_path) in said


def test_a_node_and_the_hub_meet_over_mutual_tls(commune, tmp_path):
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(
        mosquitto.command(commune / "etc/broker/mosquitto.conf"), stdout=log, stderr=log
    )
    sessions = []
    try:
        for file, service in (("nodes/thon-01", "speaker"), ("hub", "ingest")):
            settings = load(commune / "etc" / file / "langso.toml")
            settings.machine.data = str(tmp_path / service)
            sessions.append(Session(settings, service, MachineClock(tmp_path / "floor", "host")))
        for each in sessions:
            each.open()
        until(lambda: all(each.connected for each in sessions), 15, (tmp_path / "log").read_text)
        port = load(commune / "etc/hub/langso.toml").broker.port
        context = ssl.create_default_context(cafile=str(commune / "etc/hub/keys/ca.pem"))
        with pytest.raises((ssl.SSLError, ConnectionError)):
            _ask_as_a_stranger(port, context)
    finally:
        for each in sessions:
            each.close()
            each._mqtt.loop_stop()
        process.terminate()
        process.wait(5)
        log.close()


def _ask_as_a_stranger(port: int, context: ssl.SSLContext) -> bytes:
    """What the broker answers to somebody without a certificate. Raises when it answers nothing."""
    with socket.create_connection(("127.0.0.1", port), 5) as plain:
        stranger = context.wrap_socket(plain, server_hostname="127.0.0.1")
        stranger.send(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04evil")
        answer = stranger.recv(16)
    if not answer:
        raise ConnectionError("closed without an answer")
    return answer


def test_the_brokers_first_rights_name_the_hub_alone_and_no_password(commune):
    rights = json.loads((commune / "etc/broker/rights.json").read_text(encoding="utf-8"))
    names = {client["username"] for client in rights["clients"]}
    assert names == {"hub.ingest", "hub.announce", "hub.web", "hub.rights", "hub.canary"}
    assert not any("password" in client for client in rights["clients"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["code", "hub", "--village", "dong"], "Tên điểm gồm"),
        (["code", "Thôn 1", "--village", "dong"], "Tên điểm gồm"),
        (["code", "thon-02", "--village", "nowhere"], "chưa biết thôn này"),
        (["account", "hung", "--full-name", "Ai", "--role", "editor"], "đã có người dùng"),
        (["account", "ai", "--full-name", "Ai", "--role", "king"], "vai trò"),
        (["villages", "/nowhere.toml"], "/nowhere.toml"),
    ],
)
def test_what_cannot_be_made_is_one_clear_sentence(commune, words, says):
    done = langso("provision", *words, "--dir", str(commune / "etc"), status=1)
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_commune_is_made_once(commune):
    codes = ["--province", "01", "--commune", "00004", "--name", "x", "--host", "h"]
    order = [*codes, "--dir", str(commune / "etc"), "--passphrase-file", str(commune / "passphrase")]
    assert "root key already" in langso("provision", "commune", *order, status=1).stderr


def test_a_folder_without_a_commune_says_so(tmp_path):
    done = langso("provision", "broker", "--dir", str(tmp_path), status=78)
    assert "langso.toml" in done.stderr


@pytest.mark.parametrize(
    "text", ["[[village]]\nname = 'x'", "village = 1", "= ", "[[village]]\ncode='a'\nname='b'\ncentre=[1]"]
)
def test_a_bad_file_of_villages_names_what_is_wrong(tmp_path, text):
    file = tmp_path / "villages.toml"
    file.write_text(text)
    with pytest.raises(ProvisionError, match=re.escape(str(file))):
        read_villages(file)


def test_passwords_and_pins_differ_and_can_be_copied_by_hand():
    passwords = {random_password() for _ in range(200)}
    assert len(passwords) == 200
    assert all(re.fullmatch(r"[a-hjkmnp-z2-9]{5}(-[a-hjkmnp-z2-9]{5}){3}", each) for each in passwords)
    assert all(re.fullmatch(r"\d{8}", random_pin()) for _ in range(200))


def test_the_layout_knows_its_nodes(tmp_path):
    for name in ("thon-02", "thon-01"):
        Layout(tmp_path).node(name).mkdir(parents=True)
        (Layout(tmp_path).node(name) / "langso.toml").touch()
    assert Layout(tmp_path).nodes() == ["thon-01", "thon-02"]

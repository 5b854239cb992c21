"""`langso enrol` against a real hub over TLS: the pin, the code, what is lost on the way, and cuts at every moment."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from broker.contract import NODE_SERVICES, Identity
from broker.hub.keys.enrolment import TRIES, offer_code
from broker.hub.keys.listener import listening
from broker.hub.records import Certificate, Database, EnrolCode
from broker.hub.records.database import open_url
from broker.link.config import SettingsError, load
from broker.link.enrol import Hub, NotEnrolled, enrol, read_address
from broker.trust.certificates import check_chain
from broker.trust.enrolment import fingerprint, new_code
from broker.trust.identity import create_commune, create_hub
from broker.trust.keys import load_private
from tests.fakes.clock import FakeClock
from tests.hub.town import PLACE, Keys, hub_settings, make_keys, settle

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
NEW = "thon-09"


class Gate:
    """A hub that takes codes, on a real port."""

    def __init__(self, keys: Keys, database: Database, folder: Path, knocks: int = 100_000) -> None:
        self.keys, self.database, self.folder = keys, database, folder
        self.settings = hub_settings(folder / "hub-data", keys.hub)
        self.settings.enrolment.name = "127.0.0.1"
        self.settings.device_port.port = 8443
        self.clock = FakeClock(NOW)
        worker, self.port = listening(self.settings, database, self.clock, knocks)
        self.url = f"https://127.0.0.1:{self.port}"
        self.pin = fingerprint((keys.hub / "ca.pem").read_bytes())
        self.stop = threading.Event()
        self.thread = threading.Thread(target=worker.run, args=(self.stop, lambda: None))
        self.thread.start()

    def code(self, node: str = NEW) -> str:
        with self.database.session() as db:
            return offer_code(
                db, node=node, village="dong", label="Nhà", by="minh", now=self.clock.now(), again=True
            ).code

    def enrol(self, code: str, *, pin: str = "", url: str = "", node: str = NEW) -> str:
        """What the person at the node reads, empty when all is well."""
        home = self.folder / node
        try:
            enrol(node, url or self.url, code, pin or self.pin, keys=home / "keys", folder=home)
        except NotEnrolled as why:
            return str(why)
        return ""

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`langso enrol` as a process."""
        order = [sys.executable, "-m", "deploy.cli", "enrol", NEW, "--hub", self.url, *words]
        where = ["--dir", str(self.folder / NEW), "--data", str(self.folder / "data")]
        return subprocess.run(
            [*order, *where], capture_output=True, text=True, timeout=120, check=False, cwd=ROOT
        )

    def tries_left(self) -> int:
        with self.database.reading() as db:
            return db.scalars(select(EnrolCode).order_by(EnrolCode.id.desc())).first().tries_left  # type: ignore[union-attr]

    def check(self, node: str = NEW) -> None:
        """The node's files fit together, with each other and with what the hub wrote down; nothing is left over."""
        home = self.folder / node
        settings = load(home / "langso.toml")
        assert (settings.machine.name, settings.place.village, settings.place.village_name) == (
            node,
            "dong",
            "thôn Đông",
        )
        keys = settings.keys_dir
        assert keys == home / "keys"
        for service in NODE_SERVICES:
            chain, key = (keys / f"{service}.pem").read_text(), load_private(keys / f"{service}.key")
            check_chain(chain, key, Identity(node, service), (self.keys.hub / "ca.pem").read_bytes())
            assert (keys / f"{service}.key").stat().st_mode & 0o777 == 0o600
        wanted = {f"{one}.{end}" for one in NODE_SERVICES for end in ("key", "pem")}
        assert {file.name for file in keys.iterdir()} == wanted | {"ca.pem", "root.pub", "hub-seal.pub"}
        with self.database.reading() as db:
            query = select(Certificate).where(Certificate.node == node, Certificate.revoked_at.is_(None))
            assert {row.identity for row in db.scalars(query)} == {f"{node}.{one}" for one in NODE_SERVICES}

    def close(self) -> None:
        self.stop.set()
        self.thread.join(5)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = open_url(f"sqlite:///{tmp_path / 'hub.db'}")
    settle(found)
    yield found
    found.close()


@pytest.fixture
def gate(keys: Keys, database: Database, tmp_path: Path) -> Iterator[Gate]:
    found = Gate(keys, database, tmp_path)
    yield found
    found.close()


def test_the_command_makes_a_node(gate: Gate) -> None:
    done = gate.command("--code", gate.code().lower(), "--pin", gate.pin.replace("-", " "))
    assert done.returncode == 0, done.stderr
    assert "thon-09, thôn Đông, xã Vân Khê: đã nhận chứng thư" in done.stdout
    gate.check()
    said = gate.command("--code", gate.code(), "--pin", gate.pin)
    assert said.returncode == 0, "with a new code the same machine may do it all again"
    gate.check()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder another's")
def test_root_is_told_to_enrol_as_the_services_user(gate: Gate) -> None:
    home = gate.folder / NEW
    home.mkdir()
    os.chown(home, 1, 1)
    done = gate.command("--code", gate.code(), "--pin", gate.pin)
    assert done.returncode == 1
    assert "sudo -u daemon" in done.stderr
    assert not list(home.iterdir())


def test_five_wrong_codes_and_the_right_one_is_worth_nothing_from_this_machine(gate: Gate) -> None:
    right = gate.code()
    for _ in range(5):
        done = gate.command("--code", new_code(), "--pin", gate.pin)
        assert (done.returncode, done.stdout) == (1, "")
    refusal = done.stderr
    done = gate.command("--code", right, "--pin", gate.pin)
    assert "nhập sai quá 5 lần" in done.stderr
    assert done.stderr == refusal, "it does not tell whoever guesses that the guess was right"
    assert gate.tries_left() == TRIES - 5, "other machines may still try"
    assert len(done.stderr.splitlines()) == 1
    assert not (gate.folder / NEW / "langso.toml").exists()
    assert gate.enrol(gate.code()) == ""
    gate.check()


def test_a_code_that_cannot_be_one_is_not_sent(gate: Gate) -> None:
    gate.code()
    assert "8 chữ và số" in gate.enrol("hello")
    assert gate.tries_left() == TRIES


@contextmanager
def impostor(folder: Path, root: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server with a certificate of its own that gives out any root and notes all it is told."""
    create_hub(create_commune(folder / "false", "mật khẩu khác", PLACE), ["127.0.0.1"], folder / "false-hub")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "false-hub/device.pem", folder / "false-hub/device.key")
    heard: list[bytes] = []
    door = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = door.accept()
            except OSError:
                return
            try:
                with plain, context.wrap_socket(plain, server_side=True) as line:
                    heard.append(line.recv(65536))
                    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(root)}\r\nConnection: close\r\n\r\n"
                    line.sendall(head.encode() + root)
            except OSError:
                continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield door.getsockname()[1], heard
    finally:
        door.shutdown(socket.SHUT_RDWR)
        door.close()
        thread.join(5)


def test_another_root_than_the_pin_names_never_hears_the_code(gate: Gate, tmp_path: Path) -> None:
    code = gate.code()
    own = create_commune(tmp_path / "own", "mật khẩu khác", PLACE).folder / "root.pem"
    with impostor(tmp_path, own.read_bytes()) as (port, heard):
        said = gate.enrol(code, url=f"https://127.0.0.1:{port}")
    assert "Dấu nhận dạng" in said
    assert "chưa gửi mã" in said
    assert len(heard) == 1
    assert heard[0].startswith(b"GET /root ")
    assert not (gate.folder / NEW).exists(), "not even keys were made"
    assert "Dấu nhận dạng" in gate.enrol(code, pin="0" * 32)
    assert gate.tries_left() == TRIES


def test_a_relay_that_shows_the_true_root_without_its_certificate_never_hears_the_code(
    gate: Gate, tmp_path: Path
) -> None:
    code = gate.code()
    with impostor(tmp_path, (gate.keys.hub / "ca.pem").read_bytes()) as (port, heard):
        said = gate.enrol(code, url=f"https://127.0.0.1:{port}")
    assert "không khớp địa chỉ hoặc không phải của xã này" in said
    assert not any(code.encode() in each or b"POST" in each for each in heard)
    assert gate.enrol(code) == "", "and the code still counts"


def test_a_hub_that_is_away_or_is_none_is_a_sentence(gate: Gate, tmp_path: Path) -> None:
    code = gate.code()
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    assert "Không nói chuyện được với trung tâm" in gate.enrol(code, url=f"https://127.0.0.1:{port}")
    with impostor(tmp_path, b"<html>hello</html>") as (port, _):
        assert "không phải trung tâm Làng Số" in gate.enrol(code, url=f"https://127.0.0.1:{port}")
    for wrong in ("http://127.0.0.1:8444", "https://", "https://hub:99999", "https://hub:8444/x"):
        assert "Địa chỉ trung tâm" in gate.enrol(code, url=wrong)
    assert (
        read_address("hub.example") == read_address("https://hub.example:8444/") == Hub("hub.example", 8444)
    )


def test_a_disk_that_takes_nothing_is_a_sentence_and_the_code_still_counts(gate: Gate) -> None:
    code = gate.code()
    (gate.folder / NEW).mkdir()
    (gate.folder / NEW / "keys").write_text("a file where the folder should be")
    assert "không ghi được" in gate.enrol(code)
    (gate.folder / NEW / "keys").unlink()
    assert gate.enrol(code) == ""
    gate.check()


@contextmanager
def losing(gate: Gate, lost: Callable[[int], bool]) -> Iterator[str]:
    """A line to the hub on which the answers of some connections, by their number, never arrive."""
    door = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket, *, is_lost: bool) -> None:
        try:
            while data := source.recv(65536):
                # A TLS record of application data above 400 bytes is the answer; the handshake is let through.
                if is_lost and data[0] == 0x17 and len(data) > 1500:
                    break
                sink.sendall(data)
        except OSError:
            pass
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def serve() -> None:
        number = 0
        while True:
            try:
                near, _ = door.accept()
            except OSError:
                return
            number += 1
            far = socket.create_connection(("127.0.0.1", gate.port))
            threading.Thread(target=pump, args=(near, far), kwargs={"is_lost": False}, daemon=True).start()
            back = {"is_lost": lost(number)}
            threading.Thread(target=pump, args=(far, near), kwargs=back, daemon=True).start()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"https://127.0.0.1:{door.getsockname()[1]}"
    finally:
        door.shutdown(socket.SHUT_RDWR)
        door.close()
        thread.join(5)


def test_an_answer_that_got_lost_is_asked_for_again(gate: Gate) -> None:
    code = gate.code()
    with losing(gate, lambda number: number == 2) as url:  # the first brings the root, the second the welcome
        assert "Không nói chuyện được với trung tâm" in gate.enrol(code, url=url)
        with gate.database.reading() as db:
            first = set(db.scalars(select(Certificate.serial).where(Certificate.node == NEW)))
        assert len(first) == len(NODE_SERVICES), "the hub did let it in"
        assert gate.enrol(code, url=url) == ""
    gate.check()
    with gate.database.reading() as db:
        assert set(db.scalars(select(Certificate.serial).where(Certificate.node == NEW))) == first


def test_settings_that_people_added_stay(gate: Gate) -> None:
    gate.enrol(gate.code())
    file = gate.folder / NEW / "langso.toml"
    before = file.read_text(encoding="utf-8")
    file.write_text(before + '\n[speaker]\ncard = "plughw:1"\n# a note\n', encoding="utf-8")
    kept = file.read_text(encoding="utf-8")
    assert gate.enrol(gate.code()) == ""
    assert file.read_text(encoding="utf-8") == kept, "nothing new to say: not even the note is touched"
    gate.settings.broker.port = 9999
    assert gate.enrol(gate.code()) == ""
    assert (load(file).speaker.card, load(file).broker.port) == ("plughw:1", 9999)
    file.write_text("not TOML", encoding="utf-8")
    assert "not valid TOML" in gate.enrol(gate.code())
    assert file.read_text(encoding="utf-8") == "not TOML"


def cut_all(gate: Gate, moments: list[int]) -> list[dict[str, object]]:
    orders = [f"thon-{100 + n}={gate.code(f'thon-{100 + n}')}:{moment}" for n, moment in enumerate(moments)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.link.cut_child", str(gate.folder), gate.url, gate.pin, *orders],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_power_cut_at_any_moment_leaves_it_to_be_done_again(gate: Gate) -> None:
    [whole] = cut_all(gate, [0])
    last = int(str(whole["first"]))
    assert last > 40, "moments at which it touches disk or network"
    # Every fourth, and the last ones, where keys change places.
    moments = sorted({*range(2, last + 1, 4), *range(last - 5, last + 1)})
    found = cut_all(gate, moments)
    assert [each["moment"] for each in found] == moments
    for each in found:
        assert each["first"] == "", f"was not cut: {each}"
        assert each["said"] in ("enrolled", "completed"), each
        gate.check(str(each["node"]))
    assert {"enrolled", "completed"} == {each["said"] for each in found}


def ask(gate: Gate, method: str, path: str, data: bytes = b"") -> requests.Response:
    with requests.Session() as http:
        http.trust_env = False
        return http.request(
            method, gate.url + path, data=data, verify=str(gate.keys.hub / "ca.pem"), timeout=10
        )


@pytest.mark.parametrize(
    ("method", "path", "data", "status"),
    [
        ("POST", "/enrol", b"not JSON", 400),
        ("POST", "/enrol", b'{"node":"thon-09"}', 400),
        ("POST", "/enrol", b'{"node":"thon-09","code":"x","requests":{"a":"b"},"more":1}', 400),
        ("POST", "/enrol", b'{"node":"thon-09","code":"x","requests":{}}', 400),
        ("POST", "/enrol", b"[" * 60_000, 400),
        ("POST", "/enrol", '{"node":"ｘ","code":"ＡＢ","requests":{"a":"b"}}'.encode(), 403),
        ("GET", "/enrol", b"", 405),
        ("PUT", "/root", b"", 405),
        ("GET", "/", b"", 404),
        ("GET", "/../hub.db", b"", 404),
    ],
)
def test_what_is_no_request_is_refused_quietly(
    gate: Gate, method: str, path: str, data: bytes, status: int
) -> None:
    assert ask(gate, method, path, data).status_code == status
    assert ask(gate, "GET", "/root").content == (gate.keys.hub / "ca.pem").read_bytes()


def test_a_body_that_is_too_large_is_not_read(gate: Gate) -> None:
    with suppress(requests.ConnectionError):  # it may hang up while we still speak
        assert ask(gate, "POST", "/enrol", b"x" * 1_000_000).status_code == 413
    assert ask(gate, "GET", "/root").status_code == 200


def test_an_address_may_knock_a_few_times_a_minute_only(
    keys: Keys, database: Database, tmp_path: Path
) -> None:
    gate = Gate(keys, database, tmp_path, knocks=3)
    try:
        assert [ask(gate, "GET", "/root").status_code for _ in range(4)] == [200, 200, 200, 429]
        assert "quá nhiều lần" in ask(gate, "POST", "/enrol", b"{}").json()["text"]
        gate.clock.advance(4.0)
        assert [ask(gate, "GET", "/root").status_code for _ in range(3)] == [200, 200, 429]
    finally:
        gate.close()


def test_old_tls_is_refused(gate: Gate) -> None:
    context = ssl.create_default_context(cafile=str(gate.keys.hub / "ca.pem"))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.options &= ~(ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3
    with socket.create_connection(("127.0.0.1", gate.port), 5) as raw, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(raw, server_hostname="127.0.0.1")


def test_a_hub_without_its_issuing_key_does_not_listen(database: Database, tmp_path: Path) -> None:
    own = make_keys(tmp_path / "own")
    (own.hub / "issuing.key").unlink()
    with pytest.raises(SettingsError, match=r"issuing\.key"):
        listening(hub_settings(tmp_path / "data", own.hub), database, FakeClock(NOW))

"""The device port with real certificates: who may fetch and bring what, and going on after a cut."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from broker.contract import Identity
from broker.contract.camera import MotionEnded
from broker.contract.hub import Media
from broker.hub import alerts, devices
from broker.hub.live_pictures import LivePictures
from broker.hub.records import Alert, Certificate, NodeRecord
from broker.link.config import DevicePort, Machine, PlaceOf, Settings, SettingsError
from broker.link.media import MediaClient, MediaError, MediaStore
from broker.trust.certificates import life_of
from broker.trust.identity import create_commune, create_hub
from deploy.doctor import admission
from deploy.doctor.finding import Patient
from tests.enrolled import enrol_keys
from tests.fakes.clock import FakeClock
from tests.hub.town import PLACE, Town, hub_settings

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
DATA = bytes(range(256)) * 1000
SHA = hashlib.sha256(DATA).hexdigest()


class Port:
    """A running device port and ways to knock at it."""

    def __init__(self, town: Town, data: Path) -> None:
        self.town = town
        self.settings = hub_settings(data, town.keys.hub)
        self.store = MediaStore(data / "media")
        self.clock = FakeClock(NOW)
        self.live = LivePictures(self.clock.monotonic)
        self.worker, self.port = devices.listening(self.settings, town.database, self.clock, self.live)
        self.url = f"https://127.0.0.1:{self.port}"
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.worker.run, args=(self.stop, lambda: None))
        self.thread.start()

    def ask(self, method: str, path: str, service: str = "speaker", **more: Any) -> requests.Response:
        keys = more.pop("keys", self.town.keys.node)
        with requests.Session() as http:
            http.trust_env = False
            return http.request(
                method,
                self.url + path,
                cert=(str(keys / f"{service}.pem"), str(keys / f"{service}.key")),
                verify=str(self.town.keys.hub / "ca.pem"),
                timeout=5,
                **more,
            )

    def client(self, service: str, data: Path) -> tuple[MediaClient, MediaStore]:
        store = MediaStore(data / service)
        settings = Settings(
            machine=Machine(role="node", name="thon-01", data=str(data)),
            place=PlaceOf(province="00", commune="00000", commune_name="x", village="dong"),
            device_port=DevicePort(url=self.url),
        )
        settings.keys.dir = str(self.town.keys.node)
        return MediaClient(settings, Identity("thon-01", service), store), store


@pytest.fixture
def port(town: Town, tmp_path: Path) -> Iterator[Port]:
    found = Port(town, tmp_path / "hub")
    yield found
    found.stop.set()
    found.thread.join(2)
    assert not found.thread.is_alive()


def test_the_doctor_of_a_node_says_whether_the_hub_takes_it_in(port: Port, tmp_path: Path) -> None:
    settings = Settings(
        machine=Machine(role="node", name="thon-01", data=str(tmp_path)),
        place=PlaceOf(province="00", commune="00000", commune_name="x", village="dong"),
        device_port=DevicePort(url=port.url),
    )
    settings.keys.dir = str(port.town.keys.node)
    patient = Patient(None, settings, tmp_path)
    assert admission.look(patient).level == "ok"
    with port.town.database.session() as db:
        db.get_one(NodeRecord, "thon-01").retired_at = NOW
    found = admission.look(patient)
    assert (found.level, "thu hồi" in found.found, "enrol" in found.do) == ("error", True, True)


def test_rights_come_from_the_contract() -> None:
    assert devices.rights() == {
        "speaker": {"GET", "HEAD"},
        "node": {"GET", "HEAD"},
        "camera": {"PUT", "HEAD"},
    }


def test_a_speaker_fetches_its_audio_with_the_real_client(port: Port, tmp_path: Path) -> None:
    media = port.store.add(DATA, "audio/ogg")
    client, _ = port.client("speaker", tmp_path)
    assert client.fetch(media, port.stop).read_bytes() == DATA


def test_a_fetch_goes_on_where_it_was_cut(port: Port, tmp_path: Path) -> None:
    media = port.store.add(DATA, "audio/ogg")
    client, store = port.client("speaker", tmp_path)
    store.part_of(SHA).write_bytes(DATA[:100_000])
    assert client.fetch(media, port.stop).read_bytes() == DATA
    answer = port.ask("GET", f"/media/{SHA}", headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (206, DATA[10:20])


def test_a_camera_brings_a_clip_and_its_alert_learns_of_it(port: Port, tmp_path: Path) -> None:
    client, store = port.client("camera", tmp_path)
    media = store.add(DATA, "video/mp4")
    with port.town.database.session() as db:
        ended = MotionEnded(episode="e", camera="cong", started_at=NOW, ended_at=NOW, clip=media)
        alerts.end_motion(db, "thon-01", ended, False, NOW)
    client.push(media, port.stop)
    client.push(media, port.stop)
    assert port.store.place_of(SHA).read_bytes() == DATA
    with port.town.database.reading() as db:
        assert db.get_one(Alert, 1).has_clip
    assert port.ask("GET", f"/media/{SHA}").status_code == 404, "clips are for the console only"


@pytest.mark.parametrize("method", ["HEAD", "PUT"])
def test_a_clip_that_came_before_the_hub_was_stopped_is_still_shown(port: Port, method: str) -> None:
    media = port.store.add(DATA, "video/mp4")
    with port.town.database.session() as db:
        ended = MotionEnded(episode="e", camera="cong", started_at=NOW, ended_at=NOW, clip=media)
        alerts.end_motion(db, "thon-01", ended, False, NOW)
    body = {"data": DATA} if method == "PUT" else {}
    assert port.ask(method, f"/media/{SHA}", "camera", **body).status_code == 200
    with port.town.database.reading() as db:
        assert db.get_one(Alert, 1).has_clip


def test_an_upload_goes_on_where_it_was_cut(port: Port, tmp_path: Path) -> None:
    port.store.part_of(SHA).write_bytes(DATA[:123_456])
    head = port.ask("HEAD", f"/media/{SHA}", "camera")
    assert (head.status_code, head.headers["X-Have"]) == (404, "123456")
    client, store = port.client("camera", tmp_path)
    client.push(store.add(DATA, "video/mp4"), port.stop)
    assert port.store.place_of(SHA).read_bytes() == DATA
    head = port.ask("HEAD", f"/media/{SHA}", "camera")
    assert (head.status_code, head.headers["X-Have"]) == (200, str(len(DATA)))


def test_wrong_bytes_are_refused_and_dropped(port: Port) -> None:
    answer = port.ask("PUT", f"/media/{SHA}", "camera", data=DATA[:-1] + b"x")
    assert answer.status_code == 422
    assert not port.store.part_of(SHA).exists()
    assert port.ask("PUT", f"/media/{SHA}", "camera", data=DATA).status_code == 201


def test_an_empty_file_can_be_brought(port: Port, tmp_path: Path) -> None:
    client, store = port.client("camera", tmp_path)
    media = store.add(b"", "video/mp4")
    client.push(media, port.stop)
    assert port.store.path_of(media.sha256)


@pytest.mark.parametrize(
    ("content_range", "status"),
    [
        ("bytes 500-999/1000", 409),
        ("bytes 0-99/1000", 400),
        ("bytes 0-499/400", 400),
        ("lines 0-499/500", 400),
        (f"bytes {devices.LARGEST + 1 - 500}-{devices.LARGEST}/{devices.LARGEST + 1}", 413),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(port: Port, content_range: str, status: int) -> None:
    headers = {"Content-Range": content_range}
    answer = port.ask("PUT", f"/media/{SHA}", "camera", data=b"x" * 500, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("method", "service", "status"),
    [
        ("PUT", "speaker", 403),
        ("GET", "camera", 403),
        ("GET", "kiosk", 403),
        ("GET", "board", 403),
        ("PUT", "kiosk", 403),
        ("GET", "node", 200),
        ("HEAD", "speaker", 200),
        ("DELETE", "speaker", 405),
        ("OPTIONS", "speaker", 405),
        ("POST", "camera", 405),
    ],
)
def test_each_service_has_its_verbs_only(port: Port, method: str, service: str, status: int) -> None:
    port.store.add(DATA, "audio/ogg")
    assert port.ask(method, f"/media/{SHA}", service).status_code == status


@pytest.mark.parametrize(
    "path", ["/", "/media/", "/media/xyz", f"/media/{'a' * 64}", "/media/..%2f..%2fhub.db"]
)
def test_other_addresses_are_not_there(port: Port, path: str) -> None:
    assert port.ask("GET", path).status_code == 404


def test_a_node_that_is_unknown_or_retired_gets_nothing(port: Port, tmp_path: Path) -> None:
    port.store.add(DATA, "audio/ogg")
    enrol_keys(port.town.keys.hub, "thon-77", tmp_path / "unknown")
    assert port.ask("GET", f"/media/{SHA}", keys=tmp_path / "unknown").status_code == 403
    with port.town.database.session() as db:
        db.get_one(NodeRecord, "thon-01").retired_at = NOW
    assert port.ask("GET", f"/media/{SHA}").status_code == 403


def test_a_revoked_certificate_gets_nothing_and_its_neighbours_go_on(port: Port) -> None:
    port.store.add(DATA, "audio/ogg")
    serial, until = life_of((port.town.keys.node / "speaker.pem").read_bytes())
    with port.town.database.session() as db:
        db.add(
            Certificate(
                serial=serial,
                identity="thon-01.speaker",
                node="thon-01",
                issued_at=NOW,
                not_after=until,
                revoked_at=NOW,
                reason="revoked",
            )
        )
    assert port.ask("GET", f"/media/{SHA}").status_code == 403
    assert port.ask("GET", f"/media/{SHA}", "node").status_code == 200
    assert port.ask("POST", "/certificate", data=b"x").status_code == 403


def test_only_a_request_for_the_next_certificate_is_taken(port: Port) -> None:
    assert port.ask("POST", "/certificate", data=b"x" * 5000).status_code == 413
    assert port.ask("POST", "/certificate", data=b"x").status_code == 403, "a serial nobody wrote down"
    assert port.ask("POST", "/certificate", "web", data=b"x", keys=port.town.keys.hub).status_code == 403
    assert port.ask("GET", "/certificate").status_code == 405


def test_a_hub_service_is_no_device(port: Port) -> None:
    assert port.ask("GET", f"/media/{SHA}", "web", keys=port.town.keys.hub).status_code == 403


def test_without_a_certificate_of_the_commune_no_connection_stands(port: Port, tmp_path: Path) -> None:
    create_hub(create_commune(tmp_path / "other", "mật khẩu khác", PLACE), ["h"], tmp_path / "other-hub")
    enrol_keys(tmp_path / "other-hub", "thon-01", tmp_path / "stranger")
    with pytest.raises(requests.ConnectionError):
        port.ask("GET", f"/media/{SHA}", keys=tmp_path / "stranger")
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{port.url}/media/{SHA}", verify=str(port.town.keys.hub / "ca.pem"), timeout=5)


def test_a_silent_peer_does_not_keep_others_waiting(port: Port) -> None:
    port.store.add(DATA, "audio/ogg")
    with (
        socket.create_connection(("127.0.0.1", port.port)),
        socket.create_connection(("127.0.0.1", port.port)),
    ):
        assert port.ask("GET", f"/media/{SHA}").status_code == 200


def test_plain_http_is_refused(port: Port) -> None:
    with pytest.raises(requests.RequestException):
        requests.get(f"http://127.0.0.1:{port.port}/media/{SHA}", timeout=5).raise_for_status()


def test_a_busy_port_or_missing_key_stops_the_start_with_a_sentence(port: Port, tmp_path: Path) -> None:
    settings = hub_settings(tmp_path / "two", port.town.keys.hub)
    settings.device_port.port = port.port
    with pytest.raises(SettingsError, match=str(port.port)):
        devices.listening(settings, port.town.database, port.clock, port.live)
    settings = hub_settings(tmp_path / "three", tmp_path / "no-keys")
    with pytest.raises(SettingsError):
        devices.listening(settings, port.town.database, port.clock, port.live)


def test_old_tls_is_refused(port: Port) -> None:
    context = ssl.create_default_context(cafile=str(port.town.keys.hub / "ca.pem"))
    context.load_cert_chain(port.town.keys.node / "speaker.pem", port.town.keys.node / "speaker.key")
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", port.port), 5) as raw, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(raw, server_hostname="127.0.0.1")


def test_media_errors_reach_the_client_as_retry_later(port: Port, tmp_path: Path) -> None:
    client, _ = port.client("speaker", tmp_path)
    with pytest.raises(MediaError, match="404"):
        client.fetch(Media(sha256="b" * 64, size=5, type="audio/ogg"), port.stop)

"""Certificates that renew themselves: over the real device port, with the old key as proof, a session following."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from broker.contract import NODE_SERVICES, Identity
from broker.hub.devices import listening
from broker.hub.keys.crl import tell_broker, write
from broker.hub.keys.enrolment import admit, offer_code
from broker.hub.keys.issuing import Issuer
from broker.hub.keys.own import renew_own
from broker.hub.live_pictures import LivePictures
from broker.hub.records import Certificate, Database
from broker.hub.records.database import open_url
from broker.link.clock import MachineClock
from broker.link.enrol import NotEnrolled, ask_renewal
from broker.link.media import MediaClient, MediaStore
from broker.link.service import Beat
from broker.link.session import Session
from broker.trust.certificates import check_chain, life_of
from broker.trust.enrolment import Ask, prepare
from broker.trust.identity import HUB_OWN, LISTENERS, create_commune, create_hub
from broker.trust.keys import IdentityError, load_private, new_key, private_pem, write_secret
from broker.trust.renewal import prepare_renewal, settle_renewal
from broker.trust.swap import finish_swap, swap_in
from edge.node.renewal import RenewalWork
from tests.enrolled import enrol_keys
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession
from tests.hub.town import PLACE, Keys, hub_settings, make_keys, settle
from tests.settings import node_settings
from tests.trusted_commune import TrustedCommune
from tests.until import until

NOW = datetime.now(UTC)
"""TLS looks at the machine's own clock, so these certificates must be good today."""
SPEAKER = Identity("thon-01", "speaker")


class House:
    """A node whose certificates were issued some days ago, and its hub with a real device port."""

    def __init__(self, keys: Keys, database: Database, folder: Path, days_ago: int) -> None:
        self.hub, self.database = keys.hub, database
        self.hub_settings = hub_settings(folder / "hub-data", keys.hub)
        self.node = node_settings(folder)
        issued = NOW - timedelta(days=days_ago)
        with database.session() as db:
            offer = offer_code(
                db, node="thon-01", village="dong", label="Nhà", by="minh", now=issued, again=True
            )
            ask = Ask(node="thon-01", code=offer.code, requests=prepare(self.node.keys_dir, "thon-01"))
            welcome = admit(db, self.hub_settings, Issuer(keys.hub), ask, issued)
        place = self.node.keys_dir / "next"
        for service, chain in welcome.certificates.items():
            (place / f"{service}.pem").write_text(chain)
        (place / "ca.pem").write_text(welcome.ca)
        swap_in(place)
        self.session = FakeSession(Identity("thon-01", "node"), self.node, FakeClock(NOW, running=True))
        self.stop = threading.Event()

    @contextmanager
    def device_port(self) -> Iterator[None]:
        """The hub is there."""
        worker, port = listening(
            self.hub_settings, self.database, FakeClock(NOW), LivePictures(FakeClock(NOW).monotonic)
        )
        self.node.device_port.url = f"https://127.0.0.1:{port}"
        with _running(worker.run):
            yield

    @contextmanager
    def renewing(self) -> Iterator[list[None]]:
        """The node's worker, trying again after moments instead of minutes; gives its beats."""
        beats: list[None] = []
        work = RenewalWork(self.node, self.session, retry_s=(0.1, 0.3))  # type: ignore[arg-type]
        with _running(work.run, lambda: beats.append(None)):
            yield beats

    def lives(self) -> dict[str, tuple[str, datetime]]:
        """Serial and end of each service's certificate."""
        return {one: life_of((self.node.keys_dir / f"{one}.pem").read_bytes()) for one in NODE_SERVICES}

    def check(self) -> None:
        """Keys and certificates fit, in the right names."""
        keys = self.node.keys_dir
        for service in NODE_SERVICES:
            chain, key = (keys / f"{service}.pem").read_text(), load_private(keys / f"{service}.key")
            check_chain(chain, key, Identity("thon-01", service), (self.hub / "ca.pem").read_bytes())


@contextmanager
def _running(run: Callable[[threading.Event, Beat], None], beat: Beat = lambda: None) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(stop, beat))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = open_url(f"sqlite:///{tmp_path / 'hub.db'}")
    settle(found)
    yield found
    found.close()


def test_worn_certificates_are_renewed_and_the_new_ones_open_the_door(
    keys: Keys, database: Database, tmp_path: Path
) -> None:
    house = House(keys, database, tmp_path, days_ago=270)
    before, old_key = house.lives(), (house.node.keys_dir / "speaker.key").read_bytes()
    with house.device_port(), house.renewing():
        until(
            lambda: all(end > NOW + timedelta(days=390) for _, end in house.lives().values()), 60, house.lives
        )
        house.check()
        media = MediaStore(house.hub_settings.data_dir / "media").add(b"sound", "audio/ogg")
        client = MediaClient(house.node, SPEAKER, MediaStore(tmp_path / "store"))
        assert client.fetch(media, house.stop).read_bytes() == b"sound"
    assert (house.node.keys_dir / "speaker.key").read_bytes() != old_key
    assert (house.node.keys_dir / "speaker.key").stat().st_mode & 0o777 == 0o600
    assert not list(house.node.keys_dir.glob("next*")) + list(house.node.keys_dir.glob("swap*"))
    with database.reading() as db:
        known = set(db.scalars(select(Certificate.serial).where(Certificate.node == "thon-01")))
    assert known == {serial for serial, _ in [*before.values(), *house.lives().values()]}


def test_a_certificate_that_is_not_worn_is_left_alone(keys: Keys, database: Database, tmp_path: Path) -> None:
    house = House(keys, database, tmp_path, days_ago=200)
    before = house.lives()
    with house.device_port(), house.renewing() as beats:
        until(lambda: len(beats) > len(NODE_SERVICES) + 2, 30)  # it has looked at each
        assert not list(house.node.keys_dir.glob("next-*")), "nothing was even asked for"
        request = prepare_renewal(house.node.keys_dir, SPEAKER)
        too_old = House(keys, database, tmp_path / "fresh", days_ago=10)
        too_old.node.device_port.url = house.node.device_port.url
        with pytest.raises(NotEnrolled, match="còn mới"):
            ask_renewal(too_old.node, SPEAKER, request)
    assert house.lives() == before


def test_with_the_hub_away_it_says_so_in_the_last_month_and_recovers(
    keys: Keys, database: Database, tmp_path: Path
) -> None:
    house = House(keys, database, tmp_path, days_ago=380)
    house.node.device_port.url = "https://127.0.0.1:1"
    with house.renewing():
        until(lambda: "certificate" in house.session.problems, 30)
        assert "chỉ còn 17 ngày" in house.session.problems["certificate"]
        with house.device_port():
            until(lambda: "certificate" not in house.session.problems, 60)
    house.check()


def test_a_revoked_certificate_renews_nothing(keys: Keys, database: Database, tmp_path: Path) -> None:
    house = House(keys, database, tmp_path, days_ago=300)
    with database.session() as db:
        for row in db.scalars(select(Certificate).where(Certificate.node == "thon-01")):
            row.revoked_at = NOW
    with house.device_port(), pytest.raises(NotEnrolled, match="thu hồi"):
        ask_renewal(house.node, SPEAKER, prepare_renewal(house.node.keys_dir, SPEAKER))


def test_a_request_waits_with_its_key_until_its_certificate_fits(
    keys: Keys, database: Database, tmp_path: Path
) -> None:
    house = House(keys, database, tmp_path, days_ago=270)
    folder, before = house.node.keys_dir, house.lives()
    request = prepare_renewal(folder, SPEAKER)
    assert prepare_renewal(folder, SPEAKER) == request, "the same after a cut"
    with house.device_port():
        chain = ask_renewal(house.node, SPEAKER, request)
        camera = Identity("thon-01", "camera")
        other = ask_renewal(house.node, camera, prepare_renewal(folder, camera))
        again = ask_renewal(house.node, SPEAKER, request)
    for wrong in (other, "", (folder / "speaker.pem").read_text()):
        with pytest.raises(IdentityError):
            settle_renewal(folder, SPEAKER, wrong)
    assert house.lives() == before
    settle_renewal(folder, SPEAKER, again)
    assert life_of(again.encode()) == life_of(chain.encode()) == house.lives()["speaker"]
    house.check()


@pytest.mark.parametrize("moved", [0, 1, 2, 3])
def test_a_swap_cut_in_the_middle_is_completed_at_the_next_start(tmp_path: Path, moved: int) -> None:
    for name in ("a.key", "a.pem", "b.pem"):
        (tmp_path / name).write_text("old")
    swap = tmp_path / "swap"
    swap.mkdir()
    for name in (".note", "a.key", "a.pem", "b.pem")[moved:]:
        (swap / name).write_text("new")
    for name in (".note", "a.key", "a.pem", "b.pem")[1:moved]:
        (tmp_path / name).write_text("new")
    assert finish_swap(tmp_path)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        "a.key": "new",
        "a.pem": "new",
        "b.pem": "new",
    }
    assert not finish_swap(tmp_path)


def test_the_hubs_own_certificates_renew_themselves_while_it_listens(
    database: Database, tmp_path: Path
) -> None:
    commune = create_commune(tmp_path / "commune", "mật khẩu gốc", PLACE)
    hub = tmp_path / "hub"
    create_hub(commune, ["127.0.0.1"], hub, now=NOW - timedelta(days=270))
    worker, port = listening(
        hub_settings(tmp_path / "data", hub), database, FakeClock(NOW), LivePictures(FakeClock(NOW).monotonic)
    )
    enrol_keys(hub, "thon-01", tmp_path / "node")

    def shown() -> int:
        context = ssl.create_default_context(cafile=str(hub / "ca.pem"))
        context.load_cert_chain(tmp_path / "node/speaker.pem", tmp_path / "node/speaker.key")
        with (
            socket.create_connection(("127.0.0.1", port), 5) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as line,
        ):
            found = line.getpeercert() or {}
            return int(str(found["serialNumber"]), 16)

    def has_changed() -> bool:
        with suppress(OSError):  # a door that is just changing its lock
            return shown() != before
        return False

    with _running(worker.run):
        before = shown()
        assert renew_own(hub, ["127.0.0.1"], NOW) == [*HUB_OWN, *LISTENERS]
        until(has_changed, 60)
        assert renew_own(hub, ["127.0.0.1"], NOW) == []
    (hub / "web.pem").write_text("damaged")
    assert renew_own(hub, ["127.0.0.1"], NOW) == ["web"]


def test_a_session_shows_its_new_certificate_with_the_next_connection(tmp_path: Path) -> None:
    commune = TrustedCommune(tmp_path)
    commune.start()
    held = commune.enrol("thon-01")["thon-01.speaker"]
    node = node_settings(tmp_path, port=commune.port)
    node.broker.tls = True
    folder = node.keys_dir
    write_secret(folder / "speaker.key", held.key)
    (folder / "speaker.pem").write_bytes(held.chain)
    (folder / "ca.pem").write_bytes((commune.settings.keys_dir / "ca.pem").read_bytes())
    session = Session(node, "speaker", MachineClock(tmp_path / "floor", "host"))
    watch = next(each for each in session.workers() if each.name == "link")
    try:
        session.open()
        until(lambda: session.connected, 30, commune.log)
        with _running(watch.run):
            _renew_by_hand(commune, folder)
            with commune.database.session() as db:
                old = db.get_one(Certificate, life_of(held.chain)[0])
                old.revoked_at = datetime.now(UTC)
            write(commune.database, commune.settings.keys_dir, commune.issuer, datetime.now(UTC))
            tell_broker(commune.settings)
            commune.kill()
            until(lambda: not session.connected, 30)
            commune.start()
            until(lambda: session.connected, 60, commune.log)
    finally:
        session.close()
        session._mqtt.loop_stop()
        commune.close()


def _renew_by_hand(commune: TrustedCommune, folder: Path) -> None:
    """A new key and certificate, as the renewal worker would bring them."""
    from broker.trust.certificates import certify_request, make_request

    key = new_key()
    chain, _, _ = certify_request(commune.issuer, make_request(key, SPEAKER), SPEAKER, datetime.now(UTC))
    place = folder / "next-speaker"
    write_secret(place / "speaker.key", private_pem(key))
    (place / "speaker.pem").write_text(chain)
    swap_in(place)

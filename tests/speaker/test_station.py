"""Where a signed address may lead: to the station it names, and to nothing that somebody could make of it."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from edge.speaker.station import StationError, Stream, Web, addresses_of, is_local_name, may_connect
from tests.fakes import station_server, translate_server


@pytest.mark.parametrize(
    ("number", "from_public", "from_local"),
    [
        ("113.160.10.20", True, True),
        ("2405:4800::1", True, True),
        ("192.168.1.10", False, True),
        ("10.0.0.5", False, True),
        ("172.16.3.4", False, True),
        ("100.64.0.9", False, True),
        ("fd00::12", False, True),
        ("127.0.0.1", False, False),
        ("127.8.9.10", False, False),
        ("::1", False, False),
        ("::ffff:127.0.0.1", False, False),
        ("2002:7f00:1::", False, False),
        ("2002:c0a8:10a::", False, True),
        ("::ffff:192.168.1.10", False, True),
        ("0.0.0.0", False, False),
        ("::", False, False),
        ("169.254.169.254", False, False),
        ("fe80::1", False, False),
        ("224.0.0.1", False, False),
        ("255.255.255.255", False, False),
        ("240.0.0.1", False, False),
    ],
)
def test_only_a_signed_address_of_the_house_leads_into_its_network(
    number: str, from_public: bool, from_local: bool
) -> None:
    address = ipaddress.ip_address(number)
    assert may_connect(address, is_local=False) is from_public
    assert may_connect(address, is_local=True) is from_local


@pytest.mark.parametrize("host", ["192.168.1.10", "10.1.2.3", "loa-xa", "dai.local", "dai.LAN", "fd00::1"])
def test_names_and_numbers_of_the_house_are_known_as_such(host: str) -> None:
    assert is_local_name(host)


@pytest.mark.parametrize("host", ["vov.vn", "stream.local.example.vn", "113.160.10.20", "2405:4800::1"])
def test_names_and_numbers_of_the_world_are_not_of_the_house(host: str) -> None:
    assert not is_local_name(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0", "::1"])
def test_this_machine_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(StationError):
        list(addresses_of(host, 80, is_local=True))


@pytest.mark.parametrize(
    "address",
    [
        "http://",
        "http://[",
        "http://[::1",
        "http://a:99999/",
        "http://a:b/",
        "http:///x",
        "http://a..b/",
        "http://" + "a" * 400 + "/",
        "http://bình:mật@vov.vn/",
        "https://u@vov.vn/",
        "file:///etc/passwd",
        "ftp://vov.vn/x",
        "concat:a|b",
        "data:audio/mpeg;base64,AAAA",
    ],
)
def test_an_odd_address_is_refused_in_words(address: str) -> None:
    with pytest.raises(StationError, match=r"address|known|no station"):
        Web(address, 1.0).find(address)


@pytest.mark.parametrize(
    "place",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "gopher://127.0.0.1/x",
        "http://169.254.169.254/latest/meta-data",
        "http://0.0.0.0/",
        "http://u:p@127.0.0.1/",
        "http://[",
        "//[::1/x",
        "http://a\0b/",
        "http://127.0.0.1:0/",
    ],
)
def test_a_station_cannot_send_us_elsewhere(place: str) -> None:
    with station_server.serve() as station:
        station.answers["/a"] = station_server.move(place)
        with pytest.raises(StationError):
            Web(station.url, 1.0, may_be_here=True).find(station.url + "/a")


def test_a_list_of_addresses_cannot_send_us_elsewhere_either() -> None:
    with station_server.serve() as station:
        station.answers["/a.m3u"] = station_server.say(b"http://169.254.169.254/x\n", "audio/x-mpegurl")
        with pytest.raises(StationError, match="no station"):
            Web(station.url, 1.0, may_be_here=True).find(station.url + "/a.m3u")


def test_what_is_open_to_this_machine_alone_is_never_asked() -> None:
    with station_server.serve() as station:
        station.answers["/a"] = station_server.say(b"x", "audio/mpeg")
        with pytest.raises(StationError, match="no station"):
            Web(station.url, 1.0).find(station.url + "/a")
        assert station.asked == []


def test_addresses_that_lead_round_and_round_come_to_an_end() -> None:
    with station_server.serve() as station:
        station.answers["/a"] = station_server.move("/b")
        station.answers["/b"] = station_server.move("/a")
        station.answers["/c.m3u"] = station_server.say(f"{station.url}/c.m3u\n".encode(), "audio/x-mpegurl")
        web = Web(station.url, 1.0, may_be_here=True)
        for path in ("/a", "/c.m3u"):
            with pytest.raises(StationError, match="from one"):
                web.find(station.url + path)
        assert len(station.asked) <= 12


def test_letters_outside_ascii_are_asked_for_as_browsers_do() -> None:
    with station_server.serve() as station:
        station.answers["/%C4%91%C3%A0i?k=%C3%A0"] = station_server.say(b"x", "audio/mpeg")
        found = Web(station.url, 1.0, may_be_here=True).find(station.url + "/đài?k=à")
        assert isinstance(found, Stream)
        found.close()


def test_https_is_checked_and_cannot_be_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with translate_server.serve(tmp_path) as server, station_server.serve() as station:
        web = Web(server.url, 2.0, may_be_here=True)
        with pytest.raises(StationError, match="certificate"):
            web.find(server.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(server.ca_file))
        with pytest.raises(StationError, match="answers 501"):  # it only takes POST: the connection stood
            web.find(server.url)
        with pytest.raises(StationError, match="away from https"):
            web.open(station.url + "/mp3")
        assert station.asked == []

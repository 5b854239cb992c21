"""Stations on the commune's list, and announcements that relay one: what is taken, refused, signed and booked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from broker.contract.content import Bundle
from broker.hub import content, stations
from broker.hub.announcing import workflow
from broker.hub.announcing.planner import HEAD_S
from broker.hub.announcing.rules import put_rules
from broker.hub.records import Occurrence, Play, audit_rows
from broker.hub.stations import Relayed, Station, checked
from broker.link.media import MediaStore
from broker.trust.envelope import Envelope, Relay
from tests.hub.test_workflow import at, declined, submit
from tests.hub.town import LEXICON, NOW, Town

ADDRESS = "https://dai.example.vn:8000/thoi-su.mp3"
HALF_HOUR = Relayed(ADDRESS, "Đài tỉnh", 1800)


@pytest.fixture
def tuned(town: Town) -> Town:
    """A town whose approver put one station on the list."""
    add(town)
    return town


def add(town: Town, name: str = "Đài tỉnh", address: str = ADDRESS) -> Station:
    with town.database.session() as db:
        return stations.add_station(db, town.binh, name, address, NOW)


def listed(town: Town) -> list[Station]:
    with town.database.reading() as db:
        return stations.stations_of(db)


def drop(town: Town, name: str = "Đài tỉnh") -> Callable[[], object]:
    def act() -> None:
        with town.database.session() as db:
            stations.remove_station(db, town.binh, name, NOW)

    return act


def envelope_of(town: Town, revision: int) -> Envelope:
    return msgspec.json.decode(town.revision(revision).envelope or "", type=Envelope)


def test_a_station_is_put_on_the_list_and_taken_off_and_both_are_in_the_log(town: Town) -> None:
    add(town, "  VOV\u200b   1 ")
    assert listed(town) == [Station("VOV 1", ADDRESS)]
    drop(town, "VOV 1")()
    assert listed(town) == []
    with town.database.reading() as db:
        told = [(row.entry.action, row.entry.subject, row.entry.detail) for row in audit_rows(db)]
    assert [one for one in told if one[0].startswith("station.")] == [
        ("station.added", "VOV 1", {"address": ADDRESS}),
        ("station.removed", "VOV 1", {"address": ADDRESS}),
    ]
    assert declined(drop(town, "VOV 1")).code == "no-station"


def test_an_editor_changes_nothing_on_the_list(town: Town) -> None:
    def act() -> None:
        with town.database.session() as db:
            stations.add_station(db, town.hoa, "Đài tỉnh", ADDRESS, NOW)

    assert declined(act).code == "no-right"


def test_a_name_stands_once_and_the_list_ends_somewhere(tuned: Town) -> None:
    assert declined(lambda: add(tuned, "ĐÀI TỈNH", "http://other.example.vn/x")).code == "same-station"
    for n in range(stations.MOST_STATIONS - 1):
        add(tuned, f"Đài {n}")
    assert declined(lambda: add(tuned, "Đài nữa")).code == "many-stations"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "bad-address"),
        ("dai.example.vn/x", "bad-address"),
        ("file:///etc/passwd", "bad-address"),
        ("javascript:alert(1)", "bad-address"),
        ("rtmp://dai.example.vn/x", "bad-address"),
        ("http:///x", "bad-address"),
        ("http://dai.example.vn:99999/x", "bad-address"),
        ("http://dai.example.vn:0/x", "bad-address"),
        ("http://[::1/x", "bad-address"),
        ("http://dai.example.vn/thời sự", "bad-address"),
        ("http://dai.example.vn/a\nb", "bad-address"),
        ("http://127.0.0.1\\.dai.example.vn/x", "bad-address"),
        ("http://dai%2eexample.vn/x", "bad-address"),
        ('http://dai.example.vn/"><script>', "bad-address"),
        ("https://a:b@dai.example.vn/x", "secret-address"),
        ("https://@dai.example.vn/x", "secret-address"),
        ("http://dai.example.vn/" + "x" * 500, "long-address"),
        ("http://localhost:8000/x", "own-address"),
        ("http://LOCALHOST./x", "own-address"),
        ("http://a.localhost/x", "own-address"),
        ("http://127.0.0.1/x", "own-address"),
        ("http://127.1/x", "own-address"),
        ("http://2130706433/x", "own-address"),
        ("http://0x7f000001/x", "own-address"),
        ("http://0/x", "own-address"),
        ("http://[::1]/x", "own-address"),
        ("http://[::ffff:127.0.0.1]/x", "own-address"),
        ("http://169.254.169.254/latest", "own-address"),
        ("snap://127.0.0.1:1704", "own-address"),
    ],
)
def test_an_address_no_node_may_follow_is_refused(address: str, code: str) -> None:
    assert declined(lambda: checked("Đài tỉnh", address)).code == code


@pytest.mark.parametrize(
    "address",
    [
        ADDRESS,
        "http://10.0.0.9/live?kenh=1&muc=cao#a",
        "snap://192.168.1.10:1704",
        "http://[fd00::9]:8000/x",
        "http://trung-tam.lan/dai",
        "https://dai.example.vn/vov1/playlist.m3u8",
    ],
)
def test_an_address_that_a_node_may_follow_fits_the_envelope_too(address: str) -> None:
    assert checked("Đài tỉnh", f" {address} ").address == address
    assert stations.signed_relay(Relayed(address, "Đài tỉnh", 60)) == Relay(
        address=address, station="Đài tỉnh", length_s=60
    )


def test_a_name_must_be_one() -> None:
    assert declined(lambda: checked(" \u200b… ", ADDRESS)).code == "no-station-name"
    assert declined(lambda: checked("á" * 81, ADDRESS)).code == "long-station-name"


def test_a_relay_is_signed_with_its_station_and_takes_its_whole_time(tuned: Town) -> None:
    revision = tuned.approved(relay=HALF_HOUR, kind="priority", repeat=3, text=stations.INSTEAD)
    envelope = envelope_of(tuned, revision)
    assert envelope.relay == Relay(address=ADDRESS, station="Đài tỉnh", length_s=1800)
    assert (envelope.kind, envelope.repeat) == ("routine", 1), "it gives way to every announcement"
    assert envelope.starts[0].tolerance_s == 120
    assert envelope.expires == at(17, 30) + timedelta(seconds=120 + 1800 + HEAD_S)
    with tuned.database.reading() as db:
        assert db.scalars(select(Occurrence.duration_s)).one() == 1800 + HEAD_S
        entry = [row.entry for row in audit_rows(db)][-1]
    assert (entry.action, entry.detail["station"]) == ("announcement.approved", "Đài tỉnh")


def test_the_sentence_that_is_offered_is_words_a_machine_can_read(tuned: Town) -> None:
    row = tuned.revision(tuned.submitted(relay=HALF_HOUR, text=stations.INSTEAD))
    assert row.state == "submitted"
    assert "không bắt được sóng" in row.spoken


@pytest.mark.parametrize(
    ("relay", "change", "code"),
    [
        (Relayed(), {}, "no-relay"),
        (Relayed(length_s=600), {}, "no-relay"),
        (Relayed(ADDRESS, "Đài tỉnh"), {}, "relay-length"),
        (Relayed(ADDRESS, "Đài tỉnh", 30), {}, "relay-length"),
        (Relayed(ADDRESS, "Đài tỉnh", 3660), {}, "relay-length"),
        (Relayed(ADDRESS, "Đài tỉnh", 3600), {}, "relay-length"),  # longer than a sitting of the commune
        (Relayed(ADDRESS, "Đài tỉnh", 60), {"text": "Bà con chờ. " * 100}, "long-instead"),
        (HALF_HOUR, {"text": " "}, "empty"),
        (HALF_HOUR, {"starts": [at(20, 45)]}, "quiet-hours"),
        (HALF_HOUR, {"starts": [at(9), at(9, 20)]}, "clash"),
        (HALF_HOUR, {"starts": [at(9), at(9, 32)]}, "session-limit"),
    ],
)
def test_a_relay_that_cannot_be_broadcast_is_refused_at_submission(
    tuned: Town, relay: Relayed, change: dict[str, object], code: str
) -> None:
    assert declined(submit(tuned, relay=relay, **change)).code == code


def test_a_relay_may_last_an_hour_where_sittings_may(tuned: Town) -> None:
    with tuned.database.session() as db:
        put_rules(db, "21:00", "06:00", 0, NOW)
    tuned.approved(relay=Relayed(ADDRESS, "Đài tỉnh", 3540))


def test_an_emergency_relays_nothing_and_a_draft_takes_only_from_the_list(tuned: Town) -> None:
    assert declined(lambda: tuned.draft(relay=HALF_HOUR, kind="emergency")).code == "relayed-emergency"
    other = Relayed("http://other.example.vn/x", "Đài tỉnh", 600)
    assert declined(lambda: tuned.draft(relay=other)).code == "gone-station"
    assert tuned.revision(tuned.draft()).relay is None


def test_a_station_that_was_taken_away_is_neither_sent_nor_signed(tuned: Town) -> None:
    draft, waiting = tuned.draft(relay=HALF_HOUR), tuned.submitted(relay=HALF_HOUR, starts=[at(18, 30)])
    signed = tuned.signed(waiting)
    drop(tuned)()

    def send() -> None:
        with tuned.database.session() as db:
            workflow.submit(db, tuned.hoa, draft, LEXICON, NOW)

    def sign() -> None:
        with tuned.database.session() as db:
            workflow.approve(db, tuned.desk, tuned.binh, waiting, signed, NOW)

    for act in (send, sign, lambda: tuned.signed(waiting)):
        assert declined(act).code == "gone-station"


def test_what_was_approved_stays_when_its_station_goes_and_is_named(tuned: Town) -> None:
    revision = tuned.approved(relay=HALF_HOUR)
    with tuned.database.reading() as db:
        users = stations.users_of(db, stations.stations_of(db))
    assert [row.id for row in users["Đài tỉnh"]] == [revision]
    drop(tuned)()
    assert tuned.revision(revision).state == "approved"


def test_words_that_turn_out_longer_than_the_relay_are_not_signed(tuned: Town) -> None:
    revision = tuned.submitted(relay=Relayed(ADDRESS, "Đài tỉnh", 60))
    tuned.give_audio(revision, 60_500)
    assert declined(lambda: tuned.signed(revision)).code == "long-instead"


def test_a_relay_gives_way_to_what_is_to_be_said_at_once_but_not_the_other_way_round(tuned: Town) -> None:
    tuned.approved(relay=HALF_HOUR, starts=[NOW + timedelta(minutes=1)])
    tuned.submitted(play_now=True, title="Mất nước", villages=["dong"])
    found = declined(submit(tuned, play_now=True, relay=HALF_HOUR))
    assert found.code == "clash"


def test_a_kiosk_does_not_offer_to_hear_a_relay_again(tuned: Town, tmp_path: Path) -> None:
    assert heard_again(tuned, tmp_path, relay=HALF_HOUR) == []
    assert heard_again(tuned, tmp_path, starts=[at(18, 30)]) == ["Lịch tiêm phòng"]


def heard_again(town: Town, folder: Path, **change: object) -> list[str]:
    """Titles on the kiosks after an announcement began to play."""
    revision, store = town.revision(town.approved(**change)), MediaStore(folder / "media")
    empty = Bundle(commune_name="", made_at=NOW, procedures=[], life_events=[], warnings=[])
    content.set_base(folder, msgspec.json.encode(empty))
    with town.database.session() as db:
        for play in db.scalars(select(Play).where(Play.announcement == revision.announcement_id)):
            play.started_at = NOW
        db.flush()
        path = store.path_of(content.current(db, folder, store, "xã Vân Khê", NOW).sha256)
    assert path is not None
    return [one.title for one in msgspec.json.decode(path.read_bytes(), type=Bundle).heard]

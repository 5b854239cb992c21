"""Is a camera there? States from packets, pictures and silence."""

from __future__ import annotations

import pytest

from edge.camera.presence import BLIND_S, OFFLINE_S, Presence


def _name(presence: Presence) -> str:
    return presence.state


def test_presence_goes_from_connecting_to_live_to_offline_and_back() -> None:
    presence = Presence(0.0)
    assert _name(presence) == "connecting"
    assert not presence.look(5.0)
    assert presence.picture(6.0)
    assert _name(presence) == "live"
    assert not presence.look(6.0 + OFFLINE_S)
    assert presence.look(6.1 + OFFLINE_S)
    assert _name(presence) == "offline"
    assert presence.pictures_per_s == 0.0
    assert presence.picture(40.0)
    assert (_name(presence), presence.since_s) == ("live", 40.0)


def test_a_camera_that_never_answers_is_offline_after_eight_seconds() -> None:
    presence = Presence(100.0)
    assert not presence.look(107.5)
    assert presence.look(108.5)
    assert presence.state == "offline"


def test_presence_measures_the_rate_of_pictures() -> None:
    presence = Presence(0.0)
    presence.picture(0.0)
    for number in range(200):
        presence.packet(number / 8)
    assert presence.pictures_per_s == pytest.approx(8.0, abs=0.3)


def test_packets_alone_keep_a_camera_live_only_while_pictures_can_be_made_of_them() -> None:
    presence = Presence(0.0)
    assert not presence.packet(1.0)
    assert _name(presence) == "connecting"
    presence.picture(2.0)
    presence.packet(2.0 + BLIND_S)
    assert _name(presence) == "live"
    presence.packet(3.0 + BLIND_S)
    assert presence.look(2.1 + BLIND_S + OFFLINE_S)
    assert _name(presence) == "offline"


def test_after_a_break_only_a_picture_makes_it_live_again() -> None:
    presence = Presence(0.0)
    presence.picture(1.0)
    presence.broken()
    presence.look(20.0)
    presence.packet(21.0)
    assert _name(presence) == "offline"
    assert presence.last_s == 1.0
    presence.picture(21.5)
    assert _name(presence) == "live"


def test_an_outage_counts_from_the_last_arrival_while_old_packets_are_still_looked_at() -> None:
    presence = Presence(0.0)
    presence.picture(41.0)
    assert not presence.packet(1.2, 41.0)
    assert presence.look(41.1 + OFFLINE_S)
    assert not presence.packet(1.4, 41.0)
    assert not presence.picture(41.0)
    assert _name(presence) == "offline"
    assert presence.silent_since_s == 41.0

"""How clips reach the hub: after the alerts, oldest first, whole; and what gives way, never without a word."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from broker.contract import Identity
from broker.contract.camera import MotionEnded
from broker.contract.hub import Media
from broker.link.media import MediaError, MediaStore
from edge.camera.ledger import Ledger, Waiting, must_leave
from edge.camera.uploads import DAMAGED, ONE_GAVE_WAY, Uploads, sweep
from tests.camera.town import NOW, ClipHub
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession
from tests.until import until

DAY = timedelta(days=1)


class House:
    """The ledger and the store of a node, with clips that wait."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock(NOW)
        self.session = FakeSession(Identity("thon-01", "camera"), None, self.clock)
        self.ledger = Ledger(folder / "ledger.db")
        self.store = MediaStore(folder / "clips")
        self.news = threading.Event()

    def clip(self, number: int, size: int = 1000) -> Media:
        """One more clip that waits."""
        media = self.store.add(bytes([number]) * size, "video/mp4", 9000)
        self.ledger.began(f"e{number}", "07", NOW)
        self.ledger.ended(f"e{number}", NOW, media, "")
        self.ledger.told(f"e{number}")
        return media

    @contextmanager
    def at_work(
        self, hub: ClipHub, most_bytes: int = 10**9, most_age: timedelta = 30 * DAY
    ) -> Iterator[None]:
        hub.store = self.store
        uploads = Uploads(
            self.session, self.ledger, self.store, hub, self.news, most_bytes, most_age, first_wait_s=0.1
        )
        stop = threading.Event()
        worker = threading.Thread(target=uploads.run, args=(stop, lambda: None))
        worker.start()
        try:
            yield
        finally:
            stop.set()
            self.news.set()
            worker.join(10.0)
        assert not worker.is_alive()

    def waiting(self) -> list[Media]:
        return [each.media for each in self.ledger.waiting()]

    def said(self) -> dict[str, str]:
        """Episodes whose end is to be told, with the reason."""
        return {each.episode: each.reason for each in self.ledger.untold() if each.said}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = House(tmp_path)
    yield opened
    opened.ledger.close()


def test_clips_wait_for_the_hub_and_go_when_it_is_back(house: House) -> None:
    media, hub = house.clip(1), ClipHub()
    hub.away = True
    with house.at_work(hub):
        until(lambda: hub.tries >= 1 and "clips-waiting" in house.session.problems, 5.0)
        hub.away = False
        until(lambda: media.sha256 in hub.got, 10.0)
        until(lambda: house.waiting() == [] and house.store.path_of(media.sha256) is None, 5.0)
        until(lambda: "clips-waiting" not in house.session.problems, 5.0)
    assert house.said() == {}


def test_alerts_go_first(house: House) -> None:
    media, hub = house.clip(1), ClipHub()
    house.session.waiting = True
    with house.at_work(hub):
        until(lambda: house.ledger.waiting()[0].since is not None, 5.0)  # the worker has looked
        house.clip(2)
        house.news.set()
        until(lambda: all(each.since is not None for each in house.ledger.waiting()), 5.0)  # and once more
        assert hub.tries == 0
        house.session.waiting = False
        until(lambda: media.sha256 in hub.got, 5.0)


class Slow(ClipHub):
    """Moves bytes until it is told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.started, self.ended = threading.Event(), threading.Event()

    def push(self, media: Media, stop: threading.Event) -> None:
        self.started.set()
        if not self.ended.is_set():
            until(stop.is_set, 10.0)
            self.ended.set()
            raise MediaError("stopping")
        super().push(media, stop)


def test_an_alert_that_comes_meanwhile_interrupts_a_transfer_and_is_no_failure(house: House) -> None:
    media, hub = house.clip(1), Slow()
    with house.at_work(hub):
        assert hub.started.wait(5.0)
        house.session.waiting = True
        assert hub.ended.wait(5.0)
        house.session.waiting = False
        until(lambda: media.sha256 in hub.got, 5.0)
    assert "clips-waiting" not in house.session.problems


def test_the_oldest_give_way_to_the_bytes_and_the_hub_hears_of_each(house: House) -> None:
    clips = [house.clip(number) for number in range(4)]
    hub = ClipHub()
    hub.away = True
    with house.at_work(hub, most_bytes=2000):
        until(lambda: house.waiting() == clips[2:], 5.0)
        assert "clips-lost" in house.session.problems
        until(lambda: house.store.path_of(clips[1].sha256) is None, 5.0)
    assert house.said() == {"e0": ONE_GAVE_WAY, "e1": ONE_GAVE_WAY}


def test_a_clip_leaves_after_its_days_counted_from_when_the_time_was_known(house: House) -> None:
    media, hub = house.clip(1), ClipHub()
    hub.away = True
    house.clock.believe("unknown")
    with house.at_work(hub):
        until(lambda: hub.tries >= 1, 5.0)
        assert house.ledger.waiting()[0].since is None
        house.clock.believe("trusted")
        until(lambda: house.ledger.waiting()[0].since == NOW, 10.0)
    house.clock.believe("unknown")
    house.clock.step(31 * DAY.total_seconds())
    with house.at_work(hub):
        until(lambda: hub.tries >= 2, 5.0)
        assert house.waiting() == [media]  # a clock nobody believes deletes nothing
    house.clock.believe("trusted")
    with house.at_work(hub):
        until(lambda: house.waiting() == [], 5.0)
    assert house.said() == {"e1": ONE_GAVE_WAY}


def test_missing_empty_and_damaged_files_are_told_and_keep_nobody_waiting(house: House) -> None:
    gone, empty, damaged, good = (house.clip(number) for number in range(4))
    house.store.forget(gone.sha256)
    house.store.place_of(empty.sha256).write_bytes(b"")
    house.store.place_of(damaged.sha256).write_bytes(b"\xff" * damaged.size)
    hub = ClipHub()
    with house.at_work(hub):
        until(lambda: house.waiting() == [], 5.0)
    assert list(hub.got) == [good.sha256]
    assert house.said() == {"e0": DAMAGED, "e1": DAMAGED, "e2": DAMAGED}
    assert not any(path.is_file() for path in house.store.root.rglob("*"))


class Choosy(ClipHub):
    """Refuses one clip for ever."""

    def __init__(self, refused: Media) -> None:
        super().__init__()
        self.refused = refused

    def push(self, media: Media, stop: threading.Event) -> None:
        if media == self.refused:
            self.tries += 1
            raise MediaError("the hub answers 422")
        super().push(media, stop)


def test_one_clip_that_the_hub_refuses_keeps_back_no_other(house: House) -> None:
    refused, other = house.clip(1), house.clip(2)
    hub = Choosy(refused)
    with house.at_work(hub):
        until(lambda: other.sha256 in hub.got, 10.0)
        until(lambda: house.waiting() == [refused], 5.0)
    assert house.session.messages(MotionEnded) == []


def test_what_must_leave() -> None:
    def waiting(number: int, since: datetime | None) -> Waiting:
        return Waiting(Media(sha256=f"{number:064x}", size=10, type="video/mp4"), since)

    clips = [waiting(0, NOW), waiting(1, None), waiting(2, NOW + DAY), waiting(3, NOW + 5 * DAY)]
    media = [each.media for each in clips]
    assert must_leave(clips, 40, 9 * DAY, NOW) == []
    assert must_leave(clips, 25, 9 * DAY, NOW) == media[:2]
    assert must_leave(clips, 40, 2 * DAY, NOW + 4 * DAY) == [media[0], media[2]]
    assert must_leave(clips, 40, 2 * DAY, None) == []
    assert must_leave(clips, 40, 2 * DAY, NOW - 900 * DAY) == []
    assert must_leave([], 0, DAY, NOW) == []


def test_files_nobody_waits_for_are_swept(house: House) -> None:
    media = house.clip(1)
    house.store.add(b"left by a power cut", "video/mp4")
    assert sweep(house.ledger, house.store) == 1
    assert house.store.path_of(media.sha256) is not None

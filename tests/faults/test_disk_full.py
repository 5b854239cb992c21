"""A full disk, really full: a small file system of its own under a node's and under the hub's data folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from broker.contract.camera import MotionStarted
from broker.contract.message import Lane
from broker.contract.node import Lost
from broker.hub.ingest import Intake
from broker.hub.records import Alert
from broker.hub.records.database import open_url
from broker.hub.reserve import Reserve
from broker.link.outbox import Outbox, OutboxFull
from broker.trust.envelope import occurrence_id
from deploy.browser import words_of
from deploy.stage import Stage
from edge.speaker.firewall import NOTHING, Ask
from edge.speaker.journal import Journal
from edge.speaker.programme import Mark, Play
from tests.faults.commune import Commune
from tests.hub.house import BOARD, CAMERA, NOW, House, reading
from tests.speaker.signers import MORNING, make_envelope
from tests.until import until

pytestmark = [pytest.mark.xdist_group("disk-full"), pytest.mark.timeout(240)]

NODE = "thon-01"


@pytest.fixture
def mounts() -> Iterator[list[Path]]:
    """Mounted folders, taken away at the end."""
    mounted: list[Path] = []
    yield mounted
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def mount(mounts: list[Path], folder: Path, size: str) -> None:
    """Put a file system of this size over a folder, keeping what is in it. Skips where that is not permitted."""
    kept = folder.with_name(folder.name + "-before")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, kept)
    done = (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        )
        if os.geteuid() == 0
        else None
    )
    if done is None or done.returncode:
        pytest.skip("mounting a small file system needs root and the right to mount")
    mounts.append(folder)
    shutil.copytree(kept, folder, dirs_exist_ok=True)


def open_box(file: Path) -> Outbox:
    """An outbox that tells its losses as JSON under the topic "lost"."""
    return Outbox(file, lambda lost: ("lost", msgspec.json.encode(lost)))


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Every byte of a file system taken; given back at the end."""
    file = folder / "somebody-elses-file"
    with file.open("wb", buffering=0) as out:
        for size in (1 << 16, 1 << 12, 1):
            block = b"x" * size
            try:
                while True:
                    out.write(block)
            except OSError:
                continue
    try:
        yield
    finally:
        file.unlink()


def fill_up(outbox: Outbox, size: int) -> tuple[int, str]:
    """Put events until one is refused. Returns how many were kept, and the sentence."""
    kept = 0
    try:
        while True:
            outbox.put(Lane.EVENT, "t", b"e" * size, datetime.now(UTC), "trusted")
            kept += 1
    except OutboxFull as why:
        return kept, str(why)


def test_on_a_full_disk_events_are_refused_with_a_sentence_and_alarms_have_their_reserve(
    mounts: list[Path], tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    mount(mounts, folder, "4m")
    outbox = open_box(folder / "kiosk.db")
    now = datetime.now(UTC)
    with full(folder):
        kept, sentence = fill_up(outbox, 4000)
        assert sentence == "Máy hết chỗ, chưa cất được. Xin báo cán bộ xã."
        for _ in range(3):
            outbox.put(Lane.ALARM, "t", b"a" * 90_000, now, "trusted")
        kept += fill_up(outbox, 90_000)[0]
        outbox.close()
        again = open_box(folder / "kiosk.db")
        assert again.held()[Lane.ALARM] == 3
        assert [row.seq for row in again.after(Lane.EVENT, 0, 10_000)][:kept] == list(range(1, kept + 1))
        again.release(Lane.ALARM, again.epoch, 3)
    again.put(Lane.EVENT, "t", b"e" * 4000, now, "trusted")
    again.release(Lane.EVENT, again.epoch, 1)
    again.tidy()
    assert (folder / "kiosk.db.reserve").stat().st_size == 1 << 20
    again.close()


def test_an_alarm_that_even_the_reserve_cannot_hold_is_refused_and_not_called_kept(
    mounts: list[Path], tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    mount(mounts, folder, "4m")
    outbox = open_box(folder / "camera.db")
    with full(folder):
        told = refused = 0
        for _ in range(60):
            try:
                outbox.put(Lane.ALARM, "t", b"a" * 90_000, datetime.now(UTC), "trusted")
                told += 1
            except OutboxFull:
                refused += 1
        assert outbox.held()[Lane.ALARM] == told > 0
        assert refused > 0
    outbox.close()


def test_readings_give_way_on_a_full_disk_and_the_gap_is_told(mounts: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "data"
    mount(mounts, folder, "16m")
    outbox = open_box(folder / "board.db")
    now = datetime.now(UTC)
    for _ in range(400):
        outbox.put(Lane.TELE, "t", b"r" * 1000, now, "trusted")
    with full(folder):
        refused = 0
        for _ in range(400):
            try:
                outbox.put(Lane.TELE, "t", b"r" * 1000, now, "trusted")
            except OutboxFull:
                refused += 1
        rows = outbox.after(Lane.TELE, 0, 10_000)
        assert [row.seq for row in rows] == list(range(rows[0].seq, rows[-1].seq + 1)), "a hole inside"
    outbox.put(Lane.TELE, "t", b"r", now, "trusted")
    told = [row for row in outbox.after(Lane.EVENT, 0, 10_000) if row.topic == "lost"]
    lost = sum(msgspec.json.decode(row.body, type=Lost).count for row in told)
    assert lost == 401 + 400 - refused - len(outbox.after(Lane.TELE, 0, 10_000))
    outbox.close()


def test_on_a_full_disk_the_hub_stores_alarms_answers_and_leaves_the_rest_at_its_sources(
    mounts: list[Path], tmp_path: Path
) -> None:
    folder = tmp_path / "hub"
    mount(mounts, folder, "24m")
    house = House(open_url(f"sqlite:///{folder / 'hub.db'}"), folder / "media")
    house.intake = Intake(house.database, house.media, house.session, Reserve(folder / "reserve", 4 << 20))
    assert house.take(house.entry(BOARD, reading(1), 1))
    house.acks()
    picture = b"\xff\xd8" + b"p" * 60_000
    with full(folder):
        alarms = [
            house.entry(
                CAMERA, MotionStarted(episode=f"e{n}", camera="cong", started_at=NOW, snapshot=picture), n
            )
            for n in range(1, 11)
        ]
        many = [reading(1000 * n) for n in range(1, 400)]
        readings = [house.entry(BOARD, each, n) for n, each in enumerate(many, 2)]
        until(lambda: not house.take(*readings), 10)
        assert not house.take(*alarms, *readings)
        assert house.acks()[-1] == ("thon-01.camera", "e1", 10)
        assert "database" in house.session.problems
        assert len(house.all(Alert)) == 10
        assert house.values()[0] == 1
    assert house.take(*readings)
    assert house.acks()[-1] == ("thon-01.board", "e1", 400)
    assert house.session.problems == {}
    assert (folder / "reserve").stat().st_size == 4 << 20
    house.database.close()


@pytest.fixture
def commune(tmp_path: Path, mounts: list[Path]) -> Iterator[Commune]:
    """A commune whose node and hub each stand on a file system of 48 MiB."""

    def put_on_small_disks(stage: Stage) -> None:
        mount(mounts, stage.data_of(NODE), "48m")
        mount(mounts, stage.data_of("hub"), "48m")

    found = Commune(tmp_path / "commune", before=put_on_small_disks)
    try:
        found.start()
        yield found
    finally:
        found.close()


def test_full_disks_of_node_and_hub_are_said_and_nothing_acknowledged_is_lost(commune: Commune) -> None:
    codes = [commune.say("Trước khi đầy.")]
    until(lambda: set(codes) <= set(commune.feedback_codes()), 30)

    with full(commune.stage.data_of("hub")):
        codes += [commune.say(f"Lúc xã đầy đĩa {n}.") for n in range(3)]
        until(
            lambda: "store-failed" in commune.log("hub.ingest"), 40, lambda: commune.log("hub.ingest")[-1500:]
        )
        assert commune.world.kiosk().get("/nha").ok
    until(lambda: set(codes) <= set(commune.feedback_codes()), 60, lambda: commune.log("hub.ingest")[-1500:])

    with full(commune.stage.data_of(NODE)):
        refused = ""
        for _ in range(400):
            page = commune.try_to_say("Lúc thôn đầy đĩa. " + "x" * 900, may_be_refused=True)
            if "Máy hết chỗ" in words_of(page):
                refused = words_of(page)
                break
        assert "Máy hết chỗ, chưa cất được. Xin báo cán bộ xã." in refused
        assert "disk is full" not in refused
        assert commune.world.kiosk().get("/nha").ok
        starts = commune.kill(f"{NODE}.kiosk")
        commune.back(f"{NODE}.kiosk", starts, 40)
        assert commune.world.kiosk().get("/nha").ok
    codes.append(commune.say("Sau khi hết đầy."))
    until(
        lambda: set(codes) <= set(commune.feedback_codes()), 60, lambda: commune.log(f"{NODE}.kiosk")[-1500:]
    )
    found = commune.feedback_codes()
    assert len(found) == len(set(found))
    assert [gap for gap in commune.gaps() if gap[1] != "tele"] == []
    assert [
        line for line in commune.events if not line.startswith(f"{NODE}.kiosk was ended by SIGKILL")
    ] == []


def test_a_loudspeaker_s_journal_opens_on_a_full_disk_and_knows_what_was_cut_off(
    mounts: list[Path], tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    mount(mounts, folder, "2m")
    journal = Journal(folder / "journal.db")
    envelope = make_envelope(kind="emergency")
    name = occurrence_id("A1", 1, MORNING)
    journal.begin(Play(Ask(name, "A1", 1, MORNING, NOTHING), envelope), MORNING)
    journal.close()
    with full(folder):
        again = Journal(folder / "journal.db")
        (cut,) = again.cut()
        again.end(cut.ask.occurrence, "interrupted", "power", MORNING)
        again.close()
        assert not (folder / "journal.db.reserve").stat().st_size
    last = Journal(folder / "journal.db")
    assert last.marks() == {name: Mark("interrupted", 1, "power")}
    assert (folder / "journal.db.reserve").stat().st_size
    last.close()

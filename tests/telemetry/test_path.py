"""The whole path of a reading, every part real: board on a pty, bridge, Mosquitto, ingest, database, API."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from flask import Flask

from broker.contract import Identity
from broker.hub import api
from broker.hub.records import open_database
from broker.hub.telemetry import series
from broker.link.config import Settings
from firmware_bridge.simulator import SimulatedBoard, village_board
from tests.brokers import RunningBroker
from tests.settings import give_passwords, hub_settings, node_settings
from tests.until import until

STILL = {"air_celsius": 27.4, "humidity_percent": 81.0, "water_level_m": 2.1}
BOARDS = """
[[board.ports]]
port = "{port}"
[[board.ports.devices]]
address = 1
profile = "xy-md02"
name = "nha-van-hoa"
[[board.ports.devices]]
address = 15
profile = "urm15"
name = "song-van"
datum_m = 4.5
"""


@contextmanager
def service(name: str, settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A service as its supervisor starts it."""
    file = settings.data_dir.parent / "langso.toml"
    run = "import sys; from pathlib import Path; from deploy.run import run_service; "
    run += "sys.exit(run_service(sys.argv[1], Path(sys.argv[2])))"
    with (settings.data_dir / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", run, name, str(file)], stderr=log, cwd=Path(__file__).parents[2]
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_reading_travels_from_the_board_to_the_api_and_survives_kills(tmp_path: Path) -> None:
    who = [Identity("thon-01", "board"), Identity("hub", "ingest")]
    broker = RunningBroker("mosquitto", tmp_path / "broker", who)
    broker.start()
    link = tmp_path / "board"
    hub = hub_settings(tmp_path, broker.port)
    node = node_settings(tmp_path, port=broker.port, extra=BOARDS.format(port=link))
    for settings in (hub, node):
        give_passwords(settings, broker.passwords)
    database = open_database(hub)

    def stored() -> dict[str, int]:
        """How many readings of each series; fails on any that is not what the board said."""
        with database.reading() as db:
            found = {each.series: each for each in series.latest(db)}
            assert all(each.value in STILL.values() and each.quality == "good" for each in found.values())
            day = timedelta(days=1)
            return {
                name: len(series.raw(db, "thon-01", name, each.at - day, each.at + day))
                for name, each in found.items()
            }

    def more_than(count: int) -> bool:
        counts = stored()
        return len(counts) == 3 and min(counts.values()) > count

    try:
        with SimulatedBoard(village_board(), link=link, values=lambda: STILL):
            with service("board", node), service("ingest", hub):
                until(lambda: more_than(0), 30)
            with service("board", node):
                until(lambda: (node.data_dir / "outbox" / "board.db").exists(), 10)
                with service("ingest", hub) as ingest:
                    before = max(stored().values())
                    until(lambda: more_than(before), 30)
                    ingest.send_signal(signal.SIGTERM)
                    assert ingest.wait(5) == 0
        app = Flask(__name__)
        app.register_blueprint(api.blueprint(database.reading))
        answer = app.test_client().get("/api/v1/series").get_json()
        assert {each["series"]: each["value"] for each in answer["series"]} == {
            "air_celsius.nha-van-hoa": 27.4,
            "humidity_percent.nha-van-hoa": 81.0,
            "water_level_m.song-van": 2.1,
        }
    finally:
        broker.stop()
        database.close()

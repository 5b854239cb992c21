"""Whether a point works by what people set: said only when the point has said so itself."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from broker.contract import Identity
from broker.contract.camera import CameraState, CameraStatus
from broker.contract.hub import CameraPlan
from broker.hub import camera_setup
from broker.hub.camera_heed import Heed, heed_of
from broker.hub.records import Account, Camera, CameraQuiet, CamerasHeld, Change, note_change
from broker.hub.row_numbers import LARGEST
from broker.trust.seal import make_seal_key
from tests.hub.house import CAMERA, House
from tests.hub.studio import Studio
from tests.hub.town import NOW

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def house(studio: Studio, tmp_path: Path) -> House:
    """The hub's intake beside its sender, on the same records."""
    made = House(studio.town.database, tmp_path / "said")
    made.clock.step((LATER - made.clock.now()).total_seconds())
    with studio.town.database.session() as db:
        camera_setup.note_seal(db, "thon-01", make_seal_key()[1].decode(), NOW)
    return made


def planned(studio: Studio) -> int:
    """The generation of the plan that thon-01 is sent now."""
    made = [m for to, m in studio.step() if isinstance(m, CameraPlan) and to == "thon-01.camera"]
    return int(made[-1].generation)


def say(house: House, generation: int, who: Identity = CAMERA) -> None:
    states = [CameraState(camera="cong", state="live", since=NOW)]
    house.take(house.entry(who, CameraStatus(cameras=states, generation=generation)))


def heed(studio: Studio) -> Heed:
    with studio.town.database.reading() as db:
        return heed_of(db, db.get_one(Camera, ("thon-01", "cong")))


def leave_out(studio: Studio) -> None:
    with studio.town.database.session() as db:
        corners = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]
        made: dict[str, Any] = {"applied_by": db.scalars(select(Account.id)).first(), "ask_again_at": LATER}
        area = {"corners": corners}
        row = CameraQuiet(node="thon-01", camera="cong", name="cây", area=area, applied_at=NOW, **made)
        db.add(row)
        note_change(db, "plan", "thon-01", NOW)


def test_a_point_that_never_said_which_plan_it_follows_is_not_known_to_heed_it(
    studio: Studio, house: House
) -> None:
    assert heed(studio) == Heed("unknown")
    planned(studio)
    say(house, 0)
    assert heed(studio) == Heed("unknown"), "as releases before this one"


def test_a_change_waits_until_the_point_says_that_it_follows_the_newest_plan(
    studio: Studio, house: House
) -> None:
    first = planned(studio)
    say(house, first)
    assert heed(studio) == Heed("heeded", LATER)
    leave_out(studio)
    assert heed(studio) == Heed("waiting"), "no plan says it yet"
    second = planned(studio)
    assert heed(studio) == Heed("waiting"), "the plan is on its way"
    say(house, first)
    assert heed(studio) == Heed("waiting"), "told late, of before"
    say(house, second)
    assert heed(studio) == Heed("heeded", LATER)


def test_what_the_point_says_again_moves_no_hour_and_wakes_no_page(studio: Studio, house: House) -> None:
    generation = planned(studio)
    say(house, generation)
    changes = len(house.all(Change))
    house.clock.advance(3600)
    say(house, generation)
    assert heed(studio) == Heed("heeded", LATER)
    assert len(house.all(Change)) == changes


def test_a_point_that_was_set_up_anew_is_waited_for_again(studio: Studio, house: House) -> None:
    say(house, planned(studio))
    say(house, 0)
    assert heed(studio).state == "unknown"


@pytest.mark.parametrize("generation", [-1, 2**31, 2**62, LARGEST])
def test_a_generation_that_no_plan_has_is_no_heed_and_stops_nothing(
    studio: Studio, house: House, generation: int
) -> None:
    planned(studio)
    say(house, generation)
    assert heed(studio).state in ("waiting", "unknown")
    assert all(0 <= row.generation <= LARGEST for row in house.all(CamerasHeld))


def test_another_point_speaks_for_itself_alone(studio: Studio, house: House) -> None:
    say(house, planned(studio), Identity("thon-02", "camera"))
    assert heed(studio) == Heed("unknown")

"""The announce service: what nodes are told is signed, new only when it changes, and said again when needed."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from broker.contract import Identity
from broker.contract.content import Bundle
from broker.contract.hub import CameraPlan, ContentPlan, PlayNow, PlayPlan, Signed, StopPlay, TrustPlan
from broker.hub import camera_setup, content, next_list, trusted
from broker.hub.announcing import plans, service, workflow
from broker.hub.announcing.render import media_store
from broker.hub.announcing.send import AGAIN_S
from broker.hub.records import Camera, Change, NodeRecord, Occurrence, Play, note_change
from broker.link.config import SettingsError
from broker.link.session import NotConnected
from broker.trust.approvers import sign_list
from broker.trust.envelope import (
    CamerasBody,
    ContentBody,
    open_announcement,
    open_signed,
    open_trust,
)
from broker.trust.identity import load_root
from broker.trust.seal import make_seal_key
from tests.fakes.clock import FakeClock
from tests.hub.studio import Studio, later
from tests.hub.town import NOW

SPEAKER = Identity("thon-01", "speaker")


def kinds(sent: list[Any], *types: type) -> list[str]:
    return [to for to, message in sent if isinstance(message, types)]


def test_at_start_every_node_is_told_everything(studio: Studio) -> None:
    sent = studio.step()
    assert kinds(sent, PlayPlan) == ["thon-01.speaker", "thon-02.speaker", "thon-03.speaker"]
    assert kinds(sent, CameraPlan) == ["thon-01.camera", "thon-02.camera", "thon-03.camera"]
    assert len(kinds(sent, TrustPlan)) == 9
    trust = next(message for _, message in sent if isinstance(message, TrustPlan))
    assert open_trust(trust.signed, load_root(studio.town.keys.hub)).generation == trust.generation


def test_nothing_is_said_twice_without_a_change(studio: Studio) -> None:
    studio.step()
    assert studio.step() == []
    studio.clock.advance(30)
    assert studio.step() == []
    with studio.town.database.session() as db:
        note_change(db, "plan", "*", NOW)
    assert studio.step() == []


def test_an_approved_announcement_reaches_the_plan_of_its_villages_only(studio: Studio) -> None:
    studio.step()
    revision = studio.town.revision(studio.town.approved())
    sent = studio.step()
    assert kinds(sent, PlayPlan) == ["thon-01.speaker"]
    body = studio.plays()
    assert [(e.announcement, e.revision, e.start) for e in body.plays] == [
        (revision.announcement_id, 1, NOW.replace(hour=17, minute=30))
    ]
    assert body.until > NOW + timedelta(days=6)
    envelope = open_announcement(body.announcements[0], studio.town.keys.trust, NOW)
    assert envelope.spoken == revision.spoken
    assert studio.plays("thon-02").plays == []


def test_generations_rise_and_survive_a_restart(studio: Studio) -> None:
    first = studio.plays().generation
    assert studio.plays().generation == first
    studio.town.approved()
    second = studio.plays().generation
    assert second > first
    studio.sender = studio.started()
    assert studio.plays().generation == second


def test_a_plan_near_its_end_is_made_again(studio: Studio) -> None:
    first = studio.plays()
    studio.clock.advance(4.5 * 86_400)
    again = studio.plays()
    assert again.generation > first.generation
    assert again.until > first.until


def test_all_is_said_again_after_a_reconnect_and_from_time_to_time(studio: Studio) -> None:
    everything = len(studio.step())
    studio.session.connected = False
    assert studio.step() == []
    studio.session.connected = True
    assert len(studio.step()) == everything
    studio.clock.advance(AGAIN_S + 1)
    assert len(studio.step()) == everything


def test_a_cut_while_sending_is_made_good(studio: Studio) -> None:
    studio.session.refuse = NotConnected("away")
    with pytest.raises(NotConnected):
        studio.step()
    studio.session.refuse = None
    assert kinds(studio.step(), PlayPlan) == []
    studio.session.connected = False
    studio.step()
    studio.session.connected = True
    assert len(kinds(studio.step(), PlayPlan)) == 3


def test_speaking_now_sends_one_command_per_node_and_stands_in_the_plan(studio: Studio) -> None:
    studio.step()
    studio.town.approved(play_now=True, starts=[], villages=["dong", "ben"])
    sent = studio.step()
    assert kinds(sent, PlayNow) == ["thon-01.speaker", "thon-02.speaker"]
    assert kinds(sent, PlayPlan) == ["thon-01.speaker", "thon-02.speaker"]
    command = next(message for _, message in sent if isinstance(message, PlayNow))
    assert command.start == NOW
    assert studio.plays().plays[0].occurrence == command.occurrence
    with studio.town.database.reading() as db:
        play = db.get_one(Play, (command.occurrence, "thon-01"))
    assert play.state == "sent"
    assert kinds(studio.step(), PlayNow) == []


def test_a_command_that_could_not_leave_leaves_later(studio: Studio) -> None:
    studio.step()
    studio.session.connected = False
    studio.town.approved(play_now=True, starts=[])
    assert studio.step() == []
    studio.session.connected = True
    assert kinds(studio.step(), PlayNow) == ["thon-01.speaker"]
    studio.clock.advance(3600)
    studio.town.approved(
        now=studio.clock.now() - timedelta(minutes=30), play_now=True, starts=[], villages=["ha"]
    )
    assert kinds(studio.step(), PlayNow) == [], "too late to begin"


def test_silence_is_sent_to_every_node_and_kept_in_the_plan(studio: Studio) -> None:
    studio.town.approved()
    studio.step()
    with studio.town.database.session() as db:
        occurrence = db.query(Occurrence).one().id
        workflow.stop(db, studio.town.binh, occurrence, NOW)
    sent = studio.step()
    assert kinds(sent, StopPlay) == ["thon-01.speaker"]
    assert isinstance(sent[0][1], StopPlay), "silence goes first"
    assert studio.plays().cancelled == [occurrence]
    assert studio.plays().plays == []
    with studio.town.database.session() as db:
        workflow.stop(db, studio.town.binh, "", NOW)
    assert len(kinds(studio.step(), StopPlay)) == 3


def test_a_withdrawn_announcement_leaves_the_plan(studio: Studio) -> None:
    revision = studio.town.approved()
    studio.step()
    with studio.town.database.session() as db:
        workflow.withdraw(db, studio.town.binh, revision, NOW)
    assert kinds(studio.step(), PlayPlan) == ["thon-01.speaker"]
    assert (studio.plays().plays, len(studio.plays().cancelled)) == ([], 1)


def test_what_is_over_leaves_the_plan_with_time(studio: Studio) -> None:
    studio.town.approved()
    studio.step()
    before = studio.plays().generation
    studio.clock.advance(10 * 3600)
    assert "thon-01.speaker" in kinds(studio.step(), PlayPlan)
    assert studio.plays().announcements == []
    assert studio.plays().generation > before


def test_a_full_week_that_does_not_fit_is_cut_to_fewer_days(studio: Studio) -> None:
    for n in range(30):
        starts = [NOW + timedelta(days=d, hours=1, minutes=7 * n) for d in range(12) if n < 25 or d > 4]
        studio.town.approved(
            text=f"Tin số {n}. " + "Mời bà con đi họp đúng giờ. " * 60, starts=starts, title=f"T{n}"
        )
        with studio.town.database.session() as db:
            db.query(Occurrence).update({"duration_s": 60.0})
    body = studio.plays()
    assert 0 < len(body.plays) < 30 * 7
    assert body.until < NOW + timedelta(days=7)
    assert min(e.start for e in body.plays) < NOW + timedelta(hours=2)


def test_cameras_are_told_as_the_commune_set_them_up(studio: Studio) -> None:
    with studio.town.database.session() as db:
        camera_setup.note_seal(db, "thon-01", make_seal_key()[1].decode(), NOW)
    studio.step()
    with studio.town.database.session() as db:
        db.get_one(Camera, ("thon-01", "cong")).sensitivity = 0.9
        note_change(db, "camera", "thon-01.cong", NOW)
    sent = studio.step()
    assert kinds(sent, CameraPlan) == ["thon-01.camera"]
    trust = studio.town.keys.trust
    body = open_signed(sent[0][1].signed, "cameras", trust, "hub", NOW, CamerasBody)
    assert [(c.camera, c.sensitivity) for c in body.cameras] == [("cong", 0.9)]


def test_content_is_told_to_every_node_once_there_is_some(studio: Studio) -> None:
    studio.step()
    assert "no-content" in studio.session.problems
    bundle = Bundle(commune_name="", made_at=NOW, procedures=[], life_events=[], warnings=[])
    content.set_base(studio.settings.data_dir, msgspec.json.encode(bundle))
    studio.clock.advance(30)
    sent = studio.step()
    assert kinds(sent, ContentPlan) == ["thon-01.node", "thon-02.node", "thon-03.node"]
    trust = studio.town.keys.trust
    body = open_signed(sent[0][1].signed, "content", trust, "hub", NOW, ContentBody)
    assert media_store(studio.settings).path_of(body.bundle.sha256)
    assert "no-content" not in studio.session.problems


def test_a_new_trust_list_is_told_at_once_and_to_all(studio: Studio) -> None:
    studio.step()
    with studio.town.database.session() as db:
        body = next_list.proposal(db, studio.settings, NOW)
        trusted.take(db, studio.settings, sign_list(body, studio.town.keys.root), "quan", NOW)
    sent = studio.step()
    assert len(kinds(sent, TrustPlan)) == 9
    plan = next(message for _, message in sent if isinstance(message, TrustPlan))
    assert plan.generation == studio.town.keys.trust.generation + 1
    assert kinds(studio.step(), TrustPlan) == []


def test_a_missing_trust_list_is_a_problem(studio: Studio, tmp_path: Path) -> None:
    studio.settings.keys.dir = str(tmp_path / "nothing")
    studio.sender = studio.started()
    assert kinds(studio.step(), TrustPlan) == []
    assert "no-trust" in studio.session.problems


def test_the_service_does_not_start_without_the_hub_s_signing_key(studio: Studio, tmp_path: Path) -> None:
    studio.settings.keys.dir = str(tmp_path / "nothing")
    with pytest.raises(SettingsError, match="hub-sign"):
        service.build(studio.settings, studio.session)


def test_the_worker_sends_within_a_second_and_stops_at_once(studio: Studio) -> None:
    studio.session.clock = FakeClock(NOW, running=True)
    sender = studio.started()
    stop = threading.Event()
    worker = threading.Thread(target=sender.run, args=(stop, lambda: None))
    worker.start()
    try:
        studio.session.wait_for(PlayPlan)
        studio.town.approved(play_now=True, starts=[])
        studio.session.wait_for(PlayNow, timeout_s=5)
    finally:
        stop.set()
        worker.join(2)
    assert not worker.is_alive()


def test_signed_texts_are_kept_exactly(studio: Studio) -> None:
    revision = studio.town.revision(studio.town.approved(text="Kính mời bà con “đúng giờ” – 100 %."))
    kept = plans.signed_of(revision)
    assert isinstance(kept, Signed)
    assert kept.body == revision.envelope
    assert open_announcement(kept, studio.town.keys.trust, NOW).announcement == revision.announcement_id


def test_changes_wake_the_sender_by_topic(studio: Studio) -> None:
    studio.step()
    with studio.town.database.session() as db:
        db.add(NodeRecord(name="thon-04", village="dong", label="Đông 2", registered_at=NOW))
        note_change(db, "node", "thon-04", NOW)
        db.add(Change(topic="reading", key="x", at=later(1)))
    assert "thon-04.speaker" in kinds(studio.step(), PlayPlan)

"""The bench of the camera by itself: it counts as the scorer of the tuning set does, and its parts do what they say."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import pytest

from tests.bench import camera
from tests.bench.cameras import accuracy, children, films, many, motion, plain, scoring
from tests.bench.cameras.scoring import Truth

SCORER = Path(__file__).resolve().parents[4] / "shared" / "bench" / "camera_score.py"


def _some_clips(dice: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """Made-up clips and what a made-up detector says of them, close to the truth and far from it."""
    clips: dict[str, Any] = {}
    said: dict[str, Any] = {}
    for number in range(300):
        starts = sorted(round(dice.uniform(0, 34), 2) for _ in range(dice.randrange(4)))
        spans = [[start, round(min(36.0, start + dice.uniform(0.5, 8)), 2)] for start in starts]
        tampering = [{"type": "moved", "start": 15.0}] * dice.randrange(2)
        clips[f"dev_neg_rain_{number}.mp4"] = {
            "split": "dev",
            "class": dice.choice(["pos", "neg", "tam"]),
            "dur": 36.0,
            "motion": spans,
            "tamper": tampering,
            "ignore": [[0.0, round(dice.uniform(1, 6), 2)]] if dice.random() < 0.2 else [],
        }
        events: list[dict[str, Any]] = []
        for start, end in spans + [[dice.uniform(0, 36), 36.0]] * dice.randrange(3):
            begins = max(0.0, start + dice.gauss(0, 2))
            events.append({"start": begins, "end": begins + abs(end - start) * dice.uniform(0.2, 1.5)})
        events += [{"kind": "tamper", "start": dice.uniform(8, 36)} for _ in range(dice.randrange(3))]
        said[f"dev_neg_rain_{number}.mp4"] = {"events": events}
    return clips, said


@pytest.mark.skipif(not SCORER.is_file(), reason="the scorer of the tuning set is not beside this checkout")
def test_it_counts_what_the_scorer_of_the_tuning_set_counts(tmp_path: Path) -> None:
    clips, said = _some_clips(random.Random(8))
    (tmp_path / "truth.json").write_text(json.dumps({"clips": clips}))
    (tmp_path / "said.json").write_text(json.dumps(said))
    order = [sys.executable, str(SCORER), "--name", "x", "--videos", ".", "--truth", "truth.json"]
    order += ["--events", "said.json", "--out", "out.json"]
    subprocess.run(order, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL, timeout=60)
    theirs = json.loads((tmp_path / "out.json").read_text())
    truths = scoring.truths_of({"clips": clips})
    ours = {each.name: scoring.score(said[each.name]["events"], each) for each in truths}
    for name, row in theirs["rows"].items():
        mine = ours[name]
        assert (mine.spans, mine.found, mine.strict, mine.false) == (
            row["n_truth"],
            row["hit"],
            row["strict"],
            row["fp"],
        ), name
        assert (mine.tampered, mine.tampered_found, mine.tampered_false) == (
            row["n_tam"],
            row["tam_hit"],
            row["tam_fp"],
        ), name
        assert list(mine.late_s) == row["lat"]
        assert list(mine.tampered_late_s) == row["tam_lat"]
    whole = accuracy.counted(ours, truths)
    head = theirs["headline"]
    assert whole.false == head["fp"]
    assert whole.f1 == pytest.approx(head["f1"], abs=1e-3)
    assert whole.strict_f1 == pytest.approx(head["strict_f1"], abs=1e-3)
    assert whole.recall == pytest.approx(head["recall"], abs=1e-3)


def test_a_late_loose_and_a_false_event_are_told_apart() -> None:
    truth = Truth("x", 60.0, [(10.0, 12.0), (30.0, 40.0)], tampering=[50.0])
    said = scoring.score(
        [
            {"start": 13.2, "end": 14.0},
            {"start": 31.5, "end": 39.0},
            {"start": 20.0, "end": 20.5},
            {"start": 53.0, "kind": "tamper"},
            {"start": 5.0, "kind": "tamper"},
        ],
        truth,
    )
    assert (said.spans, said.found, said.strict, said.false) == (2, 2, 1, 1)
    assert said.late_s == pytest.approx([3.2, 1.5])
    assert (said.tampered_found, said.tampered_false) == (1, 1)
    assert said.tampered_late_s == [3.0]
    assert said.f1 == pytest.approx(0.8)
    assert said.strict_f1 == pytest.approx(0.4)


def test_a_detector_that_says_nothing_has_no_score_where_nothing_is_to_be_found() -> None:
    nothing = scoring.score([], Truth("x", 30.0))
    assert (nothing.spans, nothing.found, nothing.false, list(nothing.late_s)) == (0, 0, 0, [])
    assert nothing.f1 is None
    assert scoring.score([], Truth("x", 30.0, [(5.0, 8.0)])).f1 == 0.0


def test_groups_are_the_scene_and_kind_of_a_clip_and_never_all_clips() -> None:
    found = scoring.truths_of(
        {
            "clips": {
                "dev_neg_rain_car.mp4": {"dur": 30, "class": "neg"},
                "dev_pos_plain_car.mp4": {"dur": 30, "class": "pos", "motion": [[5, 9]]},
                "a.mp4": {"dur": 30, "class": "pos", "scene": "market", "tags": ["night", "rain"]},
            }
        }
    )
    assert accuracy.groups_of(found) == ["scene car", "scene market", "kind night", "kind plain", "kind rain"]
    assert accuracy.groups_of(found[1:2]) == []


def test_two_pictures_within_a_second_begin_an_event_and_three_still_seconds_end_it() -> None:
    moves = {1.0, 5.0, 5.2, 8.0, 12.0, 12.2}
    seen = [(number / 5, number / 5 in moves) for number in range(100)]
    assert list(plain.events(iter(seen))) == [(5.0, 8.0), (12.0, 12.2)]


def test_what_motion_writes_at_events_becomes_seconds_of_the_clip() -> None:
    lines = ["start 1005 3", "end 1012 0", "start 1020 0", "end 1031 2", "start 1032 0", "end 1036 0"]
    assert motion.events_of(lines, 1000.0, 30.0, 12) == [
        {"start": 5.25, "end": 9.0},
        {"start": 20.0, "end": 30.0},
    ]


def test_a_child_answers_with_its_events_its_cpu_and_its_memory() -> None:
    talk = "print('x'); print('[1]'); print('{\"start\": 1}'); sum(range(3_000_000)); raise SystemExit(3)"
    ran = children.run([sys.executable, "-c", talk])
    assert ran.events == [{"start": 1}]
    assert ran.status == 3
    assert ran.cpu_s > 0.02
    assert ran.peak_mib > 5
    assert children.run([sys.executable, "-c", "import signal; signal.pause()"], longest_s=0.2).status == -9


@pytest.mark.parametrize("busy", [True, False])
def test_a_drawn_film_is_h264_main_without_b_pictures_and_with_a_key_picture_every_two_seconds(
    tmp_path: Path, busy: bool
) -> None:
    film = films.drawn(films.SUB, busy=busy, lasts_s=4.5, into=tmp_path)
    with av.open(str(film.path)) as found:
        video = found.streams.video[0]
        assert (video.width, video.height, video.average_rate) == (640, 360, 8)
        assert video.codec_context.profile == "Main"
        packets = [each for each in found.demux(video) if each.size]
    assert len(packets) == 36
    assert [number for number, each in enumerate(packets) if each.is_keyframe] == [0, 16, 32]
    assert all(each.pts == each.dts for each in packets)


def test_the_busiest_and_the_emptiest_clip_are_chosen() -> None:
    clips = [
        Truth("rain", 30.0, purpose="neg"),
        Truth("empty", 30.0, purpose="neg", groups=("kind empty",)),
        Truth("some", 30.0, [(1.0, 5.0)], purpose="pos"),
        Truth("much", 30.0, [(1.0, 25.0)], purpose="pos"),
        Truth("moved", 30.0, [(0.0, 30.0)], purpose="tam"),
    ]
    pair = films.chosen(clips)
    assert pair is not None
    assert [each.name for each in pair] == ["much", "empty"]
    assert films.chosen(clips[-1:]) is None


def test_memory_of_a_further_camera_is_the_slope() -> None:
    assert many.more_mib([(1, 70.0), (2, 85.0), (4, 115.0), (8, 175.0)]) == pytest.approx(15.0)


def test_without_clips_the_bench_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGSO_BENCH_PARTS", "clips")
    (tmp_path / "truth.json").write_text('{"clips": {"gone.mp4": {"dur": 30, "class": "pos"}}}')
    (row,) = camera.figures(tmp_path)
    assert row["value"] is None
    assert "--videos" in row["name"]

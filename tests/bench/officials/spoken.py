"""From an official's words or click to forty loudspeakers: every step of the hub, the way, and what one node takes.

Forty services on one computer would measure that computer. So the way is measured to forty connections over a real
broker, and what a node then takes in one whole service; every way is added to every such rest. What a person takes to
read and sign is not in here; how long announce may sleep before it looks is added in full.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import msgspec

from broker.contract import Identity
from broker.contract.hub import PlayNow, StopPlay
from broker.hub.announcing import emergency, emergency_templates
from broker.hub.announcing.render import Renderer, media_store, render_next
from broker.hub.announcing.send import POLL_S
from broker.hub.announcing.service import RENDER_POLL_S
from broker.hub.records import Revision
from tests.bench.link.processes import figure, median, percentile
from tests.bench.officials.commune import NODES, NOW, Studio, commands, commune
from tests.bench.officials.wires import Wires, house, wires
from tests.hub.alarms import FLOOD, LEXICON, by_key, sign_words, signed_by
from tests.speaker.house import House

SHOTS: Final = 6
TEXT: Final = (
    "Chợ xã đang cháy lớn, lửa lan về phía thôn Đông. Bà con ở gần chợ ra khỏi nhà ngay, đi về phía sân vận động. "
    "Không quay lại lấy đồ. Lần báo thứ {0}."
)
EVERYWHERE: Final = ("ben", "dong", "ha")
FREE_S: Final = 10.0
SIREN_MS: Final = 1000.0
SPEAKER: Final = Identity("thon-01", "speaker")


@dataclass
class Steps:
    """Seconds of each step, one value for each shot (ways and rests: one for each node and call)."""

    written: list[float]
    rendered: list[float]
    signed: list[float]
    told: list[float]
    planned: list[float]
    ways: list[float]
    rests: list[float]
    bare: list[float]


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Free words first, then templates."""
    with (
        commune(folder / "hub") as studio,
        wires(folder / "wires") as way,
        house(folder / "node", studio.town.keys) as node,
    ):
        yield from _told(_free_words(studio, way, node))
        for name, is_at_hand in (("at hand", True), ("not there yet", False)):
            yield from _template(studio, way, node, name, is_at_hand=is_at_hand)


def _told(steps: Steps) -> Iterator[dict[str, Any]]:
    rendered, bare = median(steps.rendered), median(steps.bare)
    yield figure(
        "free words: rendered, middle", rendered, "s", "bare espeak-ng of the same words", rendered / bare
    )
    yield figure("… written and submitted", median(steps.written) * 1000, "ms")
    yield figure("… both signatures checked, occurrences and plays kept", median(steps.signed) * 1000, "ms")
    yield figure(f"… {NODES} commands made", median(steps.told) * 1000, "ms")
    yield figure(f"… {NODES} plans made and signed after them", median(steps.planned) * 1000, "ms")
    yield figure(f"… come to {NODES} nodes, p95", percentile(steps.ways, 0.95) * 1000, "ms")
    yield figure(
        "… command come → armed, judged and sounding on a node, middle", median(steps.rests) * 1000, "ms"
    )
    hub = [sum(each) for each in zip(steps.written, steps.rendered, steps.signed, steps.told, strict=True)]
    whole = [a + b + c + RENDER_POLL_S + POLL_S for a, b, c in product(hub, steps.ways, steps.rests)]
    p95 = percentile(whole, 0.95)
    yield figure(
        f"free words → armed and sounding on {NODES} nodes, p95", p95, "s", "10 s allowed", p95 / FREE_S
    )
    yield figure("… max", max(whole), "s")
    yield figure("… max with its plans", max(whole) + max(steps.planned), "s")


def _free_words(studio: Studio, way: Wires, node: House) -> Steps:
    steps = Steps([], [], [], [], [], [], [], [])
    renderer = Renderer(studio.settings)
    for shot in range(SHOTS):
        steps.bare.append(_bare_s(TEXT.format(shot), studio.settings.data_dir))
        at_s = time.monotonic()
        revision = _written(studio, shot)
        at_s = _lap(at_s, steps.written)
        assert render_next(studio.town.database, renderer, studio.clock, ("emergency",))
        at_s = _lap(at_s, steps.rendered)
        for key in ("k-lanh", "k-cuong"):
            sign_words(studio.town, revision, key)
        at_s = _lap(at_s, steps.signed)
        sent = _commands(studio)
        at_s = _lap(at_s, steps.told)
        studio.sender.send_plans()
        _lap(at_s, steps.planned)
        assert len(sent) == NODES
        steps.ways += way.send(sent)
        _give_sound(studio, node, sent[SPEAKER])
        steps.rests.append(_heard_s(node, sent[SPEAKER]))
        _end(studio, node, revision)
    return steps


def _commands(studio: Studio) -> dict[Identity, PlayNow]:
    """What announce sends first when it looks; plans follow."""
    studio.session.sent.clear()
    studio.sender.tend()
    studio.sender.send_commands()
    return commands([(str(each.to), each.message) for each in studio.session.sent])


def _lap(since_s: float, kept: list[float]) -> float:
    now_s = time.monotonic()
    kept.append(now_s - since_s)
    return now_s


def _written(studio: Studio, shot: int) -> int:
    town = studio.town
    words = emergency.Words(title="Cháy chợ", text=TEXT.format(shot), villages=EVERYWHERE)
    with town.database.session() as db:
        return emergency.write(db, town.hoa, words, LEXICON, NOW).id


def _bare_s(text: str, folder: Path) -> float:
    """The same words by the engine alone, into a file."""
    program = shutil.which("espeak-ng")
    assert program is not None
    folder.mkdir(parents=True, exist_ok=True)
    began_s = time.monotonic()
    subprocess.run([program, "-v", "vi", "-w", str(folder / "bare.wav"), text], check=True)
    return time.monotonic() - began_s


def _give_sound(studio: Studio, node: House, command: PlayNow) -> None:
    """The hub's media port has it, as it would over HTTPS."""
    assert command.media is not None
    path = media_store(studio.settings).path_of(command.media.sha256)
    assert path is not None
    node.hub.files[command.media.sha256] = path.read_bytes()


def _heard_s(node: House, command: PlayNow) -> float:
    """Seconds from the arrival of a command at the service until its first sample by the sink's clock."""
    came_at = node.clock.now()
    node.hear(command)
    said = node.receipt("playing", command.announcement)
    assert said.started_at is not None
    return (said.started_at - came_at).total_seconds()


def _end(studio: Studio, node: House, revision: int) -> None:
    """Cancel it everywhere, make the plans that say so, and let the node fall silent."""
    town = studio.town
    with town.database.session() as db:
        row = db.get_one(Revision, revision)
        emergency.cancel(db, town.cuong, row.announcement_id, NOW)
        name = row.announcement_id
    for to, message in studio.step():
        if isinstance(message, StopPlay) and to == str(SPEAKER):
            node.hear(message)
    assert node.waits(lambda: bool({"cancelled", "interrupted", "played"} & set(node.states(name))), 30)


def _template(
    studio: Studio, way: Wires, node: House, name: str, *, is_at_hand: bool
) -> Iterator[dict[str, Any]]:
    """One click on a ready template; its sound on the node beforehand, or nowhere to be had."""
    template = _ready(studio, name)
    town, clicks, ways, rests = studio.town, list[float](), list[float](), list[float]()
    for _ in range(SHOTS):
        at_s = time.monotonic()
        with town.database.session() as db:
            body = emergency.trigger_body(db, town.desk, town.cuong, template, EVERYWHERE, NOW)
            signed = signed_by(town, body, "k-cuong")
        with town.database.session() as db:
            revision = emergency.trigger(db, town.desk, town.cuong, signed, 0, NOW).id
        sent = _commands(studio)
        _lap(at_s, clicks)
        assert len(sent) == NODES
        ways += way.send(sent)
        if is_at_hand:
            _give_sound(studio, node, sent[SPEAKER])
            media = sent[SPEAKER].media
            assert media is not None
            node.store.add(node.hub.files[media.sha256], media.type)
        rests.append(_heard_s(node, sent[SPEAKER]))
        _end(studio, node, revision)
    whole = [(a + b + c + POLL_S) * 1000 for a, b, c in product(clicks, ways, rests)]
    yield figure(f"template, sound {name}: click → commands made", median(clicks) * 1000, "ms")
    yield figure("… command come → first sample, middle", median(rests) * 1000, "ms")
    p95 = percentile(whole, 0.95)
    yield figure(f"… click → siren on {NODES} nodes, p95", p95, "ms", "1 s allowed", p95 / SIREN_MS)
    yield figure("… max", max(whole), "ms")


def _ready(studio: Studio, name: str) -> int:
    """A template that was written, rendered and signed; its id."""
    town = studio.town
    spoken = f"{FLOOD.text} Mẫu {name}."
    media = Renderer(studio.settings).audio(spoken, "vi", is_emergency=True)
    with town.database.session() as db:
        row = emergency_templates.save(db, town.hoa, FLOOD, NOW)
        emergency_templates.submit(db, town.hoa, row.id, LEXICON, NOW)
        row.audio = dict(msgspec.to_builtins(media))
        template = row.id
    with town.database.session() as db:
        body = emergency_templates.body_of(db, town.desk, template, 12, NOW)
        signed = signed_by(town, body, "k-lanh", "template")
        emergency_templates.sign(db, town.desk, by_key(town, "k-lanh"), template, signed, NOW)
    return template

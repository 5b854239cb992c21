"""Whatever is wrong around a service: one clear sentence, counted where it came over the wire, nothing else stops."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from broker.contract import MESSAGES, Identity, Lane, Message, spec_of, topic_of
from broker.contract.hub import CameraPlan, ContentPlan, Media, PlayNow, PlayPlan, Signed, StopPlay, TrustPlan
from broker.contract.message import LARGE, NODE_SERVICES, encode, payload
from broker.hub import trusted
from broker.hub.announcing import plans
from broker.hub.announcing.plans import Signer
from broker.hub.records import Camera as CameraRecord
from broker.hub.records import CameraSeen, Occurrence, Play, PlayStep, note_change
from broker.link.config import load
from broker.trust.enrolment import SETTINGS_FILE
from broker.trust.envelope import Domain, PlaysBody, Quiet, canonical, sign
from broker.trust.identity import load_hub_signer
from broker.trust.keys import new_key
from broker.trust.reasons import sentence
from deploy import walk
from deploy.browser import WalkError
from deploy.stage import ROOT, Stage
from deploy.walk import World
from edge.speaker.sinks import find_card
from tests.camera.film import write_film, yard
from tests.faults.commune import Commune, frame
from tests.until import until

pytestmark = [pytest.mark.xdist_group("bad-input"), pytest.mark.timeout(300)]

GOOD, POOR = "thon-01", "thon-02"
"""A node that has everything, and one without camera, sound card, serial port and clock."""
NOT_NOW, BAD_SETTINGS = 75, 78
FAR_AHEAD = datetime(2099, 1, 1, tzinfo=UTC)
VIETNAMESE = re.compile(r"[ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", re.IGNORECASE)


def edit(file: Path, *changes: tuple[str, str]) -> None:
    """Replace lines of a settings file; each must be there."""
    text = file.read_text(encoding="utf-8")
    for pattern, line in changes:
        text, count = re.subn(pattern, line, text, flags=re.MULTILINE)
        assert count, (pattern, text)
    file.write_text(text, encoding="utf-8")


def make_poor(stage: Stage) -> None:
    """Take everything from the second node, before its first start."""
    file = stage.layout.node(POOR) / SETTINGS_FILE
    edit(
        file,
        (r"^sound = .*", 'sound = "card"'),
        (r"^port = \".*board\"", f'port = "{stage.layout.root}/no-tty"'),
    )
    floor = stage.data_of(POOR) / "clock-floor"
    floor.parent.mkdir(parents=True, exist_ok=True)
    floor.write_text(FAR_AHEAD.isoformat())
    database = stage.database()
    with database.session() as db:
        source = str(stage.layout.root / "no-video.mp4")
        db.add(
            CameraRecord(node=POOR, camera="ngo", name="Ngõ", village=stage.houses[1].village, source=source)
        )
        note_change(db, "plan", "*", datetime.now(UTC))
    database.close()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commune]:
    """Two nodes, a rich and a poor one; started while other programs hold the ports of kiosk, console and devices."""
    found = Commune(tmp_path_factory.mktemp("bad-input") / "commune", nodes=2, before=make_poor)
    try:
        with found.squat(GOOD), found.squat("console"):
            found.start(missing=(f"{GOOD}.kiosk", "hub.web"))
            until(lambda: "hub.web ended with" in " ".join(found.events), 30)
            until(lambda: f"{GOOD}.kiosk ended with" in " ".join(found.events), 30)
        yield found
    finally:
        found.close()


@pytest.fixture
def commune(town: Commune) -> Commune:
    """The commune after the ports are free again: what could not start has started by itself."""
    assert town.supervisor.wait_ready(["hub.web", f"{GOOD}.kiosk"], 60) == []
    return town


def langso(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """One command, from its start to its end."""
    order = [sys.executable, "-m", "deploy.cli", *map(str, arguments)]
    return subprocess.run(order, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("order", [("check",), ("run", "kiosk")])
def test_wrong_settings_are_all_told_at_once_with_file_key_found_and_allowed(
    commune: Commune, tmp_path: Path, order: tuple[str, ...]
) -> None:
    file = tmp_path / SETTINGS_FILE
    file.write_bytes((commune.stage.layout.node(GOOD) / SETTINGS_FILE).read_bytes())
    edit(
        file,
        (r"^\[kiosk\]", '[kiosk]\ntheme = "neon"\ncolour = 3'),
        (r"^keepalive_s = .*", 'keepalive_s = "often"'),
    )
    done = langso(*order, "--config", file)
    lines = done.stderr.splitlines()
    assert done.returncode == BAD_SETTINGS
    assert len(lines) == 3, done.stderr
    assert all(line.startswith(f"langso: {file}: ") for line in lines), lines
    assert any("kiosk.colour: unknown setting; allowed here: " in line for line in lines)
    assert any("kiosk.theme: found 'neon'" in line and "light, warm, contrast" in line for line in lines)
    assert any("broker.keepalive_s: found 'often'" in line for line in lines)


@pytest.mark.parametrize("order", [("check",), ("run", "node")])
def test_a_missing_settings_file_is_one_line(tmp_path: Path, order: tuple[str, ...]) -> None:
    done = langso(*order, "--config", tmp_path / "nowhere.toml")
    assert done.returncode == BAD_SETTINGS
    assert done.stderr.splitlines() == [
        f"langso: {tmp_path / 'nowhere.toml'}: cannot be read: No such file or directory"
    ]


@pytest.mark.parametrize(
    ("service", "gone"),
    [
        ("kiosk", "kiosk.key"),
        ("speaker", "root.pub"),
        ("camera", "root.pub"),
        ("node", "root.pub"),
        ("announce", "hub-sign.key"),
        ("web", "device.key"),
    ],
)
def test_a_missing_key_file_is_one_line_that_names_it(
    commune: Commune, tmp_path: Path, service: str, gone: str
) -> None:
    layout = commune.stage.layout
    whole = layout.hub if service in ("announce", "web") else layout.node(GOOD)
    keys = tmp_path / "keys"
    keys.mkdir(parents=True)
    for file in (whole / "keys").iterdir():
        if file.name != gone:
            (keys / file.name).write_bytes(file.read_bytes())
    config = tmp_path / SETTINGS_FILE
    config.write_bytes((whole / SETTINGS_FILE).read_bytes())
    ports = re.compile(r"^port = \d+", re.MULTILINE)
    config.write_text(ports.sub("port = 0", config.read_text()))
    done = langso("run", service, "--config", config)
    assert done.returncode == BAD_SETTINGS, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("langso: ")]
    assert [gone in line and str(config) in line for line in said] == [True], done.stderr
    assert "Traceback" not in done.stderr


def test_a_busy_port_is_one_line_and_the_others_work_and_it_comes_once_the_port_is_free(
    commune: Commune,
) -> None:
    for name, key, port in (
        (f"{GOOD}.kiosk", "kiosk.port", commune.stage.port(GOOD)),
        ("hub.web", "console.port", commune.stage.port("console")),
    ):
        said = [line for line in commune.log(name).splitlines() if line.startswith("langso: ")]
        assert said, commune.log(name)
        assert f"{key}: {port} on 127.0.0.1 cannot be used: Address already in use" in said[0]
        assert SETTINGS_FILE in said[0]
        assert "Traceback" not in commune.log(name)
        assert any(line.startswith(f"{name} ended with {NOT_NOW};") for line in commune.events), (
            commune.events
        )
        commune.back(name, 1, 40)
    quiet = [each for each in commune.stage.service_names() if each not in (f"{GOOD}.kiosk", "hub.web")]
    assert [each for each in quiet if commune.supervisor.starts(each) != 1] == []


def test_a_busy_device_port_is_one_line(commune: Commune) -> None:
    commune.supervisor.hold("hub.web")
    with commune.squat("device"):
        done = langso("run", "web", "--config", commune.stage.layout.hub / SETTINGS_FILE)
    commune.supervisor.release("hub.web")
    said = [line for line in done.stderr.splitlines() if line.startswith("langso: ")]
    assert done.returncode == NOT_NOW
    assert len(said) == 1, done.stderr
    assert f"device_port.port: {commune.stage.port('device')} on 127.0.0.1" in said[0]
    assert "Address already in use" in said[0]
    assert commune.supervisor.wait_ready(["hub.web"], 40) == []


def test_without_sound_card_serial_port_and_clock_a_node_says_so_in_one_sentence_and_lives(
    commune: Commune,
) -> None:
    until(lambda: commune.problems(f"{POOR}.board"), 30, lambda: commune.log(f"{POOR}.board")[-1500:])
    assert list(commune.problems(f"{POOR}.board").values()) == [
        f"Không thấy cổng {commune.stage.layout.root}/no-tty. Kiểm tra dây nối bo mạch; cắm lại là máy tự nhận."
    ]
    until(lambda: "clock" in commune.problems(f"{POOR}.node"), 30, lambda: commune.problems(f"{POOR}.node"))
    assert VIETNAMESE.search(commune.problems(f"{POOR}.node")["clock"])
    if not find_card():
        said = commune.problems(f"{POOR}.speaker")
        assert said["no-sound"] == "Không phát được ra loa; xin kiểm tra dây và thiết bị âm thanh."
    assert commune.state(f"{POOR}.board") == "degraded"
    until(lambda: commune.state(f"{GOOD}.board") == "ready", 30, lambda: commune.problems(f"{GOOD}.board"))


def camera_state(commune: Commune) -> tuple[str, str]:
    """State of the poor node's camera and the sentence beside it."""
    with commune.database.reading() as db:
        row = db.scalars(select(CameraSeen).where(CameraSeen.node == POOR)).first()
        return (row.state, row.detail) if row else ("", "")


def test_a_camera_that_is_not_there_is_said_and_shown_once_it_is(commune: Commune) -> None:
    until(
        lambda: camera_state(commune)[0] not in ("", "connecting", "live"),
        60,
        lambda: commune.log(f"{POOR}.camera")[-1500:],
    )
    state, detail = camera_state(commune)
    assert VIETNAMESE.search(detail), (state, detail)
    assert commune.supervisor.starts(f"{POOR}.camera") == 1
    film = commune.stage.layout.root / "film.mp4"
    write_film(film, yard(20)).rename(film.with_name("no-video.mp4"))
    until(
        lambda: camera_state(commune)[0] == "live",
        60,
        lambda: (camera_state(commune), commune.log(f"{POOR}.camera")[-1500:]),
    )
    assert commune.supervisor.starts(f"{POOR}.camera") == 1


def test_an_unknown_time_counts_as_quiet_hours_and_the_screen_still_serves(commune: Commune) -> None:
    kiosk = walk.Browser(commune.stage.kiosk_url(commune.stage.houses[1]))
    assert "khai sinh" in kiosk.get("/tim?q=lam+giay+khai+sinh").text

    class Poor(World):
        """The walk through the poor house."""

        @property
        def house(self) -> walk.House:
            return self.stage.houses[1]

    world = Poor(commune.stage, commune.secrets, commune.supervisor)
    key, _ = walk._write(world)
    approver = world.officer("hung")
    walk._sign(world, approver, key, walk._envelope(approver, key))

    def verdict() -> tuple[str, str]:
        with commune.database.reading() as db:
            row = db.scalars(select(Play).where(Play.node == POOR, Play.occurrence.startswith(key))).first()
            return (row.state, row.reason) if row else ("", "")

    until(
        lambda: verdict() == ("refused", "clock-unknown"),
        40,
        lambda: (verdict(), commune.log(f"{POOR}.speaker")[-2000:]),
    )
    assert not list((commune.stage.data_of(POOR) / "played").rglob("*.wav"))


def said_by(service: str) -> list[type]:
    """Messages that a service of a node sends under its own name, to be stored."""
    specs = [(each, spec_of(each)) for each in MESSAGES]
    return [
        each
        for each, spec in specs
        if service in spec.senders and "ingest" in spec.receivers and not spec.delivery.addressed
    ]


@pytest.mark.parametrize("service", NODE_SERVICES)
def test_malformed_and_oversized_packets_on_each_topic_are_counted_and_nothing_else_stops(
    commune: Commune, service: str
) -> None:
    identity = Identity(GOOD, service)
    place = commune.stage.facts.place
    before = sum(n for (source, _), n in commune.quarantined().items() if source == str(identity))
    commune.supervisor.hold(str(identity))
    intruder = commune.intruder(str(identity))
    sent = 0
    seqs = dict.fromkeys(Lane, 0)
    for kind in said_by(service):
        lane, topic = spec_of(kind).lane, topic_of(place, identity, kind)
        seqs[lane] += 1
        bad = frame(5, epoch=f"broken-{service}", seq=seqs[lane], first=1)
        for raw in (b"\xff\x00", b"[]", b"{}", frame({}, v=99), b'{"m":' * 5000, bad):
            intruder.say(topic, raw)
            sent += 1
        assert intruder.shout(topic, b"x" * (LARGE + 1)), "the broker takes what is too large"
        until(intruder.is_up, 20)

    def counted() -> int:
        return sum(n for (source, _), n in commune.quarantined().items() if source == str(identity)) - before

    until(lambda: counted() == sent, 30, lambda: (counted(), sent, commune.quarantined()))
    intruder.close()
    starts = commune.supervisor.starts(str(identity))
    commune.supervisor.release(str(identity))
    commune.back(str(identity), starts, 40)
    code = commune.say("Sau gói tin hỏng.")
    until(lambda: code in commune.feedback_codes(), 40, lambda: commune.log("hub.ingest")[-1500:])


def signed_by_nobody(body: str, domain: Domain, key: str) -> Signed:
    """A body signed with a key that only claims to be a believed one."""
    return Signed(body=body, signatures=[sign(body, domain, key, new_key())])


class Forger:
    """Holds the identity of the hub's `announce` and sends what the true one never would."""

    def __init__(self, commune: Commune) -> None:
        self.commune = commune
        self._place = commune.stage.facts.place
        self._keys = commune.stage.layout.hub / "keys"
        self.signer = Signer(*load_hub_signer(self._keys))
        now = datetime.now(UTC)
        self.plan = PlaysBody(
            generation=int(now.timestamp()) + 1000,
            node=GOOD,
            made_at=now,
            until=now + timedelta(days=1),
            quiet=Quiet(),
            session_limit_s=60,
            plays=[],
            announcements=[],
            cancelled=[],
        )
        with commune.database.reading() as db:
            self.trust = trusted.in_force(db, load(commune.stage.layout.hub / SETTINGS_FILE))
        commune.supervisor.hold("hub.announce")
        self._intruder = commune.intruder("hub.announce")

    def raw(self, kind: type, service: str, raw: bytes) -> None:
        """Bytes on the topic of a message."""
        self._intruder.say(topic_of(self._place, Identity(GOOD, service), kind), raw)

    def order(self, service: str, message: Message) -> None:
        """A well-formed message."""
        self.raw(type(message), service, encode(payload(message), datetime.now(UTC), "trusted"))

    def complains(self, service: str, code: str, words: str = "") -> None:
        """Wait until a service says in its state that it refused, in these words."""
        who = f"{GOOD}.{service}"

        def said() -> str:
            return self.commune.problems(who).get(code, "")

        until(
            lambda: said() and words in said(),
            30,
            lambda: (code, words, self.commune.problems(who), self.commune.log(who)[-1500:]),
        )
        assert VIETNAMESE.search(said())

    def leave(self) -> None:
        """Give the identity back."""
        self._intruder.close()
        self.commune.supervisor.release("hub.announce")


def last_played(commune: Commune) -> PlayNow:
    """The command of the announcement played last, as the hub once sent it."""
    with commune.database.reading() as db:
        row = db.get(Occurrence, playing(commune)[-1])
        assert row is not None
        return PlayNow(
            occurrence=row.id,
            announcement=row.revision.announcement_id,
            start=row.start,
            signed=plans.signed_of(row.revision),
            media=msgspec.convert(row.revision.audio, Media),
        )


def playing(commune: Commune) -> list[str]:
    """Every start of a play on the good node."""
    with commune.database.reading() as db:
        query = (
            select(PlayStep).where(PlayStep.node == GOOD, PlayStep.state == "playing").order_by(PlayStep.at)
        )
        return [row.occurrence for row in db.scalars(query)]


def refusal(commune: Commune, occurrence: str) -> str:
    """Why a play was refused."""
    with commune.database.reading() as db:
        row = db.scalars(select(PlayStep).where(PlayStep.occurrence == occurrence)).first()
        return row.reason if row and row.state == "refused" else ""


def test_forged_replayed_foreign_and_outdated_orders_are_refused_and_counted(commune: Commune) -> None:
    assert walk.announcement(commune.world)
    replay, before = last_played(commune), playing(commune)
    sounds = sorted((commune.stage.data_of(GOOD) / "played").rglob("*.wav"))
    assert sounds
    forger = Forger(commune)
    try:
        _send_nonsense(forger)
        _send_forged_plans(forger)
        forger.order("speaker", replay)
        until(lambda: '"event": "said-twice"' in commune.log(f"{GOOD}.speaker"), 20)
        signed = signed_by_nobody(replay.signed.body, "announcement", replay.signed.signatures[0].key)
        fake = msgspec.structs.replace(replay, occurrence="gia-mao.1.20260101T000000Z", signed=signed)
        forger.order("speaker", fake)
        until(lambda: refusal(commune, fake.occurrence), 30, lambda: commune.log(f"{GOOD}.speaker")[-1500:])
        assert refusal(commune, fake.occurrence) == "bad-signature"
    finally:
        forger.leave()
    assert playing(commune) == before
    assert sorted((commune.stage.data_of(GOOD) / "played").rglob("*.wav")) == sounds
    refused = {"plan-refused", "trust-refused"}
    for who in (f"{GOOD}.speaker", f"{GOOD}.camera", f"{GOOD}.node"):
        until(
            lambda who=who: not refused & commune.problems(who).keys(),
            60,
            lambda who=who: commune.problems(who),
        )
    until(lambda: speaks_again(commune), 60)


def speaks_again(commune: Commune) -> bool:
    """Whether a new announcement goes all the way; not while the one before it still holds its minute."""
    try:
        return bool(walk.announcement(commune.world))
    except WalkError as why:
        if "cannot be sent yet" not in str(why):
            raise
        return False


def _send_nonsense(forger: Forger) -> None:
    for kind, service in (
        (PlayPlan, "speaker"),
        (PlayNow, "speaker"),
        (StopPlay, "speaker"),
        (CameraPlan, "camera"),
        (ContentPlan, "node"),
        (TrustPlan, "node"),
    ):
        forger.raw(kind, service, b"\xff\x00")
        forger.raw(kind, service, frame(5))
    for service, count in (("speaker", 6), ("camera", 2), ("node", 4)):
        forger.complains(service, "poison", f" {count} ")


def _send_forged_plans(forger: Forger) -> None:
    plan, signer = forger.plan, forger.signer
    foreign = msgspec.structs.replace(plan, node=POOR)
    outdated = msgspec.structs.replace(plan, generation=1)
    forged = signed_by_nobody(canonical(plan), "plays", signer.key)
    forger.order("speaker", PlayPlan(generation=plan.generation, signed=forged))
    forger.complains("speaker", "plan-refused", sentence("bad-signature"))
    forger.order("speaker", PlayPlan(generation=plan.generation, signed=signer.sign(foreign, "plays")))
    forger.complains("speaker", "plan-refused", sentence("wrong-node"))
    forger.order("speaker", PlayPlan(generation=1, signed=signer.sign(outdated, "plays")))
    forger.complains("speaker", "plan-refused", sentence("old-generation"))
    newer = msgspec.structs.replace(forger.trust, generation=forger.trust.generation + 1)
    trust = TrustPlan(generation=newer.generation, signed=signed_by_nobody(canonical(newer), "trust", "root"))
    for service, code in (("speaker", "trust-refused"), ("camera", "plan-refused"), ("node", "plan-refused")):
        forger.order(service, trust)
        forger.complains(service, code)

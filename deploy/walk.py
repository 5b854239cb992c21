"""The five paths of the house, walked end to end over real HTTP and MQTT: one function per path.

Each takes a running commune and returns what it saw in one line, or raises WalkError.
"""

from __future__ import annotations

import base64
import re
import time
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from broker.trust.envelope import sign
from broker.trust.keyfile import unlock
from deploy import van_khe
from deploy.browser import Browser, WalkError, until, words_of
from deploy.stage import KEEPALIVE_S, Secrets, Stage
from deploy.supervise import Supervisor
from deploy.van_khe import House

ANNOUNCEMENT = "Mời bà con thôn Đông 19h30 ngày 25/11 đến nhà văn hoá thôn họp bàn việc sửa đường."
QUERY = "lam giay khai sinh cho con"
TITLE = "Làm giấy khai sinh cho con"
FEEDBACK = "Đèn đường ngõ 3 hỏng đã một tuần, tối đi lại rất khó."
THROUGH_CARD = "played through the sound card"
QUIET_SOUND = 500
"""Largest sample of a file nobody would hear; speech reaches thousands."""


@dataclass(frozen=True)
class World:
    """A commune that runs, and what its people know."""

    stage: Stage
    secrets: Secrets
    supervisor: Supervisor

    @property
    def house(self) -> House:
        """The cultural house that is walked through."""
        return self.stage.houses[0]

    def officer(self, name: str) -> Browser:
        """Somebody signed in at the console."""
        browser = Browser(self.stage.console_url)
        browser.sign_in(name, self.secrets.passwords[name])
        return browser

    def kiosk(self) -> Browser:
        """Somebody at the touch screen."""
        return Browser(self.stage.kiosk_url(self.house))


def announcement(world: World) -> str:
    """Written by one, signed by another in their own browser, rendered, fetched, checked, played, reported."""
    key, spoken = _write(world)
    approver = world.officer("hung")
    body = _envelope(approver, key)
    _sign(world, approver, key, body)
    signed_at = time.monotonic()
    node = world.house.name
    begun = re.compile(rf'data-node="{node}" data-state="(playing|played)"')
    until(lambda: _page_with(approver, f"/announcements/{key}", begun), 30, f"{node} never began to play")
    begun_s = time.monotonic() - signed_at
    played = re.compile(rf'data-node="{node}" data-state="played"')
    page = until(
        lambda: _page_with(approver, f"/announcements/{key}", played),
        45,
        f"the console never said that {node} has played it",
    )
    sound = _sound(world.stage.data_of(node) / "played")
    outcome = "đã phát" if sound == THROUGH_CARD else "ghi vào tệp"
    if outcome not in words_of(page):
        raise WalkError(f"the progress page does not say '{outcome}'")
    return (
        f"written by lan, signed by hung's key file, playing {begun_s:.1f} s after signing, {sound}, "
        f"shown as {outcome}; said: {spoken[:60]}…"
    )


def _write(world: World) -> tuple[str, str]:
    """An editor writes it and sends it for approval. Returns its key and what will be spoken."""
    editor = world.officer("lan")
    editor.get("/announcements/new")
    fields: dict[str, str | list[str]] = {
        "title": "Họp bàn sửa đường",
        "text": ANNOUNCEMENT,
        "kind": "routine",
        "villages": [world.house.village],
        "when": "now",
        "repeat": "1",
        "voice": "vi",
    }
    shown = editor.post("/announcements/preview", fields).json()
    spoken = words_of(shown["html"]["spoken"])
    if not shown["ready"]:
        raise WalkError(f"it cannot be sent yet: {words_of(shown['html']['left'])}")
    sent = editor.post("/announcements/new", {**fields, "act": "submit"})
    found = re.search(r"/announcements/([^/?]+)", sent.url)
    if found is None or found[1] == "new":
        raise WalkError(f"sending for approval led to {sent.url}")
    return found[1], spoken


def _envelope(approver: Browser, key: str) -> str:
    """The text to sign, once its sound is made."""

    def ready() -> str | None:
        answer = approver.try_get(f"/announcements/{key}/envelope")
        return answer.content.decode() if answer is not None and answer.status_code == 200 else None

    approver.get(f"/announcements/{key}/approve")
    return until(ready, 30, "the hub made no sound to approve")


def _sign(world: World, approver: Browser, key: str, body: str) -> None:
    """Open the key file with the PIN and sign, exactly as the page's script does."""
    key_id, private = unlock(world.stage.key_file.read_bytes(), world.secrets.pin)
    signature = sign(body, "announcement", key_id, private)
    fields: dict[str, str | list[str]] = {
        "body": body,
        "key": key_id,
        "signature": base64.b64encode(signature.value).decode(),
        "heard": "yes",
    }
    approver.post(f"/announcements/{key}/approve", fields)


def _page_with(browser: Browser, path: str, pattern: re.Pattern[str]) -> str | None:
    answer = browser.try_get(path)
    return answer.text if answer is not None and pattern.search(answer.text) else None


def _sound(folder: Path) -> str:
    """The newest file the loudspeaker wrote: it must hold sound."""
    files = sorted(folder.rglob("*.wav"), key=lambda file: file.stat().st_mtime)
    if not files:
        return THROUGH_CARD
    with wave.open(str(files[-1]), "rb") as file:
        seconds = file.getnframes() / file.getframerate()
        samples = memoryview(file.readframes(file.getnframes())).cast("h")
    loudest = max((abs(each) for each in samples[:: max(1, len(samples) // 200_000)]), default=0)
    if seconds < 2 or loudest < QUIET_SOUND:
        raise WalkError(
            f"{files[-1].name} holds {seconds:.1f} s, loudest sample {loudest}: nobody would hear it"
        )
    return f"played into a file of {seconds:.1f} s"


def camera(world: World) -> str:
    """Motion → alarm with its picture → duty room, live → taken by an officer."""
    began = time.monotonic()
    officer = world.officer("dung")
    with officer.live("alert") as feed:
        alert = _alert(officer)
        while alert is None:
            if not feed.wait_beyond(feed.count, 40):
                raise WalkError("no alert came in 40 s" + _camera_word(officer))
            alert = _alert(officer)
        came_s = time.monotonic() - began
        picture = officer.get(f"/duty/{alert}/snapshot").content
        if not picture.startswith(b"\xff\xd8"):
            raise WalkError(f"the picture of alert {alert} is no JPEG")
        officer.get(f"/duty/{alert}")
        before = feed.count
        page = words_of(officer.post(f"/duty/{alert}/take", {}).text)
        live = feed.wait_beyond(before, 5)
    if "đang xử lý" not in page.lower():
        raise WalkError("the duty page does not say that the officer has taken it")
    if not live:
        raise WalkError("the other pages of the duty room were not told")
    clip = until(lambda: _clip(officer, alert), 50, f"no clip of alert {alert} arrived")
    sizes = f"picture {len(picture) // 1024} KiB, clip {clip // 1024} KiB"
    return f"alert {alert} after {came_s:.1f} s, {sizes}, taken by dung"


def _alert(officer: Browser) -> str | None:
    found = re.findall(r'data-alert="(\d+)"', officer.get("/duty/queue").text)
    return found[0] if found else None


def _camera_word(officer: Browser) -> str:
    return f"; cameras: {words_of(officer.get('/duty/cameras').text)}"


def _clip(officer: Browser, alert: str) -> int | None:
    answer = officer.try_get(f"/duty/{alert}/clip")
    return len(answer.content) if answer is not None and answer.status_code == 200 else None


def villager(world: World) -> str:
    """A procedure found without marks, with its papers and QR; a word kept while the hub is away, then delivered."""
    screen = world.kiosk()
    screen.get("/nha")
    found = screen.get(f"/tim?q={QUERY.replace(' ', '+')}").text
    first = re.search(r'href="/tt/([0-9.]+)[^"]*"[^>]*>(.*?)</a>', found, re.DOTALL)
    if first is None or TITLE not in words_of(first[2]):
        raise WalkError(f"searching {QUERY!r} did not find {TITLE!r} first")
    page = _whole_guide(screen, first[1])
    wanted = ("Mang gì đi", "Bao lâu", "Lệ phí")
    missing = [each for each in wanted if each not in words_of(page)]
    if missing or "<svg" not in page:
        raise WalkError(f"the page of {first[1]} lacks: {', '.join(missing) or 'its QR code'}")
    code, waited = _say_while_hub_is_away(world, screen)
    official = world.officer("ha")
    shown = until(
        lambda: _page_with(official, f"/feedback/{code}", re.compile("ngõ 3 hỏng")),
        30,
        f"feedback {code} did not arrive",
    )
    if FEEDBACK not in words_of(shown):
        raise WalkError("the official reads other words than were typed")
    return (
        f"{QUERY!r} → {TITLE} ({first[1]}) with papers, time, fee, QR; "
        f"feedback {code} kept {waited:.1f} s without hub, then read by ha"
    )


def _whole_guide(screen: Browser, code: str) -> str:
    """The page of a procedure; on small panels it has several steps."""
    pages = [screen.get(f"/tt/{code}?tu=/tim").text]
    for step in range(2, 15):
        if f"buoc={step}" not in pages[-1]:
            break
        pages.append(screen.get(f"/tt/{code}?tu=/tim&buoc={step}").text)
    return "\n".join(pages)


def _say_while_hub_is_away(world: World, screen: Browser) -> tuple[str, float]:
    """Cut the hub off, type feedback, see its code at once, bring the hub back. Returns code and seconds away."""
    away = ["hub.ingest", "hub.announce", "hub.web", "broker"]
    for name in away:
        world.supervisor.hold(name)
    began = time.monotonic()
    try:
        form = screen.get("/gop-y/light/village").text
        once = re.search(r'name="mot_lan" value="([^"]+)"', form)
        kept = screen.post("/gop-y/light/village", {"loi": FEEDBACK, "mot_lan": once[1] if once else ""}).text
        found = re.search(r"/gop-y/ma/([0-9A-Z]{10})/buoc", kept)
        if found is None:
            raise WalkError(f"the screen gave no code: {words_of(kept)[-200:]}")
        until(
            lambda: screen.get(f"/gop-y/ma/{found[1]}/buoc").headers.get("X-State") == "waiting",
            3 * KEEPALIVE_S,
            "the screen does not say that it waits for the network",
        )
        waited = time.monotonic() - began
    finally:
        for name in reversed(away):
            world.supervisor.release(name)
    late = world.supervisor.wait_ready([name for name in away if name != "broker"], 60)
    if late:
        raise WalkError(f"{', '.join(late)} did not come back")
    until(
        lambda: screen.get(f"/gop-y/ma/{found[1]}/buoc").headers.get("X-State") == "there",
        30,
        "the screen does not say that the commune has it",
    )
    return found[1], waited


def board(world: World) -> str:
    """Readings of a board behind a serial line: stored, served as JSON, drawn on the overview."""
    leader = world.officer("ha")
    wanted = {"celsius", "humidity", "water_level"}

    def latest() -> dict[str, dict[str, object]] | None:
        series = leader.get(f"/api/v1/series?node={world.house.name}").json()["series"]
        named = {word: each for each in series for word in wanted if word in str(each["series"])}
        return named if set(named) == wanted else None

    found = until(latest, 30, f"{world.house.name} sent no air, humidity and water level")
    said = words_of(leader.get("/overview").text)
    missing = [each for each in van_khe.series_titles() if each not in said]
    if missing:
        raise WalkError(f"the overview has no chart of {', '.join(missing)}")
    values = ", ".join(f"{each['series']} {each['value']:.2f}" for _, each in sorted(found.items()))
    return f"{values}; drawn on the overview"


def health(world: World) -> str:
    """A killed service is seen dead within its keepalive, and alive again after its restart."""
    leader = world.officer("ha")
    name = f"{world.house.name}.camera"

    def is_state(*states: str) -> Callable[[], bool]:
        pattern = re.compile(rf'data-service="{re.escape(name)}" data-state="({"|".join(states)})"')
        return lambda: _page_with(leader, "/speakers", pattern) is not None

    until(is_state("ready", "degraded"), 20, f"{name} was not shown alive")
    began = time.monotonic()
    world.supervisor.hold(name)
    try:
        until(is_state("lost"), 2 * KEEPALIVE_S + 5, f"{name} was killed and not shown as lost")
        seen_s = time.monotonic() - began
    finally:
        world.supervisor.release(name)
    began = time.monotonic()
    until(is_state("ready", "degraded"), 30, f"{name} was started again and not shown alive")
    back_s = time.monotonic() - began
    return f"{name} killed: shown lost after {seen_s:.1f} s, alive again {back_s:.1f} s after its start"


PATHS: Sequence[tuple[str, Callable[[World], str]]] = (
    ("announcement", announcement),
    ("camera", camera),
    ("villager", villager),
    ("board", board),
    ("health", health),
)

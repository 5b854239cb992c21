"""The loudspeaker service: listens for orders, fetches sound, plays what the firewall lets through."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from broker.contract.hub import PlayNow, PlayPlan, StopPlay, TestSpeaker, TrustPlan
from broker.contract.kiosk import HelperCalled
from broker.link.clock import Clock
from broker.link.config import Settings, SpeechOf
from broker.link.media import MediaClient, MediaStore
from broker.link.service import Worker
from broker.link.session import Session
from broker.speech.hurry import hurried
from broker.speech.master import HORN
from broker.speech.say import render
from broker.speech.sound import Pcm, SoundError, decode
from broker.speech.voice import VOICES, Engine, EngineError, choose
from broker.trust.identity import load_root
from edge.speaker.align import HubTime
from edge.speaker.amplifier import Amplifier
from edge.speaker.desk import Desk
from edge.speaker.ear import Ear
from edge.speaker.gathering import Fetches, Gathering
from edge.speaker.journal import open_journal
from edge.speaker.kit import Kit
from edge.speaker.orders import Orders
from edge.speaker.preparing import Preparing
from edge.speaker.programme import Play
from edge.speaker.radio import Radio
from edge.speaker.readying import Readying
from edge.speaker.sinks import Sink, choose_sink
from edge.speaker.stage import Stage
from edge.speaker.stopping import Stopping
from edge.speaker.testing import Testing

log = logging.getLogger(__name__)

FETCH_PATIENCE_S: Final = 60.0
"""A transfer beats with every chunk; between two bytes the client itself waits at most ten seconds."""

SPEAK_PATIENCE_S: Final = 90.0
"""Speaking a long text on a small computer takes a while before the first sample."""


def build(settings: Settings, session: Session) -> list[Worker]:
    """The workers of this node's loudspeaker. Raises IdentityError without root.pub, OSError when the
    data folder cannot be used."""
    store = MediaStore(settings.data_dir / "speaker" / "media")
    return assemble(settings, session, store, MediaClient(settings, session.who, store))


def assemble(
    settings: Settings,
    session: Session,
    store: MediaStore,
    client: Fetches,
    *,
    may_tune_in_here: bool = False,
) -> list[Worker]:
    """The same with a given source of media. may_tune_in_here: let relayed programmes come from this machine, which
    only tests want."""
    home = settings.data_dir / "speaker"
    sound = settings.speaker
    journal = open_journal(home / "journal.db", session.clock.now())
    desk = Desk(session, settings.place.village, journal, store)
    inbox = session.inbox(TrustPlan, PlayPlan, PlayNow, StopPlay, TestSpeaker, HelperCalled)
    stopping = Stopping(desk, session.inbox(StopPlay))
    orders = Orders(desk, home, load_root(settings.keys_dir), inbox, stopping)
    amplifier = Amplifier(session, desk.clock, home, changed=desk.keys_turned, monotonic=desk.clock.monotonic)
    desk.amplifier_mute = lambda: amplifier.mute
    hub_time = HubTime(session)
    kit = Kit(
        _Device(settings, home, desk.clock).find,
        amplifier,
        Ear(sound.microphone, sound.loop_back, desk.clock.monotonic),
        hub_time,
    )
    voice = _Voice(home / "speech", settings.speech)
    radio = Radio(sound.snapclient, may_be_here=may_tune_in_here)
    readying = Readying(desk, radio)
    stage = Stage(desk, kit, readying, Testing(desk, kit, home))
    stage.recover()
    orders.recall()
    return [
        Worker("orders", orders.run),
        Worker("stopping", stopping.run),
        Worker("gathering", Gathering(desk, client).run, FETCH_PATIENCE_S),
        Worker("stage", stage.run, SPEAK_PATIENCE_S),
        Worker("readying", Preparing(desk, voice.speak, readying, is_urgent=False).run, SPEAK_PATIENCE_S),
        Worker("urgent", Preparing(desk, voice.speak, readying, is_urgent=True).run, SPEAK_PATIENCE_S),
        Worker("amplifier", amplifier.run),
        Worker("hub-time", hub_time.run),
    ]


class _Device:
    """Finds what sound comes out of. A house that had a card once does not play into a file when it is gone."""

    def __init__(self, settings: Settings, home: Path, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._mark = home / "had-a-card"

    def find(self) -> Sink:
        """Raises SinkError."""
        sound = self._settings.speaker
        sink = choose_sink(
            sound.sound,
            sound.card,
            self._settings.data_dir / "played",
            self._clock.now,
            monotonic=self._clock.monotonic,
            is_card_expected=self._mark.exists(),
        )
        if sink.kind == "card":
            with suppress(OSError):  # a full disk: it is remembered next time
                self._mark.touch()
        return sink


class _Voice:
    """The node's own voice, for words whose sound never came."""

    def __init__(self, cache: Path, speech: SpeechOf) -> None:
        self._cache = cache
        self._speech = speech

    @cached_property
    def _engines(self) -> tuple[Engine, ...]:
        return choose(self._speech, may_ask_outside=False)

    def speak(self, play: Play) -> Pcm | None:
        """The envelope's spoken text, unchanged; None when this machine cannot speak."""
        voice = play.envelope.voice if play.envelope.voice in VOICES else "vi"
        try:
            engines = hurried(self._engines) if play.envelope.is_emergency else self._engines
            with TemporaryDirectory(prefix="langso-") as folder:
                clip = render(
                    play.envelope.spoken,
                    voice=voice,
                    cache_dir=self._cache,
                    out=Path(folder) / "spoken.wav",
                    engines=engines,
                    profile=HORN,
                )
                return decode(clip.path)
        except (EngineError, SoundError, OSError) as why:
            log.error("%s", why, extra={"event": "cannot-speak", "occurrence": play.ask.occurrence})
            return None

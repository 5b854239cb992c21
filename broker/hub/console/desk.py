"""What every page of the console works with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import current_app, request

from broker.hub.console import sessions
from broker.hub.console.live import Broadcaster
from broker.hub.records import Database, setting
from broker.link.clock import Clock
from broker.link.config import Settings
from broker.speech.lexicon import Lexicon, LexiconError, load


@dataclass(frozen=True)
class Desk:
    """What every page works with."""

    settings: Settings
    database: Database
    clock: Clock
    broadcaster: Broadcaster
    sessions: sessions.ServerSessions

    @property
    def commune_name(self) -> str:
        """As shown in the masthead: "Xã Vân Khê"."""
        name = self.settings.place.commune_name
        return name[:1].upper() + name[1:]

    def river(self) -> str:
        """The river on the commune's map as an SVG path, empty where none is drawn."""
        with self.database.reading() as db:
            return str(setting(db, "map.river", ""))


def desk() -> Desk:
    """What this app works with."""
    found: Desk = current_app.extensions["desk"]
    return found


def now() -> datetime:
    """The time of this request by the hub's clock."""
    return desk().clock.now()


def is_part() -> bool:
    """Whether a script of ours asked for a piece of a page instead of the page."""
    return bool(request.headers.get("X-Part"))


def lexicon() -> Lexicon:
    """How this commune says its words: the shipped lexicon and the commune's own."""
    with desk().database.reading() as db:
        own = setting(db, "lexicon", {})
    try:
        return load().with_words(own) if own else load()
    except LexiconError:
        return load()

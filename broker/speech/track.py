"""What is heard in an announcement: one track after the other, each in one language, recorded or spoken here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class TrackError(Exception):
    """The recording of a track is gone or damaged; the text says how."""


@dataclass(frozen=True)
class Track:
    """One stretch of an announcement in one language.

    With a recording that is what is heard, and `spoken` is only what it says; without one an engine speaks
    `spoken`, which must be Vietnamese then.
    """

    language: str
    """Code as in languages.LANGUAGES."""
    spoken: str = ""
    """Text in spoken form."""
    recording: Path | None = None
    """A file that recording.examine() lets pass."""

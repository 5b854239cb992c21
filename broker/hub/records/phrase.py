"""Fixed phrases, recorded once and used in many announcements: an opening, a closing, a storm warning."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from broker.hub.records.table import Base


class Phrase(Base):
    """One recorded phrase in one language."""

    __tablename__ = "phrase"

    id: Mapped[int] = mapped_column(primary_key=True)
    language: Mapped[str]
    """Code as in speech.languages."""
    label: Mapped[str]
    """What it says, in Vietnamese."""
    recording: Mapped[dict[str, Any]]
    """contract Media of the recording as it came in, checked."""
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    removed_at: Mapped[datetime | None]

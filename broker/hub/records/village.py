"""The villages of the commune, as drawn on its map."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from broker.hub.records.table import Base


class Village(Base):
    """One village. Coordinates are those of the commune's SVG map."""

    __tablename__ = "village"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    rank: Mapped[int] = mapped_column(default=0)
    """Order in lists."""
    centre_x: Mapped[float] = mapped_column(default=0.0)
    centre_y: Mapped[float] = mapped_column(default=0.0)
    path: Mapped[str] = mapped_column(default="")
    """The `d` of its SVG outline."""
    languages: Mapped[list[str]] = mapped_column(default=list)
    """Codes of the languages spoken there beside Vietnamese (speech.languages)."""

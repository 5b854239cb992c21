"""What a house has to sound with, and to hear itself by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge.speaker.align import HubTime
from edge.speaker.amplifier import Amplifier
from edge.speaker.ear import Ear
from edge.speaker.sinks import Sink


@dataclass(frozen=True)
class Kit:
    """The devices and the clock of one loudspeaker."""

    find_sink: Callable[[], Sink]
    """The device, looked for anew before each play. Raises SinkError."""
    amplifier: Amplifier
    ear: Ear
    time: HubTime

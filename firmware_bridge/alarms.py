"""Alarms of the amplifier: each trouble once, told when it begins and when it is over."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import get_args

from broker.contract.board import AmplifierAlarm
from broker.link.session import Session
from firmware_bridge.alarm_book import AlarmBook
from firmware_bridge.interlock import What


class Alarms(AlarmBook[AmplifierAlarm]):
    """Troubles of one amplifier. For one thread."""

    def __init__(self, file: Path, session: Session) -> None:
        """file: where they are kept across starts."""
        super().__init__(file, session, AmplifierAlarm, "what", "amplifier")

    def begin(self, what: What, started_at: datetime, current_a: float | None) -> None:
        """This trouble is there; nothing happens when it is already told."""
        if what not in self.open_keys():
            alarm = os.urandom(8).hex()
            self.add(AmplifierAlarm(alarm=alarm, what=what, started_at=started_at, current_a=current_a))

    def end_all(self, at: datetime) -> None:
        """There is no amplifier any more."""
        for what in get_args(What):
            self.end(what, at)

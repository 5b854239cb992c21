"""The embedded broker of the demo kept in line: its file of passwords and maps, read again on SIGHUP.

It knows no certificates and no $CONTROL. Passwords are made by the demo only; here names are taken out of the file
and maps made again, and the broker says in a file of its own what it has read.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from broker.contract.rights import RIGHTS_KEEPER, amqtt_without_others
from broker.hub.keys import crl
from broker.hub.keys.rights import entitled
from broker.hub.records import Database, Revocation, note_change, write_audit
from broker.link.clock import Clock
from broker.link.config import Settings
from broker.trust.files import write_atomically

log = logging.getLogger(__name__)

CONFIG = "amqtt.json"
LOADED = "amqtt.loaded"
LOADED_S = 5.0


class Embedded:
    """Its file lies beside its process id. Where there is none, the rights on this loopback broker stay as they are."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._pause = threading.Event()

    @property
    def _file(self) -> Path | None:
        name = self._settings.broker.pid_file
        file = Path(name).parent / CONFIG if name else None
        return file if file is not None and file.exists() else None

    def keep(self, now: datetime) -> bool:
        """Take out of the file who has no rights any more. True when there was something to change.

        Raises NotTold when the broker does not take it up; OSError, the database's errors.
        """
        file = self._file
        if file is None:
            return False
        with self._database.reading() as db:
            everyone = entitled(db, now)
        found = json.loads(file.read_text(encoding="utf-8"))
        wanted = amqtt_without_others(found, everyone, self._settings.where)
        if found == wanted:
            return False
        raw = json.dumps(wanted, indent=1, sort_keys=True).encode()
        write_atomically(file, raw, 0o600)
        self._wait_loaded(file, raw)
        with self._database.session() as db:
            write_audit(db, now, str(RIGHTS_KEEPER), "rights.pushed", "broker", {"mended": CONFIG})
        log.warning("rights changed at the embedded broker", extra={"event": "rights-pushed"})
        return True

    def revoke(self) -> bool:
        """Carry out what is to be revoked. False when something is left."""
        query = select(Revocation.id).where(Revocation.probed_at.is_(None)).order_by(Revocation.id)
        with self._database.reading() as db:
            waiting = list(db.scalars(query))
        if not waiting:
            return True
        try:
            self.keep(self._clock.now())
            trouble = ""
        except crl.NotTold as why:
            trouble = str(why)[:300]
        now = self._clock.now()
        with self._database.session() as db:
            for each in waiting:
                row = db.get_one(Revocation, each)
                row.trouble = trouble
                if (
                    not trouble
                ):  # there is no list and no certificate here: the password is gone, and the session
                    row.rights_gone_at = row.crl_loaded_at = row.cut_off_at = row.probed_at = now
                    write_audit(db, now, str(RIGHTS_KEEPER), "node.cut-off", row.node, {"broker": "embedded"})
                note_change(db, "node", row.node, now)
        return not trouble

    def _wait_loaded(self, file: Path, raw: bytes) -> None:
        wanted = hashlib.sha256(raw).hexdigest()
        crl.tell_broker(self._settings)
        deadline_s = self._clock.monotonic() + LOADED_S
        while True:
            try:
                if (file.parent / LOADED).read_text(encoding="ascii") == wanted:
                    return
            except OSError:
                pass  # not written yet
            if self._clock.monotonic() > deadline_s:
                raise crl.NotTold("the embedded broker has not read its file again")
            self._pause.wait(0.05)

"""`langso run SERVICE`: settings → logging → session → the service's workers, until SIGTERM."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from broker.contract import HUB_SERVICES
from broker.link.clock import MachineClock
from broker.link.config import Settings, SettingsError, load
from broker.link.service import log_as, run
from broker.link.session import Session

BAD_SETTINGS = 78


def run_service(service: str, config: Path) -> int:
    """Run one service in this process. 78: the settings or files it needs are wrong, each named on stderr."""
    from deploy.cli import SERVICES

    try:
        settings = load(config)
        _agree(settings, service, config)
        log_as(f"{settings.machine.name}.{service}", settings.machine.log_level)
        clock = MachineClock(settings.data_dir / "clock-floor", settings.clock.source)
        session = Session(settings, service, clock)
        workers = importlib.import_module(SERVICES[service]).build(settings, session)
    except SettingsError as why:
        return _refuse(why.lines)
    except OSError as why:
        return _refuse([f"{config}: {why.filename or 'a file it names'}: {why.strerror or why}"])
    return run(workers, session)


def _agree(settings: Settings, service: str, config: Path) -> None:
    role = "hub" if service in HUB_SERVICES else "node"
    if settings.machine.role != role:
        line = f"{config}: machine.role: found {settings.machine.role!r}; {service} runs on a {role}"
        raise SettingsError([line])


def _refuse(lines: list[str]) -> int:
    for line in lines:
        sys.stderr.write(f"langso: {line}\n")
    return BAD_SETTINGS

"""`langso run`, `check`, `doctor`, `generate`, `bench` and `version`: what machines and developers call."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Declare the commands."""
    from deploy.services import SERVICES
    from deploy.terminal import CONFIG

    run = commands.add_parser("run", help="run one service until SIGTERM")
    run.add_argument("service", choices=SERVICES, metavar="SERVICE", help=", ".join(SERVICES))
    run.set_defaults(act=_run)
    check = commands.add_parser(
        "check", help="every error in the settings at once; exit 78 when there is one"
    )
    check.set_defaults(act=_check)
    for each in (run, check):
        each.add_argument("--config", type=Path, default=CONFIG, metavar="FILE")
    doctor = commands.add_parser(
        "doctor", help="what is well and what is not on this machine, and what to do"
    )
    doctor.add_argument("--json", action="store_true")
    doctor.add_argument("--config", type=Path, default=None, metavar="FILE")
    doctor.set_defaults(act=_doctor)
    generate = commands.add_parser("generate", help="write docs/CONTRACT.md, SETTINGS.md and asyncapi.json")
    generate.add_argument(
        "--check", action="store_true", help="only say what differs; exit 1 when something does"
    )
    generate.set_defaults(act=_generate)
    version = commands.add_parser("version", help="which release this is")
    version.set_defaults(act=_version)


def _run(chosen: argparse.Namespace) -> int:
    from deploy.run import run_service

    return run_service(chosen.service, chosen.config)


def _check(chosen: argparse.Namespace) -> int:
    from broker.link.config import SettingsError, load
    from deploy.run import BAD_SETTINGS
    from deploy.terminal import put, say_error
    from firmware_bridge.service import check as check_boards

    try:
        settings = load(chosen.config)
        if wrong := check_boards(settings):
            raise SettingsError([f"{chosen.config}: {line}" for line in wrong])
    except SettingsError as why:
        for line in why.lines:
            say_error(line)
        return BAD_SETTINGS
    put(f"{chosen.config}: all well, {settings.machine.role} {settings.machine.name}")
    return 0


def _doctor(chosen: argparse.Namespace) -> int:
    from deploy.doctor import examine
    from deploy.terminal import CONFIG, put, put_json

    config = chosen.config or (CONFIG if CONFIG.is_file() else None)
    findings = examine(config)
    for each in findings:
        if chosen.json:
            put_json({"check": each.check, "level": each.level, "found": each.found, "do": each.do})
        else:
            sign = {"ok": "   ", "warning": " ! ", "error": "!!!"}[each.level]
            put(
                f"{sign} {each.check:<10} {each.found}" + (f"\n               → {each.do}" if each.do else "")
            )
    levels = {each.level for each in findings}
    return 2 if "error" in levels else 1 if "warning" in levels else 0


def _generate(chosen: argparse.Namespace) -> int:
    from deploy.generate import generate
    from deploy.terminal import ROOT, put

    changed = generate(ROOT, chosen.check)
    for name in changed:
        put(f"{name}: {'differs, run `./langso generate`' if chosen.check else 'written'}")
    return 1 if chosen.check and changed else 0


def _version(chosen: argparse.Namespace) -> int:
    from broker import RELEASE
    from deploy.terminal import put

    del chosen
    put(f"langso {RELEASE}")
    return 0

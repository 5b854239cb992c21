"""`langso test`, `faults`, `lint` and `bench`: from a checkout only."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Declare the commands."""
    test = commands.add_parser("test", help="install what tests need, run everything", add_help=False)
    test.add_argument("rest", nargs=argparse.REMAINDER, metavar="PYTEST-ARGUMENTS")
    test.set_defaults(act=_test)
    faults = commands.add_parser(
        "faults",
        help="`--schedules N --seed S`: seeded schedules of faults; `--forge N --seed S`: forged announcements; "
        "`--taps N --seed S`: a hammered touch screen; "
        "without: the ladders that `test` leaves out",
        add_help=False,
    )
    faults.add_argument(
        "rest",
        nargs=argparse.REMAINDER,
        metavar="--schedules N … | --forge N … | --taps N … | PYTEST-ARGUMENTS",
    )
    faults.set_defaults(act=_faults)
    lint = commands.add_parser("lint", help="ruff, ruff format, mypy --strict")
    lint.set_defaults(act=_lint)
    bench = commands.add_parser("bench", help="figures as ratios to a baseline run beside them")
    bench.add_argument("name", metavar="NAME", help="wire, …; `list` names them")
    bench.add_argument("--json", action="store_true", help="one JSON object a figure")
    bench.add_argument(
        "--videos", type=Path, metavar="DIR", help="of camera: labelled clips, a folder with truth.json"
    )
    bench.set_defaults(act=_bench)


def _test(chosen: argparse.Namespace) -> int:
    from deploy.terminal import put
    from deploy.testing import run_tests

    return run_tests(chosen.rest, put)


def _faults(chosen: argparse.Namespace) -> int:
    from deploy.terminal import put
    from deploy.testing import run_forge, run_schedules, run_taps, run_tests

    if any(each.startswith("--forge") for each in chosen.rest):
        return run_forge(chosen.rest, put)
    if any(each.startswith("--taps") for each in chosen.rest):
        return run_taps(chosen.rest, put)
    if any(each.startswith("--schedules") for each in chosen.rest):
        return run_schedules(chosen.rest, put)
    return run_tests(["-m", "ladder", "-n0", *chosen.rest], put)


def _lint(chosen: argparse.Namespace) -> int:
    from deploy.terminal import put
    from deploy.testing import run_lint

    del chosen
    return run_lint(put)


def _bench(chosen: argparse.Namespace) -> int:
    from deploy.terminal import put, put_json, say_error
    from deploy.testing import bench_names, figures_of

    names = bench_names()
    if chosen.name not in names:
        say_error(f"bench {chosen.name!r} is not one of: {', '.join(names) or 'none in this checkout'}")
        return 0 if chosen.name == "list" else 64
    if chosen.videos is not None and chosen.name != "camera":
        say_error("--videos belongs to: bench camera")
        return 64
    if chosen.videos is not None and not (chosen.videos / "truth.json").is_file():
        say_error(f"{chosen.videos} holds no truth.json")
        return 66
    wishes = {} if chosen.videos is None else {"videos": chosen.videos}
    for figure in figures_of(chosen.name, wishes):
        if chosen.json:
            put_json(figure)
        elif figure["value"] is None:
            put(figure["name"])
        else:
            ratio = (
                f"   {figure['ratio']:.2f} × {figure['baseline']}" if figure.get("ratio") is not None else ""
            )
            aim = f"   {'reached' if figure['met'] else 'MISSED'}: {figure['aim']}" if "aim" in figure else ""
            put(f"{figure['name']:<40} {figure['value']:>12.4g} {figure['unit']}{ratio}{aim}")
    return 0

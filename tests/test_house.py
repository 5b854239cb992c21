"""The rules of the house: who may import whom, what no room may hold, how large a thing may grow."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOP = ("broker", "edge", "kiosk", "firmware_bridge", "deploy")
SHARED = ("broker.contract", "broker.trust", "broker.link", "broker.speech", "broker.look")
"""From the ground up; speech and look stand beside each other on link."""

MAY_IMPORT = {
    "broker.contract": (),
    "broker.trust": ("broker.contract",),
    "broker.link": ("broker.trust", "broker.contract"),
    "broker.speech": ("broker.link", "broker.trust", "broker.contract"),
    "broker.look": ("broker.link", "broker.trust", "broker.contract"),
    "broker.hub": SHARED,
    "edge.node": SHARED,
    "edge.speaker": SHARED,
    "edge.camera": SHARED,
    "kiosk": SHARED,
    "firmware_bridge": SHARED,
    "deploy": (*SHARED, "broker.hub", "edge.node", "edge.speaker", "edge.camera", "kiosk", "firmware_bridge"),
}

OWNERS = {
    "paho": ("broker.link.session", "broker.link.bare"),
    "gtts": ("broker.speech",),
    "lunar_vn": ("broker.link.calendar",),
    "segno": ("broker.look",),
    "polib": ("broker.look.words",),
    "influxdb_client": ("broker.hub.telemetry.influx",),
    "requests": (
        "broker.link.media",
        "broker.link.enrol",
        "broker.speech",
        "broker.hub.cap.road",
        "broker.hub.posting",
        "deploy",
    ),
    "defusedxml": ("edge.camera.soap",),
    "lxml": ("broker.hub.cap",),
    "signxml": ("broker.hub.cap.signature",),
    "cv2": ("edge.camera",),
    "av": ("edge.camera", "edge.speaker", "broker.speech"),
    "escpos": ("kiosk.printing",),
    "PIL": ("kiosk.printing",),
    "serial": ("firmware_bridge.port",),
    "flask": ("kiosk", "broker.hub", "broker.look"),
    "sqlalchemy": ("broker.hub", "deploy"),
    "alembic": ("broker.hub.records",),
    "cryptography": ("broker.trust",),
    "argon2": ("broker.hub.accounts",),
    "fido2": ("broker.trust",),
    "pyotp": ("broker.hub.second_factor",),
    "amqtt": ("deploy.embedded",),
    "cheroot": ("broker.hub.devices", "broker.hub.keys"),
    "waitress": ("broker.look.serving",),
    "espeakng_loader": ("broker.speech",),
    "xlsxwriter": ("broker.hub.broadcast_files",),
    "onnxruntime": ("edge.camera.model_child",),
}
"""Third-party library → the only rooms or modules that may import it."""

LAZY = ("influxdb_client", "cv2", "av", "onnxruntime", "escpos", "PIL")
"""Heavy imports that no process pays for unless it uses them."""

BAD_NAMES = {"utils", "util", "helpers", "common", "misc", "manager", "base"}
BAD_SUFFIXES = ("Manager", "Helper", "Handler", "Controller", "Mixin")

IMPOSED = {"process_bind_param", "process_result_value"}
"""Names that a library chose for what we override."""

LONGER_WITH_REASON: dict[str, int] = {}
"""Modules over 400 lines and functions over 60, each with its reason in DECISIONS.md."""


def modules() -> list[Path]:
    """All product modules."""
    return sorted(path for top in TOP for path in (ROOT / top).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """The room a module stands in."""
    for room in sorted(MAY_IMPORT, key=len, reverse=True):
        if module == room or module.startswith(room + "."):
            return room
    return module.split(".")[0]


def imports(path: Path, *, top_level: bool = False) -> Iterator[tuple[str, int]]:
    """Names of imported modules with their line; only those run at import time when `top_level`."""
    nodes = tree(path).body if top_level else ast.walk(tree(path))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                is_module = (ROOT / (full.replace(".", "/") + ".py")).exists() or (
                    ROOT / full.replace(".", "/")
                ).is_dir()
                yield (full if is_module else node.module), node.lineno


EACH = pytest.mark.parametrize("path", modules(), ids=name_of)


@EACH
def test_a_room_imports_only_downwards(path: Path) -> None:
    module = name_of(path)
    room = room_of(module)
    for name, line in imports(path):
        if name.split(".")[0] not in TOP:
            continue
        target = room_of(name)
        allowed = target == room or target in MAY_IMPORT.get(room, ()) or name in ("broker", "edge")
        assert allowed, f"{module}:{line} imports {name}: {room} may import {MAY_IMPORT.get(room)}"


@EACH
def test_a_library_is_imported_only_by_its_owner(path: Path) -> None:
    module = name_of(path)
    for name, line in imports(path):
        owners = OWNERS.get(name.split(".")[0])
        if owners:
            at_home = any(module == owner or module.startswith(owner + ".") for owner in owners)
            assert at_home, f"{module}:{line} imports {name}, which only {owners} may"


def test_the_contract_needs_nothing_but_msgspec() -> None:
    import sys

    for path in (ROOT / "broker" / "contract").glob("*.py"):
        for name, line in imports(path):
            first = name.split(".")[0]
            assert first in ("broker", "msgspec", "__future__") or first in sys.stdlib_module_names, (
                f"{name_of(path)}:{line} imports {name}"
            )


@pytest.mark.parametrize("module", ["deploy.cli", "broker.hub.ingest", "broker.link.session", "kiosk.app"])
def test_heavy_libraries_are_not_loaded_before_they_are_needed(module: str) -> None:
    import sys

    code = (
        f"import {module}, sys; sys.stdout.write(','.join(sorted(m for m in {LAZY!r} if m in sys.modules)))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert loaded == ""


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    graph = {
        name_of(path): {name for name, _ in imports(path, top_level=True) if name.split(".")[0] in TOP}
        for path in modules()
    }
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " → ".join((*trail[trail.index(module) :], module))
        if module in done:
            return
        for target in graph.get(module, ()):
            if target != module:
                walk(target, (*trail, module))
        done.add(module)

    for module in graph:
        walk(module, ())


@EACH
def test_names_say_what_a_thing_does(path: Path) -> None:
    assert path.stem not in BAD_NAMES
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ClassDef):
            assert not node.name.endswith(BAD_SUFFIXES), node.name
        if isinstance(node, ast.FunctionDef) and node.name not in IMPOSED:
            assert not node.name.startswith(("handle_", "process_", "do_")), node.name


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _inner(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.FunctionDef]:
    """Functions defined directly inside: a page factory is as long as its own lines, not as its pages'."""
    return [each for each in node.body if isinstance(each, ast.FunctionDef)]


@EACH
def test_nothing_grows_beyond_reading(path: Path) -> None:
    module = name_of(path)
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGER_WITH_REASON.get(module, 400), f"{module} has {lines} lines"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = _lines(node) - sum(map(_lines, _inner(node)))
            key = f"{module}.{node.name}"
            assert length <= LONGER_WITH_REASON.get(key, 60), f"{key} has {length} lines"


@EACH
def test_everything_public_says_what_it_is_for(path: Path) -> None:
    module = name_of(path)
    assert ast.get_docstring(tree(path)), f"{module} has no docstring"
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{module}.{node.name} has no docstring"
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
                    assert ast.get_docstring(inner), f"{module}.{node.name}.{inner.name} has no docstring"


@EACH
def test_no_global_changes_and_no_sleep(path: Path) -> None:
    module = name_of(path)
    for node in ast.walk(tree(path)):
        assert not isinstance(node, ast.Global), f"{module}:{node.lineno} changes a global"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = f"{ast.unparse(node.func.value)}.{node.func.attr}"
            assert called != "time.sleep", f"{module}:{node.lineno} sleeps"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            assert module.startswith("deploy.") or module.endswith(("_child", "simulator")), (
                f"{module}:{node.lineno} prints"
            )


PURE = (
    "broker.contract.message",
    "broker.speech.normalise",
    "broker.hub.announcing.difference",
    "broker.look.procedure_lint",
    "broker.hub.announcing.planner",
    "edge.speaker.firewall",
    "edge.speaker.programme",
    "edge.camera.motion",
    "edge.camera.known",
    "edge.camera.tamper",
    "edge.camera.episode",
    "edge.camera.nanodet",
    "firmware_bridge.mapping",
    "firmware_bridge.drivers.modbus",
    "kiosk.search",
    "kiosk.spelling",
)
IMPURE = {"time", "socket", "threading", "subprocess", "os", "random", "secrets", "requests", "sqlite3"}


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_do_no_io_and_read_no_clock(module: str) -> None:
    path = ROOT / (module.replace(".", "/") + ".py")
    for name, line in imports(path):
        assert name.split(".")[0] not in IMPURE, f"{module}:{line} imports {name}"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("datetime.now", "open", "date.today", "datetime.utcnow"), (
                f"{module}:{node.lineno}"
            )


def test_only_the_contract_writes_topics() -> None:
    for path in modules():
        if room_of(name_of(path)) == "broker.contract":
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.match(r"ls/(\{|\d|\+|#)", node.value), (
                    f"{name_of(path)}:{node.lineno} writes a topic"
                )


def tracked() -> list[Path]:
    out = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout
    return [ROOT / name for name in out.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_tracked_file_names_a_package_host() -> None:
    hosts = re.compile(
        "|".join(
            [
                "py" + r"pi\.org",
                "python" + r"hosted\.org",
                r"registry\.np" + "mjs",
                r"(deb|security)\.deb" + r"ian\.org",
            ]
        )
    )
    for path in tracked():
        if path.suffix in (".png", ".woff2", ".mo", ".ogg", ".jpg"):
            continue
        found = hosts.search(path.read_text(encoding="utf-8", errors="ignore"))
        assert not found, f"{path.relative_to(ROOT)} names {found[0] if found else ''}"


def test_tests_use_no_mocks_and_no_sleeps() -> None:
    words = re.compile(r"unittest\.mock|monkeypatch\.setattr\(|\bMock\(|time\.sle" + r"ep\(")
    for path in (ROOT / "tests").rglob("*.py"):
        if path == Path(__file__):
            continue
        found = words.search(path.read_text(encoding="utf-8"))
        assert not found, f"{path.relative_to(ROOT)} uses {found[0] if found else ''}"


def test_one_version() -> None:
    import tomllib

    from broker import RELEASE

    assert (
        tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"] == RELEASE
    )

"""The script `langso`: plain sh, says what is missing, costs nothing the second time."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ["langso", ".ci/run"]
TOOLS = (
    "sh",
    "sed",
    "cksum",
    "readlink",
    "mktemp",
    "id",
    "rm",
    "tail",
    "basename",
    "sleep",
    "kill",
    "printf",
)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A copy of the script in an empty project, and a PATH with nothing but a few tools."""
    (tmp_path / "bin").mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        if found:
            (tmp_path / "bin" / name).symlink_to(found)
    shutil.copy(ROOT / "langso", tmp_path / "langso")
    (tmp_path / "requirements.lock").write_text("# nothing\n")
    (tmp_path / "requirements-test.lock").write_text("# nothing\n")
    return tmp_path


def run(folder: Path, *words: str, user: str = "0") -> subprocess.CompletedProcess[str]:
    fake = folder / "bin" / "id"
    fake.unlink()
    fake.write_text(f"#!/bin/sh\necho {user}\n")
    fake.chmod(0o755)
    env = {"PATH": str(folder / "bin"), "HOME": str(folder), "TMPDIR": str(folder)}
    return subprocess.run(
        [str(folder / "langso"), *words], env=env, capture_output=True, text=True, timeout=60, check=False
    )


def put(folder: Path, name: str, text: str) -> None:
    file = folder / "bin" / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_is_plain_sh(name):
    shell = shutil.which("dash") or "sh"
    done = subprocess.run([shell, "-n", str(ROOT / name)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert os.access(ROOT / name, os.X_OK)


def test_without_python_it_says_the_exact_line(bare):
    put(bare, "apt-get", "exit 1")
    done = run(bare, "demo", user="1000")
    assert done.returncode == 69
    assert "sudo apt-get install --no-install-recommends -y python3 python3-venv" in done.stderr


def test_python_without_venv_is_python_missing(bare):
    put(bare, "apt-get", "exit 1")
    put(bare, "python3", 'case "$2" in *ensurepip*) exit 1 ;; esac')
    done = run(bare, "demo", user="1000")
    assert done.returncode == 69
    assert "python3-venv" in done.stderr


def test_root_gets_it_installed(bare):
    put(bare, "apt-get", 'echo "$*" >>"$HOME/apt"')
    done = run(bare, "demo", user="0")
    assert done.returncode == 69, "the fake apt-get installs nothing"
    assert "install --no-install-recommends -y python3 python3-venv" in (bare / "apt").read_text()
    assert "installing python3-venv" in done.stderr


def test_a_failing_installation_shows_what_was_said_last(bare):
    put(bare, "python3", 'case "$*" in *"-m venv"*) echo no room on disk >&2; exit 1 ;; esac')
    done = run(bare, "demo")
    assert done.returncode == 70
    assert "no room on disk" in done.stderr


def test_a_ready_environment_is_used_at_once(bare):
    (bare / ".venv/bin").mkdir(parents=True)
    python = bare / ".venv/bin/python"
    python.write_text('#!/bin/sh\necho "ran $*"\n')
    python.chmod(0o755)
    stamp = subprocess.run(
        "cksum <requirements.lock", shell=True, cwd=bare, capture_output=True, check=True
    ).stdout
    (bare / ".venv/langso-requirements.stamp").write_bytes(stamp)
    done = run(bare, "say", "xin chào")
    assert (done.returncode, done.stdout) == (0, "ran -m deploy.cli say xin chào\n")
    assert done.stderr == ""


def test_another_lock_means_another_installation(bare):
    (bare / ".venv/bin").mkdir(parents=True)
    python = bare / ".venv/bin/python"
    python.write_text('#!/bin/sh\necho "$*" >>"$HOME/calls"\n')
    python.chmod(0o755)
    put(bare, "python3", "exit 0")
    (bare / ".venv/langso-requirements.stamp").write_text("of an older lock\n")
    assert run(bare, "version").returncode == 0
    calls = (bare / "calls").read_text()
    assert "--require-hashes --only-binary=:all:" in calls
    assert calls.splitlines()[-1] == "-m deploy.cli version"
    run(bare, "version")
    assert (bare / "calls").read_text().count("pip install") == calls.count("pip install")


def test_it_works_from_any_folder_and_through_a_link(bare, tmp_path_factory):
    (bare / ".venv/bin").mkdir(parents=True)
    python = bare / ".venv/bin/python"
    python.write_text('#!/bin/sh\necho "in $PWD with $PYTHONPATH"\n')
    python.chmod(0o755)
    stamp = subprocess.run(
        "cksum <requirements.lock", shell=True, cwd=bare, capture_output=True, check=True
    ).stdout
    (bare / ".venv/langso-requirements.stamp").write_bytes(stamp)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "link").symlink_to(bare / "langso")
    env = {"PATH": str(bare / "bin"), "HOME": str(bare)}
    done = subprocess.run(
        [str(elsewhere / "link"), "version"],
        cwd=elsewhere,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"in {elsewhere} with {bare.resolve()}\n"

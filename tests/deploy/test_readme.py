"""READMEs are true: their blocks run, their links and pictures are there, both speak of the same commands."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from deploy.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "README.vi.md",
    "SECURITY.md",
    *(f"docs/{each.name}" for each in (ROOT / "docs").glob("*.md")),
]
RUN = re.compile(r"<!-- run -->\n```bash\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)")


def blocks() -> list[str]:
    return [
        block
        for name in ("README.md", "README.vi.md")
        for block in RUN.findall((ROOT / name).read_text("utf-8"))
    ]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("block", blocks())
def test_a_block_runs(block):
    done = subprocess.run(
        ["sh", "-euc", block], cwd=ROOT, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mười chín giờ ba mươi" in done.stdout
    assert '"title": "Làm giấy khai sinh cho con"' in done.stdout


def test_there_is_something_to_run():
    assert len(blocks()) == 1


@pytest.mark.parametrize("name", PAGES)
def test_links_and_pictures_lead_somewhere(name):
    page = ROOT / name
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{name} → {target}"


@pytest.mark.parametrize("name", ["README.md", "README.vi.md"])
def test_every_command_it_names_exists(name, capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    known = capsys.readouterr().out
    for command in re.findall(r"\./langso ([a-z]+)", (ROOT / name).read_text(encoding="utf-8")):
        assert re.search(rf"^ +{command}\b", known, re.MULTILINE), command


def test_the_table_of_commands_is_complete(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    known = set(re.findall(r"^    ([a-z]+)\b", capsys.readouterr().out, re.MULTILINE))
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in known - {"lint"}:
        assert command in text, command


@pytest.mark.parametrize("name", ["README.md", "README.vi.md"])
def test_the_two_commands_stand_there(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "$ ./langso demo\n" in text
    assert "$ ./langso test\n" in text


def test_decisions_are_short():
    for entry in (ROOT / "DECISIONS.md").read_text(encoding="utf-8").split("\n## ")[1:]:
        assert len(entry.strip().splitlines()) <= 11, entry.splitlines()[0]

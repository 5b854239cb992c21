"""Generated documents are true, valid and up to date."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from broker.contract import MESSAGES, spec_of
from broker.link.config import Settings
from deploy.generate import asyncapi, contract_page, documents, generate
from deploy.settings_page import settings_page

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "tests" / "contract" / "asyncapi-3.0.0.schema.json"


def test_the_contract_is_a_valid_asyncapi_3_document():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    errors = list(jsonschema.Draft7Validator(schema).iter_errors(asyncapi()))
    assert errors == []


def test_the_published_schema_refuses_a_broken_document():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    broken = {**asyncapi(), "channels": {"x": {"address": 1}}}
    assert list(jsonschema.Draft7Validator(schema).iter_errors(broken))


def test_every_message_has_a_channel_an_operation_and_a_schema():
    made = asyncapi()
    for spec in map(spec_of, MESSAGES):
        name = spec.type.__name__
        assert name in made["components"]["messages"]
        assert name in made["components"]["schemas"]
        assert any(name in channel["messages"] for channel in made["channels"].values())
        senders = {
            key.split(".")[0]
            for key, each in made["operations"].items()
            if each["action"] == "send" and each["messages"][0]["$ref"].endswith(f"/{name}")
        }
        assert senders == set(spec.senders)


def test_every_message_stands_in_the_contract_page():
    page = contract_page()
    for kind in MESSAGES:
        assert f"## {kind.__name__}\n" in page


def test_every_setting_stands_in_the_settings_page():
    page = settings_page()
    for section in Settings.__struct_fields__:
        assert f"## [{section}]" in page
    assert "## [[board.ports]]" in page
    assert "| keepalive_s |" in page


def test_the_documents_are_up_to_date():
    assert generate(ROOT, check=True) == [], "run ./langso generate and commit what it writes"


def test_generating_twice_gives_the_same_bytes(tmp_path):
    assert generate(tmp_path, check=False) == list(documents())
    assert generate(tmp_path, check=False) == []


def test_check_names_what_differs_and_changes_nothing(tmp_path):
    generate(tmp_path, check=False)
    page = tmp_path / "docs" / "CONTRACT.md"
    page.write_text("something else", encoding="utf-8")
    assert generate(tmp_path, check=True) == ["docs/CONTRACT.md"]
    assert page.read_text(encoding="utf-8") == "something else"


@pytest.mark.parametrize("name", ["docs/CONTRACT.md", "docs/SETTINGS.md"])
def test_tables_are_not_broken_by_bars_inside_cells(name):
    for line in documents()[name].splitlines():
        if line.startswith("| ") and not line.startswith("| lane"):
            cells = line.replace("\\|", "").count("|") - 1
            assert cells in (3, 4, 5), line

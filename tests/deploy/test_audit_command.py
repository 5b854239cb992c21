"""`langso audit`: what was done to the log is said in one line, and the exit status tells scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from broker.hub import audit
from broker.hub.records import AuditRow, NodeRecord, NodeSeen, TrustList, Village, audit_rows, write_audit
from broker.hub.records.database import Database, open_url
from broker.hub.signed_heads import SignedHead
from broker.link.config import load
from broker.trust.audit import Head, code_of
from broker.trust.envelope import AuditBody
from deploy.cli import main
from deploy.doctor import audit as doctor
from deploy.doctor.finding import Patient
from edge.node.heads import HeadBook, file_of
from tests.camera.town import NOW, Town, public_of
from tests.hub.test_audit import as_owner, recompute
from tests.node.test_heads import said
from tests.settings import hub_settings, node_settings


class Machine:
    """A hub with ten entries and a node that keeps two heads, each in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.town = Town()
        self.folder, self.hub, self.node = folder, folder / "hub", folder / "thon-01"
        self.settings = hub_settings(folder)
        self.node_settings = node_settings(folder)
        (self.settings.keys_dir / "root.pub").write_text(public_of(self.town.root))
        self.database: Database = open_url(f"sqlite:///{self.settings.data_dir / 'hub.db'}")
        trust = self.town.trust().signed
        with self.database.session() as db:
            db.add(
                TrustList(
                    generation=1,
                    body=trust.body,
                    signature=trust.signatures[0].value,
                    brought_at=NOW,
                    brought_by="quan",
                )
            )
            db.add(Village(code="dong", name="Đông", rank=1))
            db.flush()
            db.add(NodeRecord(name="thon-01", village="dong", label="Đông 1", registered_at=NOW))
        for n in range(10):
            with self.database.session() as db:
                write_audit(db, NOW + timedelta(minutes=n), "binh", "announcement.approved", f"bt-{n}.1")
        book = HeadBook(file_of(self.node_settings))
        for index in (4, 8):
            self.keep(book, self.head(index))

    def head(self, index: int) -> Head:
        with self.database.reading() as db:
            return Head(index, db.get_one(AuditRow, index).hash)

    def keep(self, book: HeadBook, head: Head, later: timedelta = timedelta()) -> None:
        plan = said(self.town, head.index, NOW + later, hash=head.hash)
        book.take(plan.signed, msgspec.json.decode(plan.signed.body, type=AuditBody), NOW)

    def hear(self) -> None:
        """What ingest writes when the node says what it keeps."""
        head = HeadBook(file_of(self.node_settings)).newest
        assert head is not None
        with self.database.session() as db:
            db.add(
                NodeSeen(
                    node="thon-01", at=NOW, uptime_s=1, load_1m=0, memory_free_percent=1, disk_free_percent=1,
                    cpu_celsius=None, clock="trusted", audit_index=head.index, audit_hash=head.hash,
                    audit_signed=msgspec.to_builtins(head.signed), seen_at=NOW,
                )
            )  # fmt: skip


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def run(machine: Machine, capsys: pytest.CaptureFixture[str]) -> Run:
    """run("verify", …): exit status, output, complaints."""

    def call(*words: str, at: Path | None = None) -> tuple[int, str, str]:
        status = main(["audit", *words, "--dir", str(at or machine.folder)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def exported(run: Run, machine: Machine) -> Path:
    """The heads of the node, as somebody carries them to the hub."""
    status, out, _ = run("heads", at=machine.node)
    file = machine.folder / "heads.jsonl"
    file.write_text(out, encoding="utf-8")
    assert status == 0
    return file


def test_a_whole_log_is_called_whole(run: Run, machine: Machine) -> None:
    machine.hear()
    status, out, err = run("verify")
    assert (status, err) == (0, "")
    head = machine.head(10)
    assert out.splitlines()[0] == f"10 rows, head 10:{head.hash}  {code_of(head.hash)}"
    assert "thon-01 keeps 8:" in out
    assert out.splitlines()[-1] == "whole"


def test_without_any_head_kept_elsewhere_it_says_what_it_cannot_notice(run: Run) -> None:
    status, out, _ = run("verify")
    assert status == 0
    assert "thon-01 keeps no head yet" in out
    assert "would not be noticed" in out


def test_the_folder_of_the_hub_itself_will_do(run: Run, machine: Machine) -> None:
    assert run("verify", at=machine.hub)[0] == 0


@pytest.mark.parametrize(
    ("statement", "explained"),
    [
        ("UPDATE audit SET actor = 'quan' WHERE id = 3", "row 3 does not say what it said"),
        ("DELETE FROM audit WHERE id = 3", "row 3 is missing"),
        ("DELETE FROM audit WHERE id > 6", "rows 7 to 8 are gone"),
        ("UPDATE audit SET id = 11 WHERE id = 10", "row 10 is missing"),
        ("UPDATE audit SET prev = hash WHERE id = 5", "row 5 does not follow row 4"),
    ],
)
def test_what_was_done_to_the_log_is_explained(
    run: Run, machine: Machine, statement: str, explained: str
) -> None:
    machine.hear()
    as_owner(machine.database, statement)
    status, out, _ = run("verify")
    assert status == 1
    assert f"NOT WHOLE: {explained}" in out
    assert "whole" not in out.splitlines()


def test_a_log_computed_anew_is_found_by_what_the_node_says(run: Run, machine: Machine) -> None:
    machine.hear()
    recompute(machine.database, 6, "quan")
    status, out, _ = run("verify")
    assert status == 1
    assert "DIFFERS" in out
    assert "computed anew from a row between 1 and 8" in out


def test_heads_carried_from_the_node_find_it_even_when_the_hub_was_made_to_believe_otherwise(
    run: Run, machine: Machine
) -> None:
    machine.hear()
    file = exported(run, machine)
    recompute(machine.database, 6, "quan")
    with machine.database.session() as db:  # the attacker corrects what the node said too
        seen = db.get_one(NodeSeen, "thon-01")
        seen.audit_hash, seen.audit_signed = db.get_one(AuditRow, 8).hash, None
    assert run("verify")[0] == 0
    status, out, _ = run("verify", "--heads", str(file))
    assert status == 1
    assert f"{file}: 2 heads, 1 DIFFER" in out
    assert "computed anew from a row between 5 and 8" in out
    assert "signed by this hub" in out


def test_a_head_that_somebody_made_up_is_not_called_the_hub_s(run: Run, machine: Machine) -> None:
    file = exported(run, machine)
    line = json.loads(file.read_text().splitlines()[0])
    line["hash"] = "0" * 64
    file.write_text(json.dumps(line))
    status, out, _ = run("verify", "--heads", str(file))
    assert status == 1
    assert "its signature is NOT this hub's" in out


def test_a_node_that_makes_up_a_head_is_named_and_the_log_stays_whole(run: Run, machine: Machine) -> None:
    machine.hear()
    with machine.database.session() as db:
        seen = db.get_one(NodeSeen, "thon-01")
        seen.audit_hash, seen.audit_signed = "f" * 64, None
    status, out, _ = run("verify")
    assert status == 0
    assert "NOT SIGNED by this hub" in out


def test_a_head_from_paper_is_compared_by_hash_or_code(run: Run, machine: Machine) -> None:
    paper = machine.head(10)
    for written in (f"10:{paper.hash}", f"10:{code_of(paper.hash)}", f"10:{code_of(paper.hash).lower()}"):
        assert run("verify", "--head", written)[0] == 0
    recompute(machine.database, 9, "quan")
    status, out, _ = run("verify", "--head", f"10:{code_of(paper.hash)}")
    assert status == 1
    assert "between 1 and 10" in out


def test_a_log_that_is_no_longer_guarded_is_touched(run: Run, machine: Machine) -> None:
    with machine.database.engine.begin() as db:
        db.exec_driver_sql("DROP TRIGGER audit_append")
    status, out, _ = run("verify")
    assert status == 1
    assert "NOT GUARDED" in out


def test_head_prints_where_the_log_ends(run: Run, machine: Machine) -> None:
    head = machine.head(10)
    assert run("head") == (0, f"10:{head.hash}  {code_of(head.hash)}\n", "")


def test_a_node_that_holds_a_contradiction_exports_it_and_says_so(run: Run, machine: Machine) -> None:
    machine.keep(HeadBook(file_of(machine.node_settings)), Head(8, "f" * 64), timedelta(hours=1))
    status, out, err = run("heads", at=machine.node)
    assert status == 1
    assert [json.loads(line)["index"] for line in out.splitlines()] == [4, 8, 8]
    assert "row 8" in err


def test_a_restored_log_is_noted_and_heads_may_go_out_again(run: Run, machine: Machine) -> None:
    signed = SignedHead(machine.settings.data_dir)
    signed.write(Head(99, "f" * 64))
    status, _, _ = run("restored", "--reason", "hỏng ổ cứng, lấy bản sao tối qua")
    assert status == 0
    assert signed.read().index == 0
    with machine.database.reading() as db:
        last = list(audit_rows(db))[-1].entry
        assert (last.action, last.detail) == (
            "audit.restored",
            {"reason": "hỏng ổ cứng, lấy bản sao tối qua"},
        )
        assert audit.inspect(db, machine.settings).is_well
    status, out, _ = run("heads", "--start-again", at=machine.node)
    assert status == 0
    assert "restart langso@node" in out
    assert run("heads", at=machine.node)[1] == ""


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("verify", "--head", "12"), "INDEX:HASH"),
        (("verify", "--head", "12:zz"), "16 signs"),
        (("heads",), "for a node"),
    ],
)
def test_what_cannot_be_looked_at_is_one_sentence(run: Run, words: tuple[str, ...], complaint: str) -> None:
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert complaint in err
    assert len(err.splitlines()) == 1


def test_a_file_that_holds_no_heads_is_named_with_its_line(run: Run, machine: Machine) -> None:
    file = machine.folder / "x.jsonl"
    file.write_text('\n{"index": 1}\n')
    status, _, err = run("verify", "--heads", str(file))
    assert status == 2
    assert f"{file}:2" in err


def test_a_folder_without_settings_is_one_sentence(run: Run, tmp_path: Path) -> None:
    status, _, err = run("head", at=tmp_path / "nowhere")
    assert status == 2
    assert "--dir" in err


# -- the doctor


def examined(folder: Path) -> tuple[str, str]:
    file = folder / "langso.toml"
    found = doctor.look(Patient(file, load(file), folder))
    return found.level, found.found


def test_the_doctor_looks_through_the_log_of_a_hub(machine: Machine) -> None:
    machine.hear()
    assert examined(machine.hub) == ("ok", "10 rows, none touched; 1 of 1 nodes keep a head of it")
    with machine.database.engine.begin() as db:
        db.exec_driver_sql("DROP TRIGGER audit_append")
    assert examined(machine.hub)[0] == "error"
    as_owner_without_append(machine)
    level, found = examined(machine.hub)
    assert level == "error"
    assert "row 3 is missing" in found


def as_owner_without_append(machine: Machine) -> None:
    with machine.database.engine.begin() as db:
        db.exec_driver_sql("DROP TRIGGER audit_keep_deleted")
        db.exec_driver_sql("DELETE FROM audit WHERE id = 3")


def test_the_doctor_of_a_node_says_what_it_keeps_and_when_it_was_told_two_things(machine: Machine) -> None:
    assert examined(machine.node) == ("ok", "2 heads of the hub's log kept, up to row 8")
    machine.keep(HeadBook(file_of(machine.node_settings)), Head(8, "f" * 64), timedelta(hours=1))
    assert examined(machine.node) == ("error", "the hub's log was changed at row 8")
    file_of(machine.node_settings).unlink()
    assert "no head" in examined(machine.node)[1]


def test_the_doctor_without_settings_has_nothing_to_say(tmp_path: Path) -> None:
    assert doctor.look(Patient(None, None, tmp_path)).level == "ok"

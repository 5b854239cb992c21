"""Is the hub's audit log what it was; on a node, do the heads it keeps agree with each other?"""

from __future__ import annotations

from broker.link.config import Settings
from deploy.doctor.finding import Finding, Patient

ASK = "langso audit verify, then tell whoever audits the commune; change nothing"


def look(patient: Patient) -> Finding:
    """On the hub looks through the whole log; on a node reads what is kept."""
    settings = patient.settings
    if settings is None:
        return Finding("audit", "ok", "no settings file here: the demo keeps its own log")
    return _hub(settings) if settings.machine.role == "hub" else _node(settings)


def _hub(settings: Settings) -> Finding:
    from broker.hub import audit
    from broker.hub.records import open_database
    from deploy.commands.audit import around, explain

    database = open_database(settings)
    try:
        with database.reading() as db:
            found = audit.inspect(db, settings)
    finally:
        database.close()
    rows = f"{found.verdict.head.index} rows"
    if found.verdict.fault is not None:
        return Finding("audit", "error", f"{rows}: {explain(found.verdict.fault)}", ASK)
    if troubles := around(found):
        return Finding("audit", "error", f"{rows}; {troubles[0]}", ASK)
    kept = sum(each.head.index > 0 and each.is_signed for each in found.nodes)
    return Finding(
        "audit", "ok", f"{rows}, none touched; {kept} of {len(found.nodes)} nodes keep a head of it"
    )


def _node(settings: Settings) -> Finding:
    from edge.node.heads import HeadBook, file_of

    book = HeadBook(file_of(settings))
    if book.conflict is not None:
        todo = (
            "langso audit heads > heads.jsonl, carry it to the hub: langso audit verify --heads heads.jsonl"
        )
        return Finding("audit", "error", f"the hub's log was changed at row {book.conflict.index}", todo)
    newest = book.newest
    if newest is None:
        return Finding("audit", "ok", "the hub has sent no head of its audit log yet")
    return Finding("audit", "ok", f"{len(book.heads)} heads of the hub's log kept, up to row {newest.index}")

"""What supervisors and proxies are told: well, or which fault of the broker stops the hub."""

from __future__ import annotations

from datetime import UTC, datetime

from broker.hub.keys import canary
from tests.console.stage import Stage


def found(stage: Stage, verdict: canary.Verdict) -> tuple[int, dict[str, object]]:
    with stage.database.session() as db:
        canary.keep(db, canary.Finding(verdict, "tried"), datetime.now(UTC))
    answer = stage.client().get("/healthz")
    return answer.status_code, answer.get_json()


def test_while_the_broker_lets_through_what_is_forbidden_the_hub_says_it_is_not_well(stage: Stage) -> None:
    code, said = found(stage, "open")
    assert code == 503
    assert "quản trị" in str(said["why"])
    code, said = found(stage, "clear")
    assert (code, said["ok"]) == (200, True)

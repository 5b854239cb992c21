"""Who reads which announcement: drafts stay with those who write and decide, a village reads what is for it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from broker.hub.console.live import TOPIC_ROLES
from broker.hub.records import Revision
from tests.console.stage import NOW, Stage

SECRET = "Chuyện riêng của thôn Bến"


def reads(client: FlaskClient, revision: Revision, path: str = "") -> int:
    """The status; a refusal carries none of the words."""
    answer = client.get(f"/announcements/{revision.announcement_id}{path}")
    if answer.status_code != 200:
        assert SECRET not in answer.get_data(as_text=True)
    return answer.status_code


@pytest.mark.parametrize(
    ("name", "status"),
    [("hanh", 200), ("binh", 200), ("thon", 403), ("giup", 403), ("lanh", 403), ("quan", 403), ("soat", 403)],
)
def test_a_draft_is_for_its_author_editors_and_approvers(stage: Stage, name: str, status: int) -> None:
    draft = stage.draft(villages=["dong", "ben"], text=SECRET, title=SECRET)
    assert reads(stage.client(name), draft) == status


def test_a_village_person_edits_no_words_of_other_villages_or_drafts(stage: Stage) -> None:
    client = stage.client("thon")
    assert reads(client, stage.draft(villages=["dong"], text=SECRET), "/edit") == 403
    assert reads(client, stage.submitted(villages=["ben"], text=SECRET), "/edit") == 403
    assert reads(stage.client("binh"), stage.draft(text=SECRET), "/edit") == 200


def test_a_key_that_one_may_not_read_gives_nothing_to_the_preview(stage: Stage) -> None:
    client, draft = stage.client("thon"), stage.draft(villages=["ben"], text=SECRET)
    form = {"title": "x", "text": "x", "act": "preview"}
    for path in (
        f"/announcements/preview?key={draft.announcement_id}",
        f"/announcements/{draft.announcement_id}/edit",
    ):
        assert stage.post(client, path, form, page="/announcements/new").status_code == 403


def test_a_village_reads_what_was_handed_in_or_approved_for_it_and_nothing_else(stage: Stage) -> None:
    client = stage.client("thon")
    own, other, both = (
        stage.submitted(villages=villages, text=SECRET, starts=[NOW.replace(hour=hour, minute=30)])
        for villages, hour in ((["dong"], 17), (["ben"], 18), (["dong", "ben"], 19))
    )
    assert [reads(client, each) for each in (own, other, both)] == [200, 403, 200]
    assert reads(stage.client("lanh"), other) == 200
    done = stage.approved(villages=["dong"], text=SECRET, starts=[NOW.replace(hour=20, minute=0)])
    assert reads(client, done) == 200


def test_the_live_feed_tells_keys_of_announcements_only_to_officers_of_the_commune(stage: Stage) -> None:
    assert TOPIC_ROLES["announcement"] == {"editor", "approver", "leader", "admin", "auditor"}
    for name in ("thon", "giup", "khoa"):
        assert stage.client(name).get("/live?topics=announcement").status_code == 400

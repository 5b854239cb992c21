"""Every route × every role: who comes in, who is shown the door, who is sent to sign in.

The table says who may; the cells ask the running app. A route that is not in the table fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from broker.hub.console import access
from broker.hub.records import ROLES
from tests.console.stage import PEOPLE, Stage, set_stage
from tests.hub.town import Keys

ANYBODY = "*"
HALF = "half"
"""Somebody who has shown a password and not yet the second factor."""
STRANGER = "stranger"
House = tuple[Stage, dict[str, FlaskClient]]
WHO = (STRANGER, HALF, *ROLES)

_STAFF = " ".join(ROLES)
_OFFICE = "editor approver leader admin auditor village"
_NUMBERS = "editor approver police leader admin auditor"

TABLE = {
    "account.change_password": _STAFF,
    "account.end_one": _STAFF,
    "account.end_others": _STAFF,
    "account.mine": _STAFF,
    "account.new_phone": _STAFF,
    "account.renew_phone": _STAFF,
    "account.sessions": _STAFF,
    "api.all_series": _NUMBERS,
    "api.description": _NUMBERS,
    "api.readings": _NUMBERS,
    "approvals.after": "approver",
    "approvals.queue": "approver",
    "approve.envelope": "approver",
    "approve.page": "approver",
    "approve.send_back": "approver",
    "approve.sign": "approver",
    "audit.log": "leader admin auditor",
    "audit.look_through": "leader admin auditor",
    "audit.paper": "leader admin auditor",
    "broadcasts.export": "editor approver leader admin auditor",
    "broadcasts.log": _OFFICE,
    "broadcasts.paper": _OFFICE,
    "broadcasts.sort": "editor approver",
    "cap_out.feed": ANYBODY,
    "cap_out.message": ANYBODY,
    "camera_page.ask": "admin",
    "camera_page.change": "admin",
    "camera_page.one": "admin",
    "camera_page.picture": "admin",
    "cameras.add": "admin",
    "cameras.all_cameras": "admin",
    "channels.add": "admin",
    "channels.all_channels": "editor approver leader admin auditor",
    "channels.atom": ANYBODY,
    "channels.change": "admin",
    "channels.open_feed": "admin",
    "compose.edit": "editor approver village",
    "compose.listen": "editor approver village",
    "compose.new": "editor approver village",
    "compose.preview": "editor approver village",
    "compose.tracks": "editor approver village",
    "content_board.one": "editor approver leader admin auditor",
    "content_board.whole": "editor approver leader admin auditor",
    "content_edit.edit": "editor approver",
    "content_edit.form": "editor approver",
    "content_list.all_procedures": "editor approver leader admin auditor",
    "content_list.new": "editor approver",
    "content_one.approve": "approver",
    "content_one.confirm": "approver",
    "content_one.give_back": "approver",
    "content_one.one": "editor approver leader admin auditor",
    "content_one.restore": "editor approver",
    "content_one.retire": "approver",
    "content_one.version": "editor approver leader admin auditor",
    "content_words.missed": "editor approver leader admin auditor",
    "content_words.settle": "editor approver",
    "duty.alert": "police",
    "duty.before": "police",
    "duty.best": "police",
    "duty.cameras": "police",
    "duty.clip": "police",
    "duty.close": "police",
    "duty.close_all": "police",
    "duty.escalate": "police",
    "duty.note": "police",
    "duty.queue": "police",
    "duty_phones.add": "admin",
    "duty_phones.all_phones": "police admin",
    "duty_phones.remove": "admin",
    "duty_phones.set_unseen": "admin",
    "duty_phones.try_out": "admin",
    "duty.reopen": "police",
    "duty.room": "police",
    "duty.snapshot": "police",
    "duty.take": "police",
    "duty.take_all": "police",
    "duty.keep_quiet": "police",
    "duty.leave_quiet": "police",
    "duty.tell_again": "police",
    "duty_export.take": "police",
    "duty_day.one": "police",
    "duty_pictures.give_reason": "police",
    "duty_search.search": "police",
    "shift.hand_over": "police",
    "shift.page": "police",
    "shift.take": "police",
    "drills.all_drills": "editor approver leader admin auditor",
    "drills.new": "approver",
    "drills.one": "editor approver leader admin auditor",
    "emergency.body": "approver",
    "emergency.page": "editor approver",
    "emergency.preview": "editor approver",
    "emergency.silence": "approver",
    "emergency.sound": "editor approver leader admin auditor",
    "emergency.speak": "approver",
    "emergency.words": "editor approver",
    "emergency_one.body": "approver",
    "emergency_one.cancel": "approver",
    "emergency_one.drop": "editor approver leader admin auditor",
    "emergency_one.one": f"{_OFFICE} helper police",
    "emergency_one.sign": "approver",
    "urgent_templates.act": "editor approver",
    "urgent_templates.all_templates": "editor approver leader admin auditor",
    "urgent_templates.body": "approver",
    "urgent_templates.edit": "editor approver",
    "urgent_templates.new": "editor approver",
    "urgent_templates.one": "editor approver leader admin auditor",
    "urgent_templates.sign": "approver",
    "feedback.answer": "editor leader",
    "feedback.inbox": "editor leader",
    "feedback.one": "editor leader",
    "feedback.take": "editor leader",
    "firststeps.first_steps": "admin",
    "health": ANYBODY,
    "found_cameras.add": "admin",
    "found_cameras.ask": "admin",
    "found_cameras.one": "admin",
    "found_cameras.search": "admin",
    "hush.lift": "approver",
    "hush.line": _STAFF,
    "influx.health": ANYBODY,
    "influx.ping": ANYBODY,
    "influx.write": ANYBODY,
    "influx.write_v1": ANYBODY,
    "look.file": ANYBODY,
    "looking.cameras": "police",
    "looking.go_on": "admin police",
    "looking.part": "admin police",
    "looking.pictures": "admin police",
    "looking.shoot": "admin police",
    "looking.start": "admin police",
    "looking.still": "admin police",
    "looking.stop": "admin police",
    "loudspeaker.one": _OFFICE,
    "loudspeaker.test": "approver admin",
    "loudspeaker.tune": "approver admin",
    "measured.all_series": _NUMBERS,
    "measured.one_series": _NUMBERS,
    "mykeys.add_file": "approver",
    "mykeys.add_passkey": "approver",
    "mykeys.ask": "approver",
    "mykeys.page": "approver",
    "mykeys.remove": "approver",
    "nodes.add": "admin",
    "nodes.all_nodes": "leader admin auditor",
    "nodes.code_again": "admin",
    "nodes.enrol": "admin",
    "nodes.new": "admin",
    "nodes.one_node": "leader admin auditor",
    "overview.overview": _NUMBERS,
    "people.add": "admin",
    "people.all_people": "leader admin auditor",
    "people.appoint": "admin",
    "people.change": "admin",
    "people.end_deputy": "admin",
    "people.invite": "admin",
    "people.new": "admin",
    "people.one": "leader admin auditor",
    "people.switch": "admin",
    "people.take_phone": "admin",
    "patterns.begin": "editor approver",
    "patterns.new": "editor approver",
    "patterns.one": "editor approver",
    "patterns.remove": "editor approver",
    "patterns.shelf": "editor approver village",
    "phrases.add": "editor approver",
    "phrases.all_phrases": "editor approver",
    "phrases.remove": "editor approver",
    "places.add": "admin",
    "places.languages": "admin",
    "places.remove": "admin",
    "places.villages": "admin",
    "progress.announcement": f"{_OFFICE} helper",
    "progress.silence": "approver",
    "progress.stop": "editor approver",
    "recordings.sound": "editor approver village",
    "revisions.history": f"{_OFFICE} helper",
    "revoke.ask": "admin",
    "revoke.revoke": "admin",
    "revoke.watch": "leader admin auditor",
    "notice.change": "leader admin",
    "notice.page": "leader admin police auditor",
    "notice.sheet": "leader admin police auditor",
    "ordering.first": "editor approver",
    "placing.place": "admin",
    "rules.change": "approver admin",
    "rules.page": _OFFICE,
    "signin.code": HALF,
    "signin.home": _STAFF,
    "signin.invitation": ANYBODY,
    "signin.set_up": HALF,
    "signin.sign_in": ANYBODY,
    "signin.sign_out": _STAFF,
    "silent.page": _OFFICE,
    "sound.audio": _OFFICE,
    "sound.trial": "editor approver village",
    "speakers.points": _OFFICE,
    "static.file": ANYBODY,
    "stations.add": "approver admin",
    "stations.all_stations": "editor approver leader admin auditor",
    "stations.remove": "approver admin",
    "stream.live": _STAFF,
    "today.take_call": "editor approver leader village helper",
    "today.today": f"{_OFFICE} helper",
    "today.tomorrow": f"{_OFFICE} helper",
    "trust.arrival": "approver leader admin auditor",
    "trust.page": "approver leader admin auditor",
    "trust.proposal": "leader admin",
    "trust.take": "leader admin",
    "voices.clip": "editor approver village leader admin",
    "voices.listen": "editor approver village leader admin",
    "voices.page": "editor approver village leader admin",
    "voices.preview": "editor approver village leader admin",
    "week.week": f"{_OFFICE} helper",
    "wire.sample": "admin",
    "wire.set_aside": "admin",
    "wire.wire": "leader admin auditor",
    "words.export": _OFFICE,
    "words.listen": "editor approver village leader admin",
    "words.page": _OFFICE,
    "words.remove": "editor approver",
    "words.save": "editor approver",
    "words.take_file": "editor approver",
    "words.trial": "editor approver",
    "warning_sources.add": "approver admin",
    "warning_sources.add_rule": "approver admin",
    "warning_sources.change": "approver admin",
    "warning_sources.page": "editor approver leader admin auditor",
    "warning_sources.put_codes": "approver admin",
    "warning_sources.remove_rule": "approver admin",
    "warnings.all_warnings": "editor approver leader admin auditor",
    "warnings.aside": "editor approver",
    "warnings.bring": "editor approver",
    "warnings.draft": "editor approver",
    "warnings.one": "editor approver leader admin auditor",
    "warnings.original": "editor approver leader admin auditor",
}
"""Endpoint → who may. An auditor changes nothing but the own account; an admin opens neither pictures nor
citizens' words."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, keys: Keys, settled: Path) -> Iterator[House]:
    """One console with somebody of every role at its door."""
    with set_stage(tmp_path_factory.mktemp("routes"), keys, settled) as stage:
        stage.settings.console.second_factor = True
        half = stage.half("binh")
        stage.settings.console.second_factor = False
        clients = {roles[0]: stage.client(name) for name, _, _, roles in PEOPLE}
        yield stage, {**clients, HALF: half, STRANGER: stage.client()}


def test_every_route_stands_in_the_table(house: House) -> None:
    found = {rule.endpoint for rule in house[0].app.url_map.iter_rules()}
    assert found - set(TABLE) == set(), "routes that the table does not know"
    assert set(TABLE) - found == set(), "routes that are gone"


@pytest.mark.parametrize("endpoint", TABLE)
def test_the_policy_of_a_route_is_what_the_table_says(house: House, endpoint: str) -> None:
    said = {ANYBODY: access.EVERYONE, HALF: access.HALFWAY}.get(TABLE[endpoint])
    assert access.policy_of(house[0].app, endpoint) == (said or frozenset(TABLE[endpoint].split()))


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("endpoint", TABLE)
def test_a_cell(house: House, endpoint: str, who: str) -> None:
    stage, clients = house
    for rule in stage.app.url_map.iter_rules(endpoint):
        built = rule.build(dict.fromkeys(rule.arguments, "1"))
        assert built is not None
        for method in sorted({"GET", "POST"} & (rule.methods or set())):
            answer = clients[who].open(built[1], method=method)  # no form token: nothing is changed
            assert _seen(endpoint, answer) == _expected(endpoint, who), f"{method} {built[1]}"
            answer.close()


def _expected(endpoint: str, who: str) -> str:
    may = TABLE[endpoint].split()
    if ANYBODY in may or who in may:
        return "in"
    return "door" if who in (STRANGER, HALF) or HALF in may else "out"


def _seen(endpoint: str, answer: TestResponse) -> str:
    assert answer.status_code < 500
    where = urlsplit(answer.headers.get("Location", "")).path
    if answer.status_code == 302 and where == "/sign-in":
        return "door"
    if answer.status_code == 302 and endpoint == "today.today":
        return "out"  # the bare address leads everybody to their own first page
    if answer.status_code == 401 and not endpoint.startswith("influx."):  # those ask for a token of their own
        return "door"
    is_refused = answer.status_code == 403 and "không thuộc việc của anh/chị" in answer.get_data(as_text=True)
    return "out" if is_refused else "in"

"""Signing in by steps: password, then the phone's code or setting a phone up; invitations; one's own account."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from broker.hub import people, second_factor
from broker.hub.records import Account, AuditRow, Deputy, note_change
from tests.console.stage import Stage
from tests.hub.town import PASSWORD

NEW = "mưa rào trên mái tôn"


@pytest.fixture
def strict(stage: Stage) -> Stage:
    """A console that asks for the second factor."""
    stage.settings.console.second_factor = True
    return stage


def give_phone(stage: Stage, name: str) -> str:
    """A phone set up long ago; its secret."""
    sealed = second_factor.propose(stage.settings)
    with stage.database.session() as db:
        account = people.person(db, name)
        account.totp_sealed, account.totp_since, account.totp_step = sealed, stage.now(), 1
    return second_factor.secret_of(stage.settings, sealed)


def code(stage: Stage, secret: str) -> str:
    return next(iter(second_factor.codes_of(secret, stage.now()).values()))


def enter_code(stage: Stage, client: FlaskClient, given: str):  # type: ignore[no-untyped-def]
    return stage.post(client, "/sign-in/code", {"code": given}, page="/sign-in/code")


def is_in(client: FlaskClient) -> bool:
    return client.get("/account").status_code == 200


def secret_shown(page: str) -> str:
    found = re.search(r'class="secret-in">([A-Z2-7 ]+)<', page)
    assert found is not None, page[:3000]
    return found[1].replace(" ", "")


def test_a_password_alone_lets_nobody_in_who_has_a_phone(strict: Stage) -> None:
    secret = give_phone(strict, "binh")
    client = strict.half("binh")
    assert not is_in(client)
    answer = enter_code(strict, client, code(strict, secret))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/home")
    assert is_in(client)


def test_the_page_first_asked_for_is_reached_through_all_steps(strict: Stage) -> None:
    secret = give_phone(strict, "quan")
    client = strict.app.test_client()
    form = {"name": "quan", "password": PASSWORD, "next": "/people"}
    answer = strict.post(client, "/sign-in", form)
    assert answer.headers["Location"] == "/sign-in/code?next=/people"
    form = {"code": code(strict, secret), "next": "/people"}
    assert strict.post(client, "/sign-in/code", form, page="/sign-in/code").headers["Location"] == "/people"


def test_wrong_codes_lock_like_wrong_passwords_and_a_right_password_does_not_forgive_them(
    strict: Stage,
) -> None:
    secret = give_phone(strict, "binh")
    for _ in range(5):
        client = strict.half("binh")  # each time with the right password
        assert "Mã chưa đúng" in enter_code(strict, client, "123 45").get_data(as_text=True)
    answer = enter_code(strict, client, code(strict, secret))
    assert answer.status_code == 429
    answer = strict.post(strict.client(), "/sign-in", {"name": "binh", "password": PASSWORD})
    assert answer.status_code == 429
    with strict.database.reading() as db:
        assert db.query(AuditRow).where(AuditRow.action == "account.locked").one().subject == "binh"


def test_a_code_opens_one_session_only(strict: Stage) -> None:
    secret = give_phone(strict, "binh")
    one, two = strict.half("binh"), strict.half("binh")
    right = code(strict, secret)
    enter_code(strict, one, right)
    assert enter_code(strict, two, right).status_code == 409
    assert (is_in(one), is_in(two)) == (True, False)


def test_whoever_needs_a_phone_sets_it_up_before_coming_in(strict: Stage) -> None:
    client = strict.half("khoa")
    page = client.get("/sign-in/second-factor").get_data(as_text=True)
    assert "<svg" in page
    secret = secret_shown(page)
    assert strict.post(
        client, "/sign-in/second-factor", {"code": "000000"}, page="/sign-in/second-factor"
    ).status_code in (409, 429)
    assert not is_in(client)
    assert secret_shown(client.get("/sign-in/second-factor").get_data(as_text=True)) == secret
    form = {"code": code(strict, secret)}
    strict.post(client, "/sign-in/second-factor", form, page="/sign-in/second-factor")
    assert is_in(client)
    with strict.database.reading() as db:
        assert second_factor.is_set(people.person(db, "khoa"))


def test_a_proposed_secret_of_another_session_is_worth_nothing(strict: Stage) -> None:
    thief, owner = strict.half("khoa"), strict.half("khoa")
    known = secret_shown(thief.get("/sign-in/second-factor").get_data(as_text=True))
    own = secret_shown(owner.get("/sign-in/second-factor").get_data(as_text=True))
    assert known != own
    page = "/sign-in/second-factor"
    assert strict.post(owner, page, {"code": code(strict, known)}, page=page).status_code == 409
    strict.post(owner, page, {"code": code(strict, own)}, page=page)
    assert is_in(owner)


def test_somebody_who_set_a_phone_up_meanwhile_is_not_overruled_by_a_half_way_session(strict: Stage) -> None:
    thief, owner = strict.half("khoa"), strict.half("khoa")
    page = "/sign-in/second-factor"
    own = secret_shown(owner.get(page).get_data(as_text=True))
    known = secret_shown(thief.get(page).get_data(as_text=True))
    strict.post(owner, page, {"code": code(strict, own)}, page=page)
    strict.post(thief, page, {"code": code(strict, known)}, page=page)
    assert not is_in(thief)
    with strict.database.reading() as db:
        kept = people.person(db, "khoa").totp_sealed
    assert kept is not None
    assert second_factor.secret_of(strict.settings, kept) == own


def test_who_needs_no_phone_is_not_asked_for_one(strict: Stage) -> None:
    assert is_in(strict.client("hanh"))


def test_half_a_sign_in_ends_after_ten_minutes_and_opens_no_page(strict: Stage) -> None:
    secret = give_phone(strict, "binh")
    client = strict.half("binh")
    for path in ("/", "/account", "/announcements/x/approve"):
        assert client.get(path).headers["Location"].startswith("/sign-in")
    strict.clock.advance(11 * 60)
    assert client.get("/sign-in/code").headers["Location"] == "/sign-in"
    assert code(strict, secret)


def test_a_role_given_meanwhile_waits_for_the_phone(strict: Stage) -> None:
    client = strict.client("hanh")
    with strict.database.session() as db:
        people.person(db, "hanh").roles = ["editor", "approver"]
    page = client.get("/").get_data(as_text=True)
    assert "Anh/chị có vai trò cần mã xác nhận" in page
    assert client.get("/announcements/x/approve").status_code == 403
    answer = strict.post(client, "/account/second-factor", {"present": PASSWORD}, page="/account")
    assert answer.headers["Location"] == "/account/second-factor/new"
    secret = secret_shown(client.get("/account/second-factor/new").get_data(as_text=True))
    form = {"code": code(strict, secret)}
    strict.post(client, "/account/second-factor/new", form, page="/account/second-factor/new")
    assert client.get("/announcements/x/approve").status_code == 404


def test_another_phone_takes_the_code_of_the_present_one(strict: Stage) -> None:
    old = give_phone(strict, "hanh")
    client = strict.half("hanh")
    enter_code(strict, client, code(strict, old))
    assert strict.post(client, "/account/second-factor", {"code": ""}, page="/account").status_code == 409
    assert client.get("/account/second-factor/new").status_code == 302
    strict.clock.advance(30)
    strict.post(client, "/account/second-factor", {"code": code(strict, old)}, page="/account")
    new = secret_shown(client.get("/account/second-factor/new").get_data(as_text=True))
    form = {"code": code(strict, new)}
    strict.post(client, "/account/second-factor/new", form, page="/account/second-factor/new")
    strict.clock.advance(60)
    other = strict.half("hanh")
    assert enter_code(strict, other, code(strict, old)).status_code == 409
    assert enter_code(strict, other, code(strict, new)).status_code == 302


def test_a_trial_without_second_factor_says_so_on_every_page(stage: Stage) -> None:
    for client, path in (
        (stage.client(), "/sign-in"),
        (stage.client("binh"), "/"),
        (stage.client("khoa"), "/duty"),
    ):
        assert "không hỏi mã trên điện thoại" in client.get(path).get_data(as_text=True)
    stage.settings.console.second_factor = True
    assert "không hỏi mã trên điện thoại" not in stage.client().get("/sign-in").get_data(as_text=True)


def test_an_invitation_leads_to_a_password_a_phone_and_in(strict: Stage) -> None:
    with strict.database.session() as db:
        facts = people.Facts("Cao Thị Mai", ["approver"])
        _, token = people.ask_in(db, "mai", facts, "quan", strict.now())
    client = strict.app.test_client()
    path = f"/invitation/{token}"
    page = client.get(path).get_data(as_text=True)
    assert "Cao Thị Mai" in page
    assert "duyệt" in page
    assert strict.post(client, path, {"password": "ngắn", "again": "ngắn"}, page=path).status_code == 409
    assert strict.post(client, path, {"password": NEW, "again": NEW + "!"}, page=path).status_code == 409
    answer = strict.post(client, path, {"password": NEW, "again": NEW}, page=path)
    assert answer.headers["Location"] == "/sign-in/second-factor"
    secret = secret_shown(client.get("/sign-in/second-factor").get_data(as_text=True))
    form = {"code": code(strict, secret)}
    strict.post(client, "/sign-in/second-factor", form, page="/sign-in/second-factor")
    assert is_in(client)
    again = strict.app.test_client().get(path)
    assert again.status_code == 404
    assert "hết hạn" in again.get_data(as_text=True)


def test_a_new_password_signs_every_other_machine_out(stage: Stage) -> None:
    here, there = stage.client("hanh"), stage.client("hanh")
    form = {"present": "không phải", "password": NEW, "again": NEW}
    assert stage.post(here, "/account/password", form, page="/account").status_code == 409
    answer = stage.post(here, "/account/password", form | {"present": PASSWORD}, page="/account")
    assert answer.status_code == 302
    assert (is_in(here), is_in(there)) == (True, False)
    assert stage.post(stage.client(), "/sign-in", {"name": "hanh", "password": PASSWORD}).status_code == 401
    assert stage.post(stage.client(), "/sign-in", {"name": "hanh", "password": NEW}).status_code == 302


def test_guessing_the_password_in_a_stolen_session_locks(stage: Stage) -> None:
    client = stage.client("hanh")
    form = {"present": "sai", "password": NEW, "again": NEW}
    for _ in range(5):
        assert stage.post(client, "/account/password", form, page="/account").status_code == 409
    form["present"] = PASSWORD
    assert stage.post(client, "/account/password", form, page="/account").status_code == 429


CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"


def test_the_sessions_page_shows_each_machine_and_ends_one_or_all_others(stage: Stage) -> None:
    here, there, third = stage.client("hanh"), stage.app.test_client(), stage.client("hanh")
    form = {"name": "hanh", "password": PASSWORD}
    stage.post(there, "/sign-in", form, headers={"User-Agent": CHROME})
    other = stage.client("binh")
    page = here.get("/account/sessions").get_data(as_text=True)
    assert "đang đăng nhập ở 3 máy" in page
    assert "Chrome trên Windows" in page
    ends = re.findall(r"/account/sessions/([0-9a-f]{16})/end", page)
    assert len(ends) == 2
    for each in ends[:1]:
        stage.post(here, f"/account/sessions/{each}/end", {}, page="/account/sessions")
    assert sorted((is_in(there), is_in(third))) == [False, True]
    stage.post(here, "/account/sessions/end-others", {}, page="/account/sessions")
    assert (is_in(here), is_in(there), is_in(third), is_in(other)) == (True, False, False, True)


def test_nobody_ends_somebody_elses_session(stage: Stage) -> None:
    victim, thief = stage.client("hanh"), stage.client("binh")
    ids = [kept.id for kept in stage.sessions_of("hanh")]
    answer = stage.post(thief, f"/account/sessions/{ids[0]}/end", {}, page="/account/sessions")
    assert answer.status_code == 404
    assert is_in(victim)


def listen(client: FlaskClient):  # type: ignore[no-untyped-def]
    """The events of a live page; the first one has come."""
    answer = client.get("/live?topics=play", buffered=False)
    events = iter(answer.response)
    while b"hello" not in (line := next(events)) and b"resync" not in line:
        pass
    return events


def ends(events) -> bool:  # type: ignore[no-untyped-def]
    """Whether the stream says that it is over and stops."""
    last = b""
    for chunk in events:
        last = chunk
    return b"event: over" in last


def test_a_live_page_closes_when_its_session_is_ended(stage: Stage) -> None:
    client, other = stage.client("hanh"), stage.client("hanh")
    events = listen(client)
    stage.post(other, "/account/sessions/end-others", {}, page="/account/sessions")
    assert ends(events)


def test_a_live_page_closes_when_its_account_is_disabled(stage: Stage) -> None:
    events = listen(stage.client("hanh"))
    with stage.database.session() as db:
        people.disable(db, stage.settings, people.person(db, "hanh"), "quan", stage.now())
    assert ends(events)


def test_a_live_page_closes_when_its_rights_change_or_end_by_themselves(stage: Stage) -> None:
    with stage.database.session() as db:
        hanh, khoa = people.person(db, "hanh"), people.person(db, "khoa")
        until = stage.now() + timedelta(minutes=5)
        people.appoint(db, hanh, khoa, "police", until, "quan", stage.now())
    events = listen(stage.client("hanh"))
    stage.clock.advance(6 * 60)
    with stage.database.session() as db:
        note_change(db, "account", "somebody", stage.now())
    assert ends(events)
    with stage.database.reading() as db:
        assert db.query(Deputy).one().ended_at is None


def test_a_deputy_sees_whom_they_stand_in_for_and_gets_the_pages(stage: Stage) -> None:
    client = stage.client("hanh")
    assert client.get("/duty").status_code == 403
    with stage.database.session() as db:
        hanh, khoa = people.person(db, "hanh"), people.person(db, "khoa")
        people.appoint(db, hanh, khoa, "police", stage.now() + timedelta(days=3), "quan", stage.now())
    assert client.get("/duty").status_code == 200
    assert "công an thay Trần Văn Khoa đến" in client.get("/account").get_data(as_text=True)


def test_the_address_counts_behind_the_proxy_of_this_machine_only(stage: Stage) -> None:
    client = stage.client()
    for n in range(20):
        form = {"name": f"ai-{n}", "password": "sai"}
        stage.post(client, "/sign-in", form, environ_base={"REMOTE_ADDR": "203.0.113.7"},
                   headers={"X-Forwarded-For": f"198.51.100.{n}"})  # fmt: skip
    form = {"name": "hanh", "password": PASSWORD}
    locked = stage.post(client, "/sign-in", form, environ_base={"REMOTE_ADDR": "203.0.113.7"})
    free = stage.post(stage.client(), "/sign-in", form, environ_base={"REMOTE_ADDR": "203.0.113.8"})
    assert (locked.status_code, free.status_code) == (429, 302)


def test_accounts_of_others_are_nobodys_to_list_by_trying(stage: Stage) -> None:
    client = stage.client("hanh")
    with stage.database.reading() as db:
        assert db.query(Account).count() == 8
    assert {client.get(f"/people/{name}").status_code for name in ("binh", "khong-co")} == {403}


def sign_in_with_a_new_phone(stage: Stage, name: str) -> FlaskClient:
    """The owner signs in and sets a phone up by the way."""
    page = "/sign-in/second-factor"
    client = stage.half(name)
    secret = secret_shown(client.get(page).get_data(as_text=True))
    assert stage.post(client, page, {"code": code(stage, secret)}, page=page).status_code == 302
    return client


def make_approver(stage: Stage, name: str) -> None:
    with stage.database.session() as db:
        people.person(db, name).roles = ["editor", "approver"]


def test_a_password_only_session_is_over_once_its_owner_sets_a_phone_up(strict: Stage) -> None:
    thief = strict.client("hanh")
    make_approver(strict, "hanh")
    owner = sign_in_with_a_new_phone(strict, "hanh")
    assert owner.get("/my-keys").status_code == 200
    assert not is_in(thief)
    assert [kept.second_shown for kept in strict.sessions_of("hanh")] == [True]


def test_roles_that_need_the_phone_wait_for_what_this_session_has_shown(strict: Stage) -> None:
    thief = strict.client("hanh")
    make_approver(strict, "hanh")
    give_phone(strict, "hanh")  # the account has a phone now; this session never showed its code
    assert thief.get("/my-keys").status_code == 403
    assert is_in(thief)


def test_a_phone_proposed_before_the_owner_had_one_does_not_replace_the_owners(strict: Stage) -> None:
    thief = strict.client("hanh")
    strict.post(thief, "/account/second-factor", {"present": PASSWORD}, page="/account")
    page = "/account/second-factor/new"
    known = secret_shown(thief.get(page).get_data(as_text=True))
    with strict.database.session() as db:
        people.person(db, "hanh").roles = ["editor", "approver"]
    secret = give_phone(strict, "hanh")
    answer = strict.post(thief, page, {"code": code(strict, known)}, page=page)
    assert answer.status_code == 409
    assert thief.get(page).status_code == 302  # what was proposed is forgotten
    with strict.database.reading() as db:
        kept = people.person(db, "hanh").totp_sealed
    assert kept is not None
    assert second_factor.secret_of(strict.settings, kept) == secret


def test_a_session_that_shows_a_new_phone_gets_another_cookie(strict: Stage) -> None:
    client = strict.client("hanh")
    before = client.get_cookie("langso")
    strict.post(client, "/account/second-factor", {"present": PASSWORD}, page="/account")
    page = "/account/second-factor/new"
    secret = secret_shown(client.get(page).get_data(as_text=True))
    strict.post(client, page, {"code": code(strict, secret)}, page=page)
    after = client.get_cookie("langso")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    assert is_in(client)
    client.set_cookie("langso", before.value)
    assert not is_in(client)

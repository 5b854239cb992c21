"""Pages of keys without a browser: what is refused, in which words, and what each role sees."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

from broker.contract.hub import Signature
from broker.hub import next_list, trusted
from broker.hub.announcing import workflow
from broker.hub.announcing.signing import Desk
from broker.hub.records import Account, ApproverKey, SpeakerSeen
from broker.trust.approvers import sign_list
from broker.trust.envelope import PrivateKey, TrustBody, sign
from broker.trust.identity import load_hub_signer
from broker.trust.keys import key_id, new_key, public_pem
from broker.trust.passkey import use_of
from tests.console.stage import Stage
from tests.trust.authenticator import Authenticator
from tests.trust.test_passkey import b64, made

ADDRESS = "http://localhost:8080"


@pytest.fixture(autouse=True)
def address(stage: Stage) -> None:
    stage.settings.console.address = ADDRESS


def b64_bytes(data: bytes) -> str:
    return base64.b64encode(data).decode()


def challenge(stage: Stage, name: str = "binh") -> bytes:
    """What the hub asks an authenticator of this person to sign."""
    asked = stage.client(name).get("/my-keys/passkey").get_json()
    assert asked["rp"]["id"] == "localhost"
    text: str = asked["challenge"]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def send(stage: Stage, answer: object, name: str = "binh") -> Any:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    form: dict[str, object] = {"answer": text, "label": "Điện thoại"}
    return stage.post(stage.client(name), "/my-keys/passkey", form, page="/my-keys")


def of_file(
    client: FlaskClient, private: PrivateKey, label: str = "USB", signer: PrivateKey | None = None
) -> dict[str, object]:
    """What the browser sends of a key file: the page's challenge, signed with the new key (or with `signer`)."""
    shown = re.search(r'name="challenge" value="([^"]+)"', client.get("/my-keys").get_data(as_text=True))
    assert shown is not None
    proof = b64_bytes(sign(shown[1], "key", "", signer or private).value)
    return {"public": public_pem(private), "label": label, "challenge": shown[1], "proof": proof}


def test_nobody_registers_a_key_without_holding_it(stage: Stage) -> None:
    client, stranger = stage.client("binh"), new_key()
    form = of_file(client, stranger, signer=new_key())
    cases: list[dict[str, object]] = [
        form,
        form | {"proof": ""},
        form | {"proof": "!"},
        form | {"challenge": "", "proof": b64_bytes(sign("", "key", "", stranger).value)},
        of_file(client, stranger) | {"public": public_pem(new_key())},
    ]
    for each in cases:
        assert stage.post(client, "/my-keys/file", each, page="/my-keys").status_code == 409
    with stage.database.session() as db:
        db.get_one(Account, stage.people["lanh"].id).roles = ["approver"]
    other = of_file(client, stranger)  # asked of Bình, sent by Lành
    assert stage.post(stage.client("lanh"), "/my-keys/file", other, page="/my-keys").status_code == 409
    with stage.database.reading() as db:
        assert db.get(ApproverKey, key_id(public_pem(stranger))) is None
    assert stage.post(client, "/my-keys/file", of_file(client, stranger), page="/my-keys").status_code == 302


def test_the_hub_s_own_key_is_nobody_s(stage: Stage) -> None:
    client = stage.client("binh")
    _, own = load_hub_signer(stage.keys.hub)
    answer = stage.post(client, "/my-keys/file", of_file(client, own), page="/my-keys")
    assert answer.status_code == 409
    assert "đã được ghi nhận" in answer.get_data(as_text=True)


def test_a_passkey_is_taken_once_and_only_for_the_person_it_was_asked_of(stage: Stage) -> None:
    private = new_key()
    answer = made(private, challenge=challenge(stage))
    with stage.database.session() as db:
        db.get_one(Account, stage.people["lanh"].id).roles = ["approver"]
    assert send(stage, answer, "lanh").status_code == 409
    assert send(stage, answer).status_code == 302
    again = send(stage, answer)
    assert again.status_code == 409
    assert "đã được ghi nhận" in again.get_data(as_text=True)
    with stage.database.reading() as db:
        row = db.query(ApproverKey).filter_by(kind="passkey").one()
        assert (row.public, row.origin, row.rp_id, row.sign_count) == (
            public_pem(private),
            ADDRESS,
            "localhost",
            7,
        )


def test_an_answer_to_no_question_or_an_old_one_is_refused(stage: Stage) -> None:
    old = challenge(stage)
    for answer in (
        made(new_key()),
        made(new_key(), challenge=old[:-1] + bytes([old[-1] ^ 1])),
        {},
        "[1]",
        "{",
        "",
    ):
        assert send(stage, answer).status_code == 409
    stage.clock.advance(700)
    stale = send(stage, made(new_key(), challenge=old))
    assert "mở đã lâu" in stale.get_data(as_text=True)
    wrong = made(new_key(), challenge=challenge(stage), origin="http://evil.example")
    assert "chưa tạo được khoá đúng loại" in send(stage, wrong).get_data(as_text=True)
    with stage.database.reading() as db:
        assert db.query(ApproverKey).filter_by(kind="passkey").count() == 0


def test_a_console_without_https_offers_key_files_only(stage: Stage) -> None:
    stage.settings.console.address = "http://10.0.0.5:8080"
    client = stage.client("binh")
    assert client.get("/my-keys/passkey", headers={"X-Part": "1"}).status_code == 409
    assert "cần mở bằng https" in client.get("/my-keys").get_data(as_text=True)


def test_only_own_keys_are_taken_back(stage: Stage) -> None:
    with stage.database.session() as db:
        db.get_one(Account, stage.people["lanh"].id).roles = ["approver"]
    refused = stage.post(stage.client("lanh"), "/my-keys/k-binh/remove", {}, page="/my-keys")
    assert refused.status_code == 409
    client = stage.client("binh")
    private = new_key()
    public = public_pem(private)
    stage.post(client, "/my-keys/file", of_file(client, private), page="/my-keys")
    own = f"/my-keys/{key_id(public)}/remove"
    assert stage.post(client, own, {}, page="/my-keys").status_code == 302
    assert key_id(public) not in client.get("/my-keys").get_data(as_text=True)


def test_the_last_believed_key_stays_and_so_does_its_owner(stage: Stage) -> None:
    client, quan = stage.client("binh"), stage.client("quan")
    shown = client.get("/my-keys").get_data(as_text=True)
    assert "khoá duy nhất của xã" in shown
    assert "/my-keys/k-binh/remove" not in shown
    answer = stage.post(client, "/my-keys/k-binh/remove", {}, page="/my-keys")
    assert answer.status_code == 409
    assert "khoá duy nhất của xã" in answer.get_data(as_text=True)
    for path, form in (("switch", {"act": "off"}), ("invite", {})):
        answer = stage.post(quan, f"/people/binh/{path}", form, page="/people/binh")
        assert answer.status_code == 409
        assert "người duyệt cuối cùng của xã" in answer.get_data(as_text=True)
    assert client.get("/my-keys").status_code == 200
    with stage.database.session() as db:
        trusted.remove_key(db, "k-binh", "binh", stage.now())  # gone all the same: the person stays
    answer = stage.post(quan, "/people/binh/switch", {"act": "off"}, page="/people/binh")
    assert answer.status_code == 409


def test_a_broken_public_half_is_refused_and_a_good_one_shown(stage: Stage) -> None:
    client = stage.client("binh")
    bad = stage.post(client, "/my-keys/file", {"public": "x", "label": "USB"}, page="/my-keys")
    assert bad.status_code == 409
    assert "không đúng loại" in bad.get_data(as_text=True)
    good = stage.post(client, "/my-keys/file", of_file(client, new_key(), "<b>USB"), page="/my-keys")
    assert good.status_code == 302
    page = client.get("/my-keys").get_data(as_text=True)
    assert "&lt;b&gt;USB" in page
    assert "Chờ xã ký vào danh sách tin cậy" in page


def test_every_reader_sees_the_list_and_only_bringers_the_means_to_sign(stage: Stage) -> None:
    for name, may in (("quan", True), ("lanh", True), ("soat", False), ("binh", False)):
        page = stage.client(name).get("/trust").get_data(as_text=True)
        assert "Phạm Văn Bình" in page
        assert ("ky-goc" in page) is may


def test_what_the_root_key_signed_is_taken_and_anything_else_refused(stage: Stage) -> None:
    client = stage.client("quan")
    assert client.get("/trust/proposal?add=nobody").status_code == 409
    body = client.get("/trust/proposal").get_data(as_text=True)
    trust = msgspec.json.decode(body, type=TrustBody)
    assert [one.key for one in trust.keys if "hub" not in one.roles] == ["k-binh"]

    def bring(body: str, value: bytes) -> Any:
        return stage.post(client, "/trust", {"body": body, "signature": b64_bytes(value)}, page="/trust")

    good = sign_list(body, stage.keys.root).signatures[0].value
    forged = sign_list(body, new_key()).signatures[0].value
    for text, value in ((body, forged), (body + " ", good), (body, good[:-1]), (body, b""), ("", good)):
        assert bring(text, value).status_code == 409
    assert bring(body, good).status_code == 302
    assert bring(body, good).status_code == 409, "the same list again is not newer"
    page = client.get("/trust").get_data(as_text=True)
    assert "Bỏ khoá của Vũ Thị Lành" in page
    assert "Ngô Quang Quân đưa lên" in page


def test_the_page_says_which_points_hold_the_newest_list(stage: Stage) -> None:
    with stage.database.session() as db:
        db.get_one(SpeakerSeen, "thon-01").trust_generation = 2
        db.get_one(SpeakerSeen, "thon-02").trust_generation = 1
    page = stage.client("soat").get("/trust").get_data(as_text=True)
    assert "<b>1/4</b>" in page
    assert "đang giữ danh sách số 1" in page
    assert page.count("chưa nhận danh sách nào") == 2


def test_an_approver_without_a_believed_key_is_led_to_make_one(stage: Stage) -> None:
    key = stage.submitted().announcement_id
    with stage.database.session() as db:
        trusted.remove_key(db, "k-binh", "binh", stage.now())
    page = stage.client("binh").get(f"/announcements/{key}/approve").get_data(as_text=True)
    assert "chưa có khoá ký nào được xã tin" in page
    assert 'href="/my-keys"' in page


def a_phone(stage: Stage) -> Authenticator:
    """A passkey of Bình's that the commune believes."""
    private = new_key()
    now = stage.now()
    with stage.database.session() as db:
        row = trusted.add_key(
            db,
            stage.settings,
            stage.people["binh"],
            kind="passkey",
            public=public_pem(private),
            label="Điện thoại",
            now=now,
            by="binh",
            credential=b"phone",
            use=use_of(ADDRESS),
        )
        body = next_list.proposal(db, stage.settings, now)
        trusted.take(db, stage.settings, sign_list(body, stage.keys.root), "quan", now)
        return Authenticator(row.id, private, counter=5)


def form_of(body: str, signature: Signature, der: bytes) -> dict[str, object]:
    """What the page's script sends."""
    assert signature.passkey is not None
    return {
        "body": body,
        "key": signature.key,
        "signature": b64_bytes(der),
        "authenticator": b64_bytes(signature.passkey.authenticator_data),
        "client": b64_bytes(signature.passkey.client_data),
        "heard": "yes",
    }


def der_of(value: bytes) -> bytes:
    """r and s as an authenticator writes them."""
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    return encode_dss_signature(int.from_bytes(value[:32], "big"), int.from_bytes(value[32:], "big"))


def test_a_passkey_approves_and_a_copy_that_counts_backwards_does_not(stage: Stage) -> None:
    phone = a_phone(stage)
    client = stage.client("binh")
    answers = []
    for counter in (6, 6, 7):
        phone.counter = counter
        key = stage.submitted(starts=[stage.now().replace(hour=17 + len(answers), minute=30)]).announcement_id
        page = client.get(f"/announcements/{key}/approve").get_data(as_text=True)
        assert b64(b"phone") in page
        body = client.get(f"/announcements/{key}/envelope").get_data(as_text=True)
        signature = phone.sign(body)
        form = form_of(body, signature, der_of(signature.value))
        answers.append(stage.post(client, f"/announcements/{key}/approve", form, page="/"))
    assert [each.status_code for each in answers] == [302, 409, 302]
    assert "bị sao chép" in answers[1].get_data(as_text=True)


def test_broken_signatures_of_a_passkey_are_refused_in_words(stage: Stage) -> None:
    phone = a_phone(stage)
    client = stage.client("binh")
    key = stage.submitted().announcement_id
    body = client.get(f"/announcements/{key}/envelope").get_data(as_text=True)
    signature = phone.sign(body)
    good = form_of(body, signature, der_of(signature.value))
    phone.origin = "https://evil.example"
    elsewhere = phone.sign(body)
    for change in (
        {"signature": b64_bytes(b"no DER")},
        {"authenticator": b64_bytes(b"short")},
        {"client": "%%"},
        {"client": ""},
        form_of(body, elsewhere, der_of(elsewhere.value)),
    ):
        answer = stage.post(client, f"/announcements/{key}/approve", good | change, page="/")
        assert answer.status_code == 409
        assert "hữ ký" in answer.get_data(as_text=True)
    with stage.database.reading() as db:
        assert workflow.newest_revision(db, key).state == "submitted"
        assert trusted.usable_keys(db, Desk.of(stage.settings), stage.people["binh"], stage.now())

"""Other channels: who gets what was approved, once, and what happens while nobody takes it."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Sequence
from datetime import timedelta
from xml.etree import ElementTree as Tree

import msgspec
import pytest
from sqlalchemy import select

from broker.hub import channels, feed
from broker.hub.accounts import create_account
from broker.hub.announcing import workflow
from broker.hub.declined import Declined
from broker.hub.posting import Posting, signature_of
from broker.hub.records import Account, Channel, Delivery, Revision
from tests.fakes.clock import FakeClock
from tests.fakes.letter_box import dripping_box, mail_box, web_box
from tests.hub.town import NOW, PASSWORD, Town


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def posting(town: Town, clock: FakeClock) -> Posting:
    return Posting(town.database, clock, "xã Vân Khê")


def admin_of(town: Town) -> Account:
    with town.database.session() as db:
        found = db.scalars(select(Account).where(Account.username == "quan")).first()
        return found or create_account(
            db, username="quan", full_name="Quản", password=PASSWORD, roles=["admin"], now=NOW
        )


def add(
    town: Town, address: str, kinds: Sequence[str] = ("routine", "emergency"), name: str = "Cổng xã"
) -> Channel:
    admin = admin_of(town)
    with town.database.session() as db:
        return channels.add_channel(db, admin, name, address, kinds, NOW)


def states(town: Town) -> list[tuple[str, str]]:
    with town.database.reading() as db:
        return [(row.what, row.state) for row in db.scalars(select(Delivery).order_by(Delivery.id))]


def test_a_webhook_is_told_once_of_what_was_approved_and_withdrawn(
    town: Town, posting: Posting, clock: FakeClock
) -> None:
    before = town.approved(title="Trước khi có kênh")
    with web_box() as box:
        clock.advance(60)
        admin = admin_of(town)
        with town.database.session() as db:
            channel = channels.add_channel(
                db, admin, "Cổng", f"http://{box.address}/in", ["routine"], clock.now()
            )
        revision = town.approved(now=clock.now(), starts=[NOW + timedelta(hours=3)])
        for _ in range(3):
            posting.step()
        ((path, headers, raw),) = box.came
        said = msgspec.json.decode(raw)
        assert path == "/in"
        assert (said["what"], said["title"], said["kind"]) == ("approved", "Lịch tiêm phòng", "routine")
        assert said["villages"] == [{"code": "dong", "name": "Đông"}]
        assert headers["X-Langso-Signature"] == signature_of(channel.secret, raw)
        with town.database.session() as db:
            workflow.withdraw(db, town.binh, revision, clock.now())
            workflow.withdraw(db, town.binh, before, clock.now())
        posting.step()
        assert [msgspec.json.decode(raw)["what"] for _, _, raw in box.came] == ["approved", "withdrawn"]
    assert states(town) == [("approved", "sent"), ("withdrawn", "sent")]


def test_who_does_not_answer_is_asked_again_later_and_given_up_after_a_day(
    town: Town, posting: Posting, clock: FakeClock
) -> None:
    with web_box() as box:
        add(town, f"http://{box.address}/in")
        box.status = 302
        town.approved()
        assert posting.step() == 1
        assert posting.step() == 0, "not at once"
        assert [path for path, _, _ in box.came] == ["/in"], "a redirect is not followed"
        clock.advance(31)
        box.status = 200
        assert posting.step() == 1
        assert states(town) == [("approved", "sent")]
    town.approved(title="Không ai nhận", starts=[NOW.replace(hour=18)])
    assert posting.step() == 1
    with town.database.reading() as db:
        assert "Không nối được" in db.scalars(select(Delivery).order_by(Delivery.id.desc())).first().problem  # type: ignore[union-attr]
    clock.advance(25 * 3600)
    assert posting.step() == 0
    assert states(town)[-1] == ("approved", "given-up")


def test_mail_and_an_sms_gateway_get_the_words_through_apprise(town: Town, posting: Posting) -> None:
    with mail_box() as mail, web_box() as sms:
        sms.answer = b'{"result": {"message_id": "1", "status": "ok"}}'
        host, _, port = mail.address.partition(":")
        add(town, f"mailto://{host}:{port}/?from=xa@van-khe.vn&to=thon@van-khe.vn&mode=insecure", name="Thư")
        add(town, f"smseagle://ma@{sms.address}/0912345678", name="Tin nhắn")
        town.approved()
        posting.step()
        assert states(town) == [("approved", "sent")] * 2
        ((_, _, letter),) = mail.came
        message = email.message_from_bytes(letter, policy=email.policy.default)
        body = message.get_body(("plain", "html"))
        assert body is not None
        assert "Trạm y tế tiêm phòng" in body.get_content()
        assert "Lịch tiêm phòng" in str(message["Subject"])
        assert "Trạm y tế tiêm phòng" in msgspec.json.decode(sms.came[0][2])["params"]["message"]


def test_a_channel_gets_only_its_kinds_and_nothing_while_it_rests(town: Town, posting: Posting) -> None:
    with web_box() as box:
        channel = add(town, f"http://{box.address}/in", ["emergency"])
        town.approved()
        posting.step()
        admin = admin_of(town)
        with town.database.session() as db:
            channels.remove_channel(db, admin, channel.id, NOW)
        assert box.came == []
    with town.database.reading() as db:
        assert db.get_one(Channel, channel.id).address == ""
        assert channels.channels_of(db) == []


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "bad-address"),
        ("ftp://x.vn/a", "bad-address"),
        ("javascript:alert(1)", "bad-address"),
        ("syslog://", "bad-address"),
        ("vapid://a@b.vn/c@d.vn?keyfile=/etc/langso/hub.key", "bad-address"),
        ("https://", "bad-address"),
        ("https://a b.vn", "bad-address"),
        ("http://[::1", "bad-address"),
        ("h" * 3000, "long-address"),
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence(town: Town, address: str, code: str) -> None:
    with pytest.raises(Declined) as why:
        add(town, address)
    assert why.value.code == code


def test_only_an_admin_keeps_channels_and_passwords_are_not_shown(town: Town) -> None:
    with town.database.session() as db, pytest.raises(Declined):
        channels.add_channel(db, town.binh, "Kênh", "https://a.vn/x", ["routine"], NOW)
    for address in (
        "mailto://u:secret@mail.vn",
        "tgram://123:secret/1",
        "https://a.vn/hook/secret?t=secret",
        "chanify://secret.a.b",
    ):
        assert "secret" not in channels.masked(address)
    assert channels.masked("http://u:secret@10.0.0.5:8443/hook") == "http://10.0.0.5:8443/…"
    assert channels.masked("https://a.vn/hook") == "https://a.vn/…"
    assert channels.masked("https://a.vn:99999/hook") == "https://…"


def test_the_feed_tells_what_was_approved_until_it_is_withdrawn(town: Town) -> None:
    revision = town.approved(title="Họp <thôn> & xã")
    with town.database.session() as db:  # kept before such characters were dropped
        db.get_one(Revision, revision).title = "Họp\ufffe <thôn>\ufdd0 &\x0b xã"
    town.submitted(title="Chưa duyệt", starts=[NOW.replace(hour=18)])

    def titles() -> list[str]:
        with town.database.reading() as db:
            raw = feed.atom_of(db, "Xã Vân Khê", "https://xa.local", NOW)
            assert raw == feed.atom_of(db, "Xã Vân Khê", "https://xa.local", NOW)
        root = Tree.fromstring(raw)
        return [str(each.text) for each in root.iterfind("{*}entry/{*}title")]

    assert titles() == ["Họp <thôn> & xã"]
    with town.database.session() as db:
        workflow.withdraw(db, town.binh, revision, NOW)
    assert titles() == []


def test_a_withdrawal_never_comes_before_the_words_and_reaches_who_heard_them_days_ago(
    town: Town, posting: Posting, clock: FakeClock
) -> None:
    with web_box() as box:
        add(town, f"http://{box.address}/in")
        box.status = 503
        first = town.approved()
        posting.step()
        with town.database.session() as db:
            workflow.withdraw(db, town.binh, first, NOW)
        clock.advance(31)
        box.status = 200
        box.came.clear()
        posting.step()
        assert box.came == [], "what was never told needs no withdrawal"
        assert states(town) == [("approved", "given-up"), ("withdrawn", "given-up")]
        later = town.approved(starts=[NOW + timedelta(days=9)])
        posting.step()
        clock.advance(3 * 24 * 3600)
        with town.database.session() as db:
            workflow.withdraw(db, town.binh, later, clock.now())
        posting.step()
        assert [msgspec.json.decode(raw)["what"] for _, _, raw in box.came] == ["approved", "withdrawn"]


def test_one_who_answers_byte_by_byte_holds_up_nobody(town: Town, posting: Posting) -> None:
    with dripping_box() as slow, web_box() as box:
        add(town, f"http://{slow.address}/in", name="Chậm")
        add(town, f"http://{box.address}/in", name="Nhanh")
        town.approved()
        posting.step()
        assert len(box.came) == 1
        assert states(town) == [("approved", "waiting"), ("approved", "sent")]
        posting.step()
        assert len(slow.came) == 1, "it is not sent again while it is on the way"

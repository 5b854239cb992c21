"""A small commune for tests: real keys, three villages with a node each, people with their roles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract import Place
from broker.contract.hub import Media, Signed
from broker.hub.accounts import create_account
from broker.hub.announcing import emergency, workflow
from broker.hub.announcing.emergency import Words
from broker.hub.announcing.signing import Desk
from broker.hub.announcing.workflow import Draft
from broker.hub.records import (
    Account,
    ApproverKey,
    Camera,
    Database,
    NodeRecord,
    Revision,
    TrustList,
    Village,
)
from broker.link.clock import LOCAL
from broker.link.config import Console, DevicePort, EnrolmentPort, Machine, PlaceOf, Settings
from broker.speech import lexicon
from broker.trust.approvers import sign_list
from broker.trust.envelope import PrivateKey, Role, TrustBody, TrustedKey, canonical, sign
from broker.trust.identity import create_commune, create_hub, load_hub_signer
from broker.trust.keys import new_key, public_pem
from tests.enrolled import enrol_keys

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=LOCAL)
PLACE = Place("00", "00000")
PASSWORD = "rất dài và khó đoán"
LEXICON = lexicon.load()
HOLDERS = {
    "k-binh": "Phạm Văn Bình",
    "k-lanh": "Vũ Thị Lành",
    "k-cuong": "Đặng Hữu Cường",
    "k-cu": "Trần Văn Cư",
}
"""Whose keys the trust list says they are."""


@dataclass
class Keys:
    """The commune's folder, the hub's and a node's keys, and the approvers' private keys by key id."""

    commune: Path
    hub: Path
    node: Path
    private: dict[str, PrivateKey]
    root: PrivateKey
    trust: TrustBody
    """The list in force; `signed_trust` is what the hub was given."""
    signed_trust: Signed


def make_keys(folder: Path) -> Keys:
    """A commune with an approver `k-binh`, emergency signers `k-lanh` and `k-cuong`, one whose time is over, `k-cu`."""
    issued = datetime(2026, 1, 1, tzinfo=UTC)
    home = folder / "commune"
    commune = create_commune(home, "mật khẩu gốc", PLACE, now=issued)
    private = {name: new_key() for name in HOLDERS}
    both: list[Role] = ["approver", "emergency"]
    roles: dict[str, list[Role]] = {"k-lanh": both, "k-cuong": both}
    keys = [
        TrustedKey(
            key=name,
            public=public_pem(key),
            holder=HOLDERS[name],
            roles=roles.get(name, ["approver"]),
            since=issued,
            until=issued + timedelta(days=1 if name == "k-cu" else 3650),
        )
        for name, key in private.items()
    ]
    create_hub(commune, ["127.0.0.1", "localhost"], folder / "hub")
    enrol_keys(folder / "hub", "thon-01", folder / "node")
    name, signer = load_hub_signer(folder / "hub")
    hub = TrustedKey(
        key=name,
        public=public_pem(signer),
        holder="Trung tâm xã",
        roles=["hub"],
        since=issued,
        until=issued + timedelta(days=3650),
    )
    trust = TrustBody(generation=2, commune="00/00000", keys=[hub, *keys])
    signed = sign_list(canonical(trust), commune.root)
    return Keys(home, folder / "hub", folder / "node", private, commune.root, trust, signed)


def believe(db: Session, keys: Keys, owners: dict[str, str]) -> None:
    """The trust list as the commune signed it, and whose keys they are: key id by account name."""
    newest = keys.signed_trust
    db.add(
        TrustList(
            generation=keys.trust.generation,
            body=newest.body,
            signature=newest.signatures[0].value,
            brought_at=NOW,
            brought_by="hub",
        )
    )
    ids = {row.username: row.id for row in db.scalars(select(Account))}
    for username, key in owners.items():
        public = public_pem(keys.private[key])
        db.add(
            ApproverKey(id=key, account_id=ids[username], kind="file", label="", public=public, made_at=NOW)
        )
    db.flush()


def hub_settings(data: Path, keys: Path) -> Settings:
    """Settings of a hub under a temporary folder; tests of the second factor turn it on."""
    settings = Settings(
        machine=Machine(role="hub", name="hub", data=str(data)),
        place=PlaceOf(province="00", commune="00000", commune_name="xã Vân Khê"),
        device_port=DevicePort(host="127.0.0.1", port=0),
        enrolment=EnrolmentPort(host="127.0.0.1", port=0),
        console=Console(second_factor=False),
    )
    settings.keys.dir = str(keys)
    return settings


@dataclass
class Town:
    """The commune in its database, with short ways to walk an announcement through it."""

    database: Database
    keys: Keys
    desk: Desk
    hoa: Account
    """editor"""
    binh: Account
    """approver with key k-binh"""
    lanh: Account
    """approver and emergency signer with key k-lanh"""
    cuong: Account
    """approver and emergency signer with key k-cuong"""

    def draft(self, **change: object) -> int:
        """A good draft by Hoa, for 17:30 today in Đông; returns the revision's id."""
        fields: dict[str, object] = {
            "title": "Lịch tiêm phòng",
            "text": "Trạm y tế tiêm phòng cho trẻ em vào sáng thứ Hai.",
            "villages": ["dong"],
            "starts": [NOW.replace(hour=17, minute=30)],
        }
        with self.database.session() as db:
            return workflow.save_draft(db, self.hoa, Draft(**(fields | change)), NOW).id  # type: ignore[arg-type]

    def submitted(self, *, audio: bool = True, **change: object) -> int:
        """A draft sent for approval, with sound unless told otherwise; an emergency in free words on its own way."""
        if change.get("kind") == "emergency":
            fields = {"title": "Cháy chợ", "text": "Chợ đang cháy, bà con tránh xa.", "villages": ["dong"]}
            words = Words(**{**fields, **{name: change[name] for name in fields if name in change}})  # type: ignore[arg-type]
            with self.database.session() as db:
                revision = emergency.write(db, self.hoa, words, LEXICON, NOW).id
        else:
            revision = self.draft(**change)
            with self.database.session() as db:
                workflow.submit(db, self.hoa, revision, LEXICON, NOW)
        if audio:
            self.give_audio(revision)
        return revision

    def give_audio(self, revision: int, duration_ms: int = 60_000) -> None:
        """What the renderer does."""
        media = Media(sha256=f"{revision:064x}", size=1000, type="audio/ogg", duration_ms=duration_ms)
        with self.database.session() as db:
            db.get_one(Revision, revision).audio = msgspec.to_builtins(media)

    def signed(self, revision: int, key: str = "k-binh", now: datetime = NOW) -> Signed:
        """What the approver's browser sends back."""
        with self.database.reading() as db:
            body = workflow.envelope_for(db, self.desk, revision, now)
        return Signed(body=body, signatures=[sign(body, "announcement", key, self.keys.private[key])])

    def approved(self, now: datetime = NOW, **change: object) -> int:
        """A revision approved by Bình."""
        revision = self.submitted(**change)
        with self.database.session() as db:
            workflow.approve(db, self.desk, self.binh, revision, self.signed(revision, now=now), now)
        return revision

    def revision(self, revision_id: int) -> Revision:
        """A revision as it stands."""
        with self.database.reading() as db:
            return db.get_one(Revision, revision_id)


def settle(database: Database) -> None:
    """Fill an empty database."""
    with database.session() as db:
        for n, (code, name) in enumerate((("dong", "Đông"), ("ben", "Bến"), ("ha", "Hạ")), 1):
            db.add(Village(code=code, name=name, rank=n))
            db.flush()
            db.add(NodeRecord(name=f"thon-0{n}", village=code, label=f"{name} 1", registered_at=NOW))
        db.add(Camera(node="thon-01", camera="cong", name="Cổng", village="dong", source="/dev/video0"))
        for username, roles in (
            ("hoa", ["editor"]),
            ("binh", ["approver"]),
            ("lanh", ["approver", "editor"]),
            ("cuong", ["approver"]),
        ):
            create_account(
                db, username=username, full_name=username.title(), password=PASSWORD, roles=roles, now=NOW
            )


def settled(database: Database, keys: Keys) -> Town:
    """The commune of a database that was filled, with its trust list."""
    with database.session() as db:
        believe(db, keys, {"binh": "k-binh", "lanh": "k-lanh", "cuong": "k-cuong"})
    with database.reading() as db:
        people = {each.username: each for each in db.scalars(select(Account))}
    return Town(
        database, keys, Desk(PLACE, keys.hub), *(people[each] for each in ("hoa", "binh", "lanh", "cuong"))
    )

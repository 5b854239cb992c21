"""Who signs in the forgers' commune: its root, its approvers, its hub, and those who have no right to.

The forger holds the hub's signing key, a node's key, keys of its own and another commune's. Approvers' keys sign
here only what the forger is taken to have captured: announcements that were approved, but not for here and now.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

import msgspec

from broker.contract.hub import Signature, Signed
from broker.trust.envelope import (
    ROOT_KEY_ID,
    Domain,
    PrivateKey,
    Role,
    TrustBody,
    TrustedKey,
    canonical,
    sign,
)
from broker.trust.keys import key_id, new_key, public_pem
from broker.trust.passkey import PasskeyUse

COMMUNE, OTHER_COMMUNE = "00/00000", "00/00001"
USE = PasskeyUse(rp_id="hub.vankhe.test", origin="https://hub.vankhe.test")
DAYS = timedelta(days=300)


@dataclass(frozen=True)
class Person:
    """One key and what it may do."""

    holder: str
    roles: tuple[Role, ...] = ("approver",)
    since: timedelta = -DAYS
    until: timedelta = DAYS
    """Both from the day of the attack."""
    passkey: PasskeyUse | None = None
    private: PrivateKey = field(default_factory=new_key)

    @cached_property
    def public(self) -> str:
        """SPKI PEM."""
        return public_pem(self.private)

    @cached_property
    def id(self) -> str:
        """Name of the key."""
        return key_id(self.public)

    def sign(self, body: str, domain: Domain = "announcement") -> Signature:
        """A key file's signature."""
        return sign(body, domain, self.id, self.private)

    def trusted(self, day: datetime) -> TrustedKey:
        """Its line in a trust list."""
        return TrustedKey(
            key=self.id,
            public=self.public,
            holder=self.holder,
            roles=list(self.roles),
            since=day + self.since,
            until=day + self.until,
            passkey=self.passkey,
        )


class People:
    """Everybody, and the trust lists of the commune."""

    def __init__(self, day: datetime) -> None:
        """day: of the attack."""
        self.day = day
        self.root, self.other_root = new_key(), new_key()
        self.binh = Person("Bình, duyệt")
        self.cuong = Person("Cường, khẩn cấp", ("emergency",))
        self.cuong_phone = Person("Cường, khẩn cấp", ("emergency",))
        self.phuong = Person("Phượng, khẩn cấp", ("emergency",))
        self.hoa = Person("Hoa, duyệt bằng khoá truy cập", ("approver", "emergency"), passkey=USE)
        self.dung = Person("Dũng, đã thu hồi", ("approver", "emergency"))
        self.em = Person("Én, hết hạn", ("approver", "emergency"), until=-timedelta(days=1))
        self.giang = Person("Giang, chưa đến ngày", ("approver", "emergency"), since=timedelta(days=30))
        self.hub = Person("trung tâm", ("hub",))
        self.node = Person("khoá lấy từ một điểm", ())
        self.forger = Person("kẻ giả mạo", ("approver", "emergency"))
        self.kha = Person("Kha, duyệt của xã khác", ("approver", "emergency"))

    @property
    def believed(self) -> tuple[Person, ...]:
        """Those in the trust list in force."""
        known = (self.binh, self.cuong, self.cuong_phone, self.phuong)
        return (*known, self.hoa, self.em, self.giang, self.hub)

    @property
    def root_public(self) -> bytes:
        """The root key as it stands in every node's folder."""
        return public_pem(self.root).encode()

    def trust(self, generation: int, *more: Person, commune: str = COMMUNE) -> TrustBody:
        """A list of those believed and `more`."""
        keys = [each.trusted(self.day) for each in (*self.believed, *more)]
        return TrustBody(generation=generation, commune=commune, keys=keys)

    def by_root(self, trust: TrustBody) -> Signed:
        """A list as the commune's root signs it."""
        return by(canonical(trust), sign(canonical(trust), "trust", ROOT_KEY_ID, self.root))

    def by_hub(self, what: msgspec.Struct, domain: Domain) -> Signed:
        """What the hub signs; the forger holds that key."""
        return by(canonical(what), self.hub.sign(canonical(what), domain))


def by(body: str, *signatures: Signature) -> Signed:
    """A text and signatures beside it, whatever they are."""
    return Signed(body=body, signatures=list(signatures))

"""What may be signed in a commune, and how a signature is made, checked and believed.

A signed thing is a canonical JSON text plus ECDSA P-256/SHA-256 signatures (r and s, 64 bytes) over
`b"langso/" + domain + b"/1\\0" + text`. The domain keeps a signature made for one purpose from serving
another. Nodes believe the keys of a trust list, and the list because the commune's root key signed it.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from msgspec import Meta, Struct

from broker.contract.hub import Media, Signature, Signed
from broker.trust.passkey import PasskeyUse, signed_part

Domain = Literal["announcement", "template", "trust", "plays", "cameras", "content", "audit", "key"]
Role = Literal["approver", "emergency", "hub"]
Kind = Literal["routine", "priority", "emergency"]
PrivateKey = ec.EllipticCurvePrivateKey

ROOT_KEY_ID: Final = "root"
"""Key id under which the commune's root key signs the trust list."""

LARGEST_BODY: Final = 120 * 1024
"""Bytes of a signed text; it must fit a packet beside its frame."""

MOST_SIGNATURES: Final = 8
"""Signatures looked at; a text comes with one or two."""

MOST_STARTS: Final = 400
MOST_VILLAGES: Final = 400
MOST_REVISIONS: Final = 2**31 - 1

_CONTROL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u")
"""An escape by number in canonical JSON: msgspec writes one for control characters and for nothing else."""

_MARKS: Final = re.compile(r"[^\w\x00-\x7f]{31,}")
"""Where marks could be piled up: outside ASCII, no letter and no digit. Unicode's stream-safe text has at most
30 marks on a letter (UAX #15); the time to sort a pile grows with its square."""

Instant = Annotated[datetime, Meta(tz=True)]
LocalTime = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
LocalDay = Annotated[str, Meta(pattern=r"^[0-9]{4}-[01][0-9]-[0-3][0-9]$")]
Code = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Refused(Exception):
    """Something signed is not believed. `code` stands in reasons.REASONS, `detail` is for the operator."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class Start(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A time at which an announcement may begin, and how many seconds late it may still begin."""

    at: Instant
    tolerance_s: Annotated[int, Meta(ge=0, le=86_400)]


class Relay(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A programme that a node takes from elsewhere while it plays (tiếp sóng). What it will say nobody has heard: who
    signs it answers for the station. The envelope's own sound is played where the programme cannot be had."""

    address: Annotated[str, Meta(pattern=r"^(https?|snap)://[^\s]{1,500}$")]
    """Of the stream; `snap` is a live microphone on this network, taken by snapclient."""
    station: Annotated[str, Meta(min_length=1, max_length=80)]
    """As people call it."""
    length_s: Annotated[int, Meta(ge=30, le=3600)]
    """After so long it ends, whatever still comes."""


class Envelope(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an approver signs: the words, the sound by its hash, where, when and until when."""

    announcement: Code
    revision: Annotated[int, Meta(ge=1)]
    commune: Annotated[str, Meta(pattern=r"^[0-9]{2,6}/[0-9]{2,6}$")]
    """Province and commune codes, `37/14000`."""
    kind: Kind
    title: str
    spoken: str
    """Exactly the words to be spoken, numbers and dates already written out."""
    voice: str
    audio: Media
    villages: Annotated[list[str], Meta(min_length=1, max_length=MOST_VILLAGES)]
    """Village codes; nothing outside the list speaks."""
    starts: Annotated[list[Start], Meta(min_length=1, max_length=MOST_STARTS)]
    repeat: Annotated[int, Meta(ge=1, le=10)]
    """How many times the sound is played in one play."""
    gap_s: Annotated[int, Meta(ge=0, le=600)]
    issued_at: Instant
    expires: Instant
    author: str
    relay: Relay | None = None
    """Set for a relayed programme, which is never an emergency and played once."""
    template: Signed | None = None
    """A Template signed beforehand, word for word what is said here: with it one person may speak an emergency; words
    nobody signed before need two."""
    drill: bool = False
    """An emergency's whole way with a short chime for its sound: it is nobody's emergency, breaks into nothing and
    keeps the hours of silence."""

    @property
    def is_emergency(self) -> bool:
        """Whether it is one in earnest, with all the rights of one."""
        return self.kind == "emergency" and not self.drill


class Template(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """An emergency's words and sound, signed on a quiet day so that in the hour of need one person can let it speak."""

    template: Code
    revision: Annotated[int, Meta(ge=1)]
    commune: Annotated[str, Meta(pattern=r"^[0-9]{2,6}/[0-9]{2,6}$")]
    title: str
    spoken: str
    voice: str
    audio: Media
    villages: Annotated[list[str], Meta(min_length=1, max_length=MOST_VILLAGES)]
    """Where it may be let speak; whoever does so chooses among them."""
    repeat: Annotated[int, Meta(ge=1, le=10)]
    gap_s: Annotated[int, Meta(ge=0, le=600)]
    every_s: Annotated[int, Meta(ge=0, le=7200)]
    """It begins again so often until it is cancelled or ends; 0: it is said once."""
    lasts_s: Annotated[int, Meta(ge=60, le=86_400)]
    """The longest it may hold after it was let speak."""
    issued_at: Instant
    expires: Instant
    """Until when it may be let speak."""
    author: str


class TrustedKey(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One public key a node believes, whose it is, for what and from when until when."""

    key: Code
    public: str
    """SubjectPublicKeyInfo, PEM."""
    holder: str
    roles: list[Role]
    since: Instant
    until: Instant
    passkey: PasskeyUse | None = None
    """Set when the key lives in an authenticator; then it signs as a passkey and in no other way."""


class TrustBody(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The commune's trust list. A node never goes back to a lower generation."""

    generation: Annotated[int, Meta(ge=1)]
    commune: str
    keys: list[TrustedKey]


class Hours(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Hours of silence of one kind of day, local time, as in Quiet."""

    since: LocalTime
    until: LocalTime


class Quiet(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Hours of silence in local time; broker.trust.quiet says what they mean.

    `since` later than `until`: silent from midnight to `until` and from `since` on; earlier: between the two; equal:
    never.
    """

    since: LocalTime = "21:00"
    until: LocalTime = "06:00"
    weekend: Hours | None = None
    """On Saturdays and Sundays instead; None: as on other days."""
    holiday: Hours | None = None
    """On `holidays` instead, whatever day of the week they are."""
    holidays: Annotated[list[LocalDay], Meta(max_length=400)] = []


class PlayEntry(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One planned play of one node."""

    occurrence: str
    announcement: str
    revision: Annotated[int, Meta(ge=1, le=MOST_REVISIONS)]
    start: Instant
    order: Annotated[int, Meta(ge=-1000, le=1000)] = 0
    """The commune's order among plays of one kind that are due together; lower speaks first."""
    offset_ms: Annotated[int, Meta(ge=0, le=900_000)] = 0
    """So much later than planned here, where neighbours speak in turns; instead of Tuning.offset_ms, and never past the
    signed tolerance."""


class Tuning(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How one loudspeaker is set: volumes by kind, its offset among neighbours, its weekly test."""

    routine_percent: Annotated[int, Meta(ge=0, le=100)] = 100
    priority_percent: Annotated[int, Meta(ge=0, le=100)] = 100
    emergency_percent: Annotated[int, Meta(ge=50, le=100)] = 100
    """Never below half: an emergency must be heard."""
    offset_ms: Annotated[int, Meta(ge=0, le=10_000)] = 0
    """So much later than planned, so that neighbours do not speak into one another; emergencies ignore it."""
    test_weekday: Annotated[int, Meta(ge=0, le=6)] | None = None
    """Monday is 0; None: no weekly test."""
    test_at: LocalTime = "09:00"


class PlaysBody(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All that a loudspeaker is to play; signed by the hub, every announcement in it by its approver."""

    generation: Annotated[int, Meta(ge=1)]
    node: str
    made_at: Instant
    until: Instant
    quiet: Quiet
    session_limit_s: Annotated[int, Meta(ge=0)]
    """Longest sitting of ordinary plays in seconds, silence under five minutes included; 0 sets no limit."""
    plays: list[PlayEntry]
    announcements: list[Signed]
    cancelled: list[str]
    """Occurrences that must not start and must stop if they play."""
    tuning: Tuning = Tuning()
    silent_until: Instant | None = None
    """Until then nothing sounds, an emergency not either: the order to be silent beats whatever is asked again."""
    keep: Annotated[list[Media], Meta(max_length=64)] = []
    """Sounds to have at hand though nothing is planned for them: those of the emergency templates."""


class CameraSetup(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One camera as the commune set it up."""

    camera: str
    name: str
    source: str
    sensitivity: float


class CamerasBody(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The cameras of one node; signed by the hub."""

    generation: Annotated[int, Meta(ge=1)]
    node: str
    cameras: list[CameraSetup]


class AuditBody(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The head of the hub's audit log; signed by the hub, kept by every node. `generation` is its index."""

    generation: Annotated[int, Meta(ge=1)]
    commune: str
    hash: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    at: Instant


class ContentBody(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The bundle a kiosk shows; signed by the hub."""

    generation: Annotated[int, Meta(ge=1)]
    bundle: Media


Body = TypeVar("Body", bound=Struct)


def occurrence_id(announcement: str, revision: int, start: datetime) -> str:
    """The name of one planned playing: `<announcement>.<revision>.<start in UTC>`."""
    return f"{announcement}.{revision}.{start.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def parse_occurrence(occurrence: str) -> tuple[str, int, datetime]:
    """Announcement, revision and start out of an occurrence's name. Raises ValueError for any other text."""
    announcement, revision, start = occurrence.split(".")
    at = datetime.strptime(start, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    number = int(revision)
    if not 1 <= number <= MOST_REVISIONS:
        raise ValueError(f"revision {number} is none")
    return announcement, number, at


def canonical(what: Struct) -> str:
    """The one JSON text of a body: keys sorted, NFC, no control characters but line breaks and tabs.

    Raises ValueError for an invalid body.
    """
    text = _composed(msgspec.json.encode(what, order="sorted").decode(), type(what).__name__)
    if len(text.encode()) > LARGEST_BODY:
        raise ValueError(f"{type(what).__name__} is larger than {LARGEST_BODY} bytes")
    if _CONTROL.search(text):
        raise ValueError(f"{type(what).__name__} holds a control character")
    msgspec.json.decode(text, type=type(what))  # its ValidationError is a ValueError that names the field
    return text


def _composed(text: str, name: str) -> str:
    """The text in NFC. Raises ValueError for a pile of marks that would take seconds to sort."""
    for run in _MARKS.finditer(text):
        if sum(map(bool, map(unicodedata.combining, run[0]))) > 30:
            raise ValueError(f"{name} piles up marks on a letter")
    return unicodedata.normalize("NFC", text)


def signed_bytes(body: str, domain: Domain) -> bytes:
    """Exactly the bytes a signature covers. Raises UnicodeEncodeError (a ValueError) for lone surrogates."""
    return b"langso/" + domain.encode() + b"/1\0" + body.encode()


def sign(body: str, domain: Domain, key_id: str, private_key: PrivateKey) -> Signature:
    """Sign a canonical text for one purpose."""
    der = private_key.sign(signed_bytes(body, domain), ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(der)
    return Signature(key=key_id, value=r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def verify(
    body: str, domain: Domain, signature: Signature, public: str, passkey: PasskeyUse | None = None
) -> bool:
    """Whether `signature` over `body` was made for `domain` by the owner of `public` (SPKI PEM, P-256).

    passkey: set for a key that lives in an authenticator. Such a key signs as a passkey in this place or not at
    all, any other key never does.
    """
    raw = signature.value
    if len(raw) != 64 or (signature.passkey is None) != (passkey is None):
        return False
    try:
        covered: bytes | None = signed_bytes(body, domain)
        if signature.passkey is not None and passkey is not None:
            covered = signed_part(signature.passkey, passkey, hashlib.sha256(covered or b"").digest())
        if covered is None:
            return False
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        _public_key(public).verify(der, covered, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def open_trust(signed: Signed, root_public: str) -> TrustBody:
    """The trust list, if the commune's root key signed it. Raises Refused.

    Every key in it is one P-256 key under one name, and a hub's key is for nothing else: it can never speak.
    """
    _check_size(signed.body)
    if not signed.signatures:
        raise Refused("unsigned", "trust list")
    by_root = [one for one in signed.signatures[:MOST_SIGNATURES] if one.key == ROOT_KEY_ID]
    if not any(verify(signed.body, "trust", one, root_public) for one in by_root):
        raise Refused("bad-signature", "the trust list is not signed by this commune's root key")
    trust = _read(signed.body, TrustBody)
    ids = [one.key for one in trust.keys]
    if len(ids) != len(set(ids)):
        raise Refused("malformed", "the trust list names a key id twice")
    try:
        points = [_public_key(one.public).public_numbers() for one in trust.keys]
    except (ValueError, UnsupportedAlgorithm) as why:
        raise Refused("malformed", f"a key of the trust list cannot be read: {why}") from why
    if len(points) != len(set(points)):
        raise Refused("malformed", "the trust list holds a key under two names")
    if any("hub" in one.roles and one.roles != ["hub"] for one in trust.keys):
        raise Refused("malformed", "the trust list would let a hub's key speak")
    return trust


def open_signed(
    signed: Signed,
    domain: Domain,
    trust: TrustBody,
    role: Role,
    now: datetime,
    type: type[Body],
) -> Body:
    """The body of a signed text, if a key of the trust list that has `role` and is valid at `now` signed it.

    Raises Refused with the code that comes nearest to what is wrong.
    """
    _check_size(signed.body)
    _believe(signed, domain, trust, role, now)
    return _read(signed.body, type)


def open_announcement(signed: Signed, trust: TrustBody, now: datetime) -> Envelope:
    """An announcement whose signers may speak its kind.

    Ordinary words need one signature with the role `approver`. An emergency needs two people with the role
    `emergency`, one where the words are those of a signed template, and one for a drill, which says nothing.
    Raises Refused.
    """
    _check_size(signed.body)
    envelope = _read(signed.body, Envelope)
    if envelope.kind != "emergency":
        if envelope.drill or envelope.template is not None:
            raise Refused("malformed", "a drill or a template that is no emergency")
        _believe(signed, "announcement", trust, "approver", now)
        return envelope
    _believe(signed, "announcement", trust, "emergency", now)
    if envelope.template is not None:
        _check_template(
            envelope, open_signed(envelope.template, "template", trust, "emergency", now, Template)
        )
    elif not envelope.drill and len(signers_of(signed, trust, "emergency", now)) < 2:
        raise Refused("one-signer", "an emergency in free words needs two people")
    return envelope


def signers_of(signed: Signed, trust: TrustBody, role: Role, now: datetime) -> frozenset[str]:
    """The people whose signatures over an announcement stand: holders of keys that have `role`, each once."""
    _check_size(signed.body)
    return frozenset(
        key.holder
        for one in signed.signatures[:MOST_SIGNATURES]
        if not _verdict(signed.body, "announcement", one, trust, role, now)
        for key in trust.keys
        if key.key == one.key
    )


def _check_template(envelope: Envelope, template: Template) -> None:
    """Refuse an emergency that says, or holds, anything else than its template allows."""
    said = [(each.spoken, each.voice, each.audio, each.repeat, each.gap_s) for each in (envelope, template)]
    if said[0] != said[1] or envelope.commune != template.commune or envelope.relay is not None:
        raise Refused("template-differs", f"{envelope.announcement} is not what {template.template} says")
    if not set(envelope.villages) <= set(template.villages):
        raise Refused("template-differs", f"{template.template} is not for all of these villages")
    if not template.issued_at <= envelope.issued_at <= template.expires:
        raise Refused("template-expired", template.expires.isoformat())
    if (envelope.expires - envelope.issued_at).total_seconds() > template.lasts_s:
        raise Refused("template-differs", f"{template.template} may hold for {template.lasts_s} s")
    starts = sorted(one.at for one in envelope.starts)
    rests = [(after - before).total_seconds() for before, after in itertools.pairwise(starts)]
    if rests and (not template.every_s or min(rests) < template.every_s):
        raise Refused("template-differs", f"{template.template} may begin again every {template.every_s} s")


def _check_size(body: str) -> None:
    if len(body) > LARGEST_BODY:
        raise Refused("malformed", f"{len(body)} characters, at most {LARGEST_BODY} are allowed")


def _public_key(pem: str) -> ec.EllipticCurvePublicKey:
    """A P-256 public key. Raises ValueError or UnsupportedAlgorithm."""
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise ValueError("not a P-256 key")
    return key


def _believe(signed: Signed, domain: Domain, trust: TrustBody, role: Role, now: datetime) -> None:
    """Return when one signature stands; else raise the refusal of the signature that came furthest."""
    if not signed.signatures:
        raise Refused("unsigned", domain)
    order: Sequence[str] = ("", "key-expired", "wrong-role", "bad-signature", "unknown-key")
    found = [
        _verdict(signed.body, domain, one, trust, role, now) for one in signed.signatures[:MOST_SIGNATURES]
    ]
    best = min(found, key=order.index)
    if best:
        raise Refused(best, f"{domain}: needs role {role}, signed by " + _names(signed))


def _verdict(body: str, domain: Domain, one: Signature, trust: TrustBody, role: Role, now: datetime) -> str:
    key = next((k for k in trust.keys if k.key == one.key), None)
    if key is None:
        return "unknown-key"
    if not verify(body, domain, one, key.public, key.passkey):
        return "bad-signature"
    if role not in key.roles:
        return "wrong-role"
    return "" if key.since <= now <= key.until else "key-expired"


def _names(signed: Signed) -> str:
    return ", ".join(one.key[:64] for one in signed.signatures[:MOST_SIGNATURES])


def _read(body: str, wanted: type[Body]) -> Body:
    """Decode, and insist that the text is the canonical one: a second spelling is not believed."""
    try:
        decoded = msgspec.json.decode(body, type=wanted)
        same = canonical(decoded) == body
    except (ValueError, RecursionError) as why:
        raise Refused("malformed", f"{wanted.__name__}: {why}") from why
    if not same:
        raise Refused("not-canonical", wanted.__name__)
    return decoded

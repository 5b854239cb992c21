"""What may be signed in a commune: announcements, templates, trust lists, plans. What is kept and sent is their one
canonical text (broker.trust.envelope)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from broker.contract.hub import Media, Signed
from broker.trust.passkey import PasskeyUse

LOCAL: Final = timezone(timedelta(hours=7), "ICT")
"""Vietnam's time, all year round."""

Role = Literal["approver", "emergency", "hub"]
Kind = Literal["routine", "priority", "emergency"]

MOST_STARTS: Final = 400
MOST_VILLAGES: Final = 400
MOST_REVISIONS: Final = 2**31 - 1

Instant = Annotated[datetime, Meta(tz=True)]
LocalTime = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
LocalDay = Annotated[str, Meta(pattern=r"^[0-9]{4}-[01][0-9]-[0-3][0-9]$")]
Code = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


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
    """A Template signed beforehand, word for word what is said here: with it one person may speak an emergency that
    another signed; words nobody signed before need two."""
    drill: bool = False
    """An emergency's whole way with a short chime for its sound: it is nobody's emergency, breaks into nothing and
    keeps the hours of silence."""

    @property
    def is_emergency(self) -> bool:
        """Whether it is one in earnest, with all the rights of one."""
        return self.kind == "emergency" and not self.drill


class Template(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """An emergency's words and sound, signed on a quiet day so that in the hour of need one person can let it speak.

    Its signers and whoever lets it speak are two people at least: two signed it, or another lets it speak.
    """

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


Part = Annotated[float, Meta(ge=0, le=1)]
"""A share of a picture's width or height."""
Polygon = Annotated[list[tuple[Part, Part]], Meta(min_length=3, max_length=40)]


class Zone(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Part of a camera's picture in which movement counts."""

    name: Annotated[str, Meta(min_length=1, max_length=60)]
    corners: Polygon


class Span(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Hours of some weekdays in which movement raises alerts; over midnight when until is not after since."""

    days: Annotated[list[Annotated[int, Meta(ge=0, le=6)]], Meta(min_length=1, max_length=7)]
    """0 is Monday; the day on which the span begins."""
    since_min: Annotated[int, Meta(ge=0, le=1439)]
    """Minutes after local midnight."""
    until_min: Annotated[int, Meta(ge=0, le=1440)]


class QuietArea(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was a false alarm too often, and tells no one any more: an area, or everything that is not strong."""

    corners: Polygon | None = None
    """Movement in here is not told; None: everywhere, as `sensitivity` says."""
    hours: Annotated[list[Span], Meta(max_length=7)] = []
    """When; empty: always."""
    sensitivity: Part | None = None
    """Of the whole picture meanwhile, instead of what stands in the setup; None with corners."""


class CameraSetup(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One camera as the commune set it up. Its address stands nowhere in clear: it may hold a password."""

    camera: str
    name: str
    sealed: bytes
    """`CameraAddress` as JSON, sealed (broker/trust/seal.py) to the key of the node's camera service."""
    sensitivity: Part = 0.5
    night_sensitivity: Part | None = None
    """From 18:00 to 6:00; the same as by day when None."""
    zones: Annotated[list[Zone], Meta(max_length=12)] = []
    ignored: Annotated[list[Polygon], Meta(max_length=12)] = []
    """Where movement means nothing: a road, a flag, leaves. It is seen and kept all the same."""
    masks: Annotated[list[Polygon], Meta(max_length=12)] = []
    """What nobody may see: burnt in before anything is judged, stored or sent."""
    schedule: Annotated[list[Span], Meta(max_length=21)] = []
    """Empty: always."""
    label: bool = True
    """Whether the node's model, if it has one, may name what moved."""
    quiet: Annotated[list[QuietArea], Meta(max_length=8)] = []
    view: Annotated[int, Meta(ge=0)] = 0
    """Rises when people say that the camera looks where it should: the node learns its view anew."""


class CameraAddress(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where a camera's pictures come from; travels only sealed."""

    source: str
    """The stream that clips are made of: RTSP URL, /dev/videoN, a file, or `scene:`."""
    sub_source: str = ""
    """A smaller stream of the same view that is judged instead; empty when there is none."""


class CameraLogin(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Name and password of a camera whose streams are asked for; travels only sealed."""

    user: Annotated[str, Meta(max_length=80)]
    password: Annotated[str, Meta(max_length=200)]


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

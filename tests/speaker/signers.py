"""A commune with real keys, and the envelopes, plans and commands its hub would send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from broker.contract.hub import Media, PlayNow, PlayPlan, Signed, TrustPlan
from broker.trust.envelope import (
    Domain,
    Envelope,
    Kind,
    PlayEntry,
    PlaysBody,
    PrivateKey,
    Quiet,
    Start,
    TrustBody,
    canonical,
    occurrence_id,
    sign,
)
from broker.trust.identity import Commune

MORNING = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
"""09:00 in the village."""

DAY = timedelta(days=1)
AUDIO = Media(sha256="a" * 64, size=1000, type="audio/ogg", duration_ms=4000)


@dataclass
class Signers:
    """Everybody who signs in the tests, and what they sign."""

    commune: Commune
    keys: dict[str, PrivateKey]
    trust: TrustBody
    signed_trust: Signed
    hub: str

    def signed(self, what: msgspec.Struct, domain: Domain, name: str) -> Signed:
        """`what` signed by one of binh (approver), cuong and dung (emergency), hub, stranger."""
        body = canonical(what)
        key_id = self.hub if name == "hub" else name
        return Signed(body=body, signatures=[sign(body, domain, key_id, self.keys[name])])

    def announcement(self, *starts: datetime, by: str = "", **change: object) -> Signed:
        """A signed announcement, by the right people unless told otherwise."""
        envelope = make_envelope(*starts, **change)
        if by or envelope.kind != "emergency":
            return self.signed(envelope, "announcement", by or "binh")
        first, second = (self.signed(envelope, "announcement", name) for name in ("cuong", "dung"))
        return Signed(body=first.body, signatures=[*first.signatures, *second.signatures])

    def plan(
        self,
        *announcements: Signed,
        generation: int = 1,
        by: str = "hub",
        quiet: Quiet | None = None,
        cancelled: tuple[str, ...] = (),
        node: str = "thon-01",
        session_limit_s: int = 2700,
        made_at: datetime = MORNING,
        **change: object,
    ) -> PlayPlan:
        """A plan with every start of every announcement. change: other fields of the body."""
        envelopes = [msgspec.json.decode(one.body, type=Envelope) for one in announcements]
        plays = [
            PlayEntry(
                occurrence=occurrence_id(one.announcement, one.revision, start.at),
                announcement=one.announcement,
                revision=one.revision,
                start=start.at,
            )
            for one in envelopes
            for start in one.starts
        ]
        body = PlaysBody(
            generation=generation,
            node=node,
            made_at=made_at,
            until=made_at + 7 * DAY,
            quiet=quiet or Quiet(),
            session_limit_s=session_limit_s,
            plays=plays,
            announcements=list(announcements),
            cancelled=list(cancelled),
        )
        body = msgspec.structs.replace(body, **change)
        return PlayPlan(generation=generation, signed=self.signed(body, "plays", by))

    def trust_plan(self) -> TrustPlan:
        """The trust list as it is sent."""
        return TrustPlan(generation=self.trust.generation, signed=self.signed_trust)


def make_envelope(
    *starts: datetime,
    announcement: str = "A1",
    revision: int = 1,
    kind: Kind = "routine",
    tolerance_s: int = 120,
    audio: Media = AUDIO,
    **change: object,
) -> Envelope:
    """An announcement for thôn Đông, by default at MORNING."""
    whole = Envelope(
        announcement=announcement,
        revision=revision,
        commune="00/00000",
        kind=kind,
        title="Họp thôn",
        spoken="Mời bà con đến nhà văn hoá thôn họp.",
        voice="vi",
        audio=audio,
        villages=["dong"],
        starts=[Start(at=at, tolerance_s=tolerance_s) for at in starts or (MORNING,)],
        repeat=1,
        gap_s=1,
        issued_at=MORNING - timedelta(hours=1),
        expires=MORNING + DAY,
        author="an",
    )
    return msgspec.structs.replace(whole, **change)


def play_now(signed: Signed) -> PlayNow:
    """The command for the first start of an announcement."""
    envelope = msgspec.json.decode(signed.body, type=Envelope)
    start = envelope.starts[0].at
    return PlayNow(
        occurrence=occurrence_id(envelope.announcement, envelope.revision, start),
        announcement=envelope.announcement,
        start=start,
        signed=signed,
        media=envelope.audio,
    )


def replanned(signers: Signers, plan: PlayPlan, **change: object) -> PlayPlan:
    """The plan with other content, signed by the hub."""
    body = msgspec.json.decode(plan.signed.body, type=PlaysBody)
    body = msgspec.structs.replace(body, **change)
    return PlayPlan(generation=body.generation, signed=signers.signed(body, "plays", "hub"))

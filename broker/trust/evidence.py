"""Pictures that left the house as a file: a manifest of all that is in it, which the hub signs and anybody can check.

The file is a ZIP of stored parts. `manifest.json` names every part with its SHA-256, who took it out, when and why,
and what was gone by then. `chu-ky.json` holds the hub's signature over the manifest and the trust list that vouches
for the hub's key, so that the commune's public root key alone is enough to check it, without network and database.
What comes from outside is never unpacked: parts are read in place, and only what is stored uncompressed.
"""

from __future__ import annotations

import hashlib
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Annotated, Final

import msgspec
from msgspec import Meta, Struct

from broker.contract.hub import Signature, Signed
from broker.trust.bodies import Instant
from broker.trust.envelope import (
    LARGEST_BODY,
    PrivateKey,
    Refused,
    TrustedKey,
    canonical,
    open_signed,
    open_trust,
    sign,
)

MANIFEST: Final = "manifest.json"
SEAL: Final = "chu-ky.json"
MOST_PARTS: Final = 20
_LARGEST_SEAL: Final = 2 * LARGEST_BODY
_CHUNK: Final = 1 << 16


class EvidencePart(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One file inside."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,79}$")]
    what: Annotated[str, Meta(max_length=200)]
    """In the words of the people who read it."""
    size: Annotated[int, Meta(ge=0)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class EvidenceBody(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What is in the file, who took it out of the house, when and why; signed by the hub."""

    commune: str
    alert: Annotated[int, Meta(ge=1)]
    made_at: Instant
    username: str
    officer: str
    reason: str
    parts: Annotated[list[EvidencePart], Meta(max_length=MOST_PARTS)]
    gone: list[str]
    """What belonged to the alert and is not in the file, and why."""
    log_index: Annotated[int, Meta(ge=0)]
    """Where the hub's audit log ended just before; the entry about this file follows."""
    log_hash: str


class EvidenceSeal(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The hub's signature over the manifest, and the list by which its key is believed."""

    signature: Signature
    trust: Signed


@dataclass(frozen=True)
class Checked:
    """What a look into such a file found."""

    body: EvidenceBody
    key: TrustedKey
    """The hub's, as the commune's root key vouched for it."""
    wrong: Sequence[str]
    """Parts that are missing or are not what the manifest says, and parts it does not know."""

    @property
    def is_whole(self) -> bool:
        """Every part is there, untouched, and there is nothing beside them."""
        return not self.wrong


def seal(body: EvidenceBody, key_id: str, private_key: PrivateKey, trust: Signed) -> tuple[str, bytes]:
    """The manifest's text and the seal beside it. Raises ValueError for words that cannot be signed."""
    text = canonical(body)
    signature = sign(text, "evidence", key_id, private_key)
    return text, msgspec.json.encode(EvidenceSeal(signature=signature, trust=trust))


def believe(manifest: str, sealed: bytes, root_public: str) -> tuple[EvidenceBody, TrustedKey]:
    """The manifest and the key that signed it. Raises Refused: not of this commune's hub, or not what was signed."""
    try:
        found = msgspec.json.decode(sealed, type=EvidenceSeal)
        made_at = msgspec.json.decode(manifest, type=EvidenceBody).made_at
    except (ValueError, RecursionError) as why:
        raise Refused("malformed", str(why)) from why
    trust = open_trust(found.trust, root_public)
    signed = Signed(body=manifest, signatures=[found.signature])
    body = open_signed(signed, "evidence", trust, "hub", made_at, EvidenceBody)
    if body.commune != trust.commune:
        raise Refused("wrong-commune", body.commune)
    return body, next(one for one in trust.keys if one.key == found.signature.key)


def check(file: IO[bytes], root_public: str) -> Checked:
    """Look into a file that somebody brought.

    Raises Refused when its manifest is not believed, ValueError when it is no such file.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            listed = archive.infolist()
            names = [one.filename for one in listed]
            if len(names) != len(set(names)) or len(names) > MOST_PARTS + 2:
                raise ValueError("có tên đứng hai lần, hoặc quá nhiều phần")
            if any(one.compress_type != zipfile.ZIP_STORED or one.flag_bits & 1 for one in listed):
                raise ValueError("có phần bị nén hoặc khoá, trung tâm không bao giờ ghi như vậy")
            manifest = _read(archive, MANIFEST, LARGEST_BODY).decode()
            body, key = believe(manifest, _read(archive, SEAL, _LARGEST_SEAL), root_public)
            return Checked(body, key, _wrong(archive, body, names))
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, struct.error) as why:
        raise ValueError(str(why)) from why


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    if archive.getinfo(name).file_size > most:
        raise ValueError(f"{name} quá lớn")
    return archive.read(name)


def _wrong(archive: zipfile.ZipFile, body: EvidenceBody, names: Sequence[str]) -> list[str]:
    here, told = set(names), {one.name for one in body.parts}
    found = [f"{one.name}: không có" for one in body.parts if one.name not in here]
    touched = (one for one in body.parts if one.name in here and _digest(archive, one.name) != one.sha256)
    found += [f"{one.name}: đã bị sửa, không phải tệp được ký" for one in touched]
    found += [
        f"{name[:80]!r}: không có trong danh sách được ký"
        for name in names
        if name not in told | {MANIFEST, SEAL}
    ]
    return found


def _digest(archive: zipfile.ZipFile, name: str) -> str:
    """SHA-256 of one part; empty where the ZIP's own sum of it is wrong already."""
    digest = hashlib.sha256()
    try:
        with archive.open(name) as part:
            for chunk in iter(lambda: part.read(_CHUNK), b""):
                digest.update(chunk)
    except (zipfile.BadZipFile, EOFError):
        return ""
    return digest.hexdigest()

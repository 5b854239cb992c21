"""A service's next key and certificate, made beside those in use and put in their place in one step."""

from __future__ import annotations

from pathlib import Path

from broker.contract import Identity
from broker.trust.certificates import check_chain, make_request
from broker.trust.keys import load_private, new_key, private_pem, read_file, write_public, write_secret
from broker.trust.swap import swap_in


def prepare_renewal(keys: Path, who: Identity) -> str:
    """A certificate request (PEM) for a new key that waits on the disk; the same one until `settle_renewal`.

    Raises OSError.
    """
    place = _place(keys, who)
    request = place / ".request"
    if not request.exists():  # written after its key: where it is, the key is
        key = new_key()
        write_secret(place / f"{who.service}.key", private_pem(key))
        write_public(request, make_request(key, who).encode())
    return request.read_text(encoding="ascii")


def settle_renewal(keys: Path, who: Identity, chain: str) -> None:
    """Put the new key and its certificate in the place of the old. Raises IdentityError when they do not fit."""
    place = _place(keys, who)
    check_chain(chain, load_private(place / f"{who.service}.key"), who, read_file(keys / "ca.pem"))
    write_public(place / f"{who.service}.pem", chain.encode())
    swap_in(place)


def _place(keys: Path, who: Identity) -> Path:
    return keys / f"next-{who.service}"

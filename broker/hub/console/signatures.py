"""What a browser signed, read out of a form; and what its page must know of a person's keys to sign."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import msgspec
from flask import request

from broker.contract.hub import Passkey, Signature, Signed
from broker.hub.declined import Declined
from broker.hub.records import ApproverKey
from broker.trust.passkey import PasskeyUse, raw_signature


def signed_of_form() -> Signed:
    """A key file's signature (r and s), or an authenticator's (DER) with what it covers.

    Form: body, key, signature, for a passkey also authenticator and client (base64). Raises Declined when it is no
    signature at all.
    """
    try:
        value, passkey = _bytes("signature"), None
        if request.form.get("client"):
            passkey = msgspec.convert(
                {"authenticator_data": _bytes("authenticator"), "client_data": _bytes("client")}, Passkey
            )
            value = raw_signature(value)
        if len(value) != 64:
            raise ValueError
    except (binascii.Error, ValueError) as why:
        raise Declined("bad-signature", "Chữ ký gửi lên không đọc được, xin ký lại.") from why
    signature = Signature(key=request.form.get("key", "")[:64], value=value, passkey=passkey)
    return Signed(body=request.form.get("body", ""), signatures=[signature])


def passkeys_of(keys: Sequence[ApproverKey], use: PasskeyUse | None) -> list[dict[str, str]]:
    """The passkeys among a person's keys that sign at this address, for the script."""
    return [
        {"key": row.id, "credential": base64.urlsafe_b64encode(row.credential).rstrip(b"=").decode()}
        for row in keys
        if row.credential and use and row.origin == use.origin
    ]


def _bytes(name: str) -> bytes:
    return base64.b64decode(request.form.get(name, ""), validate=True)

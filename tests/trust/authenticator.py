"""An authenticator in software: signs as a phone's passkey does, or wrongly in one chosen way."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from broker.contract.hub import Passkey, Signature
from broker.trust.envelope import Domain, PrivateKey, signed_bytes
from broker.trust.passkey import PasskeyUse, raw_signature

HERE = PasskeyUse(rp_id="localhost", origin="http://localhost:8080")
PRESENT_AND_VERIFIED = 0x05


@dataclass
class Authenticator:
    """One passkey. Every field may be set wrongly to see who notices."""

    key: str
    private: PrivateKey
    rp_id: str = HERE.rp_id
    origin: str = HERE.origin
    flags: int = PRESENT_AND_VERIFIED
    type: str = "webauthn.get"
    counter: int = 1
    tail: bytes = b""
    """Bytes after the fixed part of the authenticator data."""
    more: dict[str, Any] = field(default_factory=lambda: {"crossOrigin": False})

    def sign(self, body: str, domain: Domain = "announcement") -> Signature:
        """A passkey's signature over a canonical text."""
        challenge = hashlib.sha256(signed_bytes(body, domain)).digest()
        return self.assertion(json.dumps(self.client_data(challenge)).encode())

    def client_data(self, challenge: bytes) -> dict[str, Any]:
        """What a browser writes around a challenge."""
        text = urlsafe_b64encode(challenge).rstrip(b"=").decode()
        return {"type": self.type, "challenge": text, "origin": self.origin, **self.more}

    def assertion(self, client_data: bytes) -> Signature:
        """What the authenticator makes of the browser's JSON."""
        data = hashlib.sha256(self.rp_id.encode()).digest()
        data += bytes([self.flags]) + self.counter.to_bytes(4, "big") + self.tail
        der = self.private.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        passkey = Passkey(authenticator_data=data, client_data=client_data)
        return Signature(key=self.key, value=raw_signature(der), passkey=passkey)

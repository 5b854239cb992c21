"""The certificate with which a service comes to the broker, as it is on the disk now."""

from __future__ import annotations

import logging
import ssl

from broker.contract import Identity
from broker.link.config import Settings

log = logging.getLogger(__name__)


class Credential:
    """The certificate this service shows; a renewed one is shown with the next connection."""

    def __init__(self, settings: Settings, who: Identity) -> None:
        """Raises OSError when the files are missing or do not fit together."""
        keys = settings.keys_dir
        self._files = (keys / f"{who.service}.pem", keys / f"{who.service}.key")
        for file in (keys / "ca.pem", *self._files):
            file.stat()  # what OpenSSL says of a missing file does not name it
        self.context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(keys / "ca.pem"))
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._loaded = self._files[0].stat().st_mtime_ns
        self.context.load_cert_chain(*self._files)

    def follow(self) -> None:
        """Load the certificate again if its file has changed."""
        try:
            changed = self._files[0].stat().st_mtime_ns
            if changed != self._loaded:
                self.context.load_cert_chain(*self._files)
                self._loaded = changed
                log.info("the next connection shows a new certificate", extra={"event": "certificate-new"})
        except OSError as why:  # for a moment key and certificate may differ
            log.warning("certificate: %s", why, extra={"event": "certificate-unread"})

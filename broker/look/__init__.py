"""What the kiosk and the consoles share: tokens, fonts, icons, catalogues, QR codes and the safe headers.

`dress(app)` puts all of it on a Flask app; templates then have `icon`, `sprite`, `qr`, `look`, `static`, `_`.
"""

from broker.look.dress import dress
from broker.look.words import say

__all__ = ["dress", "say"]

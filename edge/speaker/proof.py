"""How sure it is that sound came out. Level 0: not at all. Level 1: the sound device consumed every frame.

Levels 2 (current or loop-back) and 3 (a microphone heard this very clip) need hardware this version does not read.
"""

from __future__ import annotations

from typing import Literal


def level_of(sound: Literal["card", "file", "none"], is_complete: bool) -> int:
    """Proof level of one play. A file is heard by nobody, so it proves nothing."""
    return 1 if sound == "card" and is_complete else 0

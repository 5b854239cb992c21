"""A token bucket: how much one source may send. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Bucket:
    """Fills with `rate_per_s` up to `burst`."""

    rate_per_s: float
    burst: float
    left: float = field(init=False)
    at_s: float = 0.0

    def __post_init__(self) -> None:
        self.left = self.burst

    def take(self, now_s: float, wanted: int = 1) -> int:
        """Take up to `wanted` tokens. Returns how many there were."""
        self.left = min(self.burst, self.left + max(0.0, now_s - self.at_s) * self.rate_per_s)
        self.at_s = now_s
        found = min(wanted, int(self.left))
        self.left -= found
        return found

"""When an episode of motion begins, goes on and is over; short gaps are one episode. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MERGE_S = 3.0
"""Two movements closer than this are one episode."""


@dataclass(frozen=True)
class Step:
    """An episode began or ended. Seconds on the camera's time line."""

    what: Literal["began", "ended"]
    start_s: float
    end_s: float


class Episode:
    """Turns "moving since s" and "still" at each picture into episodes."""

    def __init__(self, merge_s: float = MERGE_S) -> None:
        self._merge_s = merge_s
        self._start_s: float | None = None
        self._last_s = 0.0

    @property
    def since_s(self) -> float | None:
        """When the open episode began; None between episodes."""
        return self._start_s

    def see(
        self, now_s: float, moving_since_s: float | None, moving_until_s: float | None = None
    ) -> list[Step]:
        """Take one picture's verdict: `moving_since_s` is when the present movement began, None when still.

        moving_until_s: when what rests at present last stirred; now when not given. An end is known only after the
        merge gap has passed, and is dated back to the last movement. Who rests and goes on is one episode, what
        begins after the merge gap beside something that rests is another.
        """
        steps = []
        begun_s = now_s if moving_since_s is None else moving_since_s
        if self._start_s is not None and begun_s - self._last_s > self._merge_s:
            steps += self.close()
        if moving_since_s is not None:
            if self._start_s is None:
                self._start_s = max(moving_since_s, self._last_s) if self._last_s else moving_since_s
                steps.append(Step("began", self._start_s, now_s))
            self._last_s = max(self._last_s, now_s if moving_until_s is None else moving_until_s)
        return steps

    def close(self) -> list[Step]:
        """End an open episode now: the source is over or gone."""
        if self._start_s is None:
            return []
        step = Step("ended", self._start_s, max(self._start_s, self._last_s))
        self._start_s = None
        return [step]

"""One series over a stretch of time, as its chart and its table show it: the same numbers for both.

Every number comes from the query API of broker.hub.telemetry.series; nothing is smoothed or filled in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy.orm import Session

from broker.hub.console.wording import hm, local
from broker.hub.records.reading import QUALITIES
from broker.hub.telemetry import series
from broker.hub.telemetry.figures import BELIEVED, Bucket
from broker.hub.telemetry.recorder import RAW_KEPT
from broker.hub.telemetry.series import Latest
from broker.link.clock import LOCAL
from broker.look.chart import Mark, Tick

DAY = timedelta(days=1)
SURE = 3
"""With so many readings in a bucket as a rule, one empty bucket is a real gap and no slow sensor."""


@dataclass(frozen=True)
class Span:
    """A stretch of time that ends now, in buckets of `bucket_s`."""

    key: str
    name: str
    length: timedelta
    bucket_s: int
    begun: str
    """At the left end of a chart: "7 ngày trước"."""
    said: str
    """In a sentence: "7 ngày qua"."""

    def bounds(self, at: datetime) -> tuple[datetime, datetime]:
        """From the bound of a bucket in local time to the end of the bucket that holds `at`."""
        zero = datetime(1970, 1, 1, tzinfo=LOCAL)
        step = timedelta(seconds=self.bucket_s)
        return zero + (at - self.length - zero) // step * step, zero + ((at - zero) // step + 1) * step


TWO_HOURS = Span("2h", "2 giờ", timedelta(hours=2), 60, "2 giờ trước", "2 giờ qua")
DAY_LONG = Span("24h", "24 giờ", DAY, 600, "24 giờ trước", "24 giờ qua")
WEEK_LONG = Span("7d", "7 ngày", 7 * DAY, 3600, "7 ngày trước", "7 ngày qua")
MONTH_LONG = Span("30d", "30 ngày", 30 * DAY, 4 * 3600, "30 ngày trước", "30 ngày qua")
YEAR_LONG = Span("13m", "13 tháng", RAW_KEPT, 86_400, "13 tháng trước", "13 tháng qua")
SPANS = (DAY_LONG, WEEK_LONG, MONTH_LONG, YEAR_LONG)
"""What the page of one series offers."""


@dataclass(frozen=True)
class History:
    """A series over a span."""

    span: Span
    since: datetime
    until: datetime
    now: datetime
    rows: Sequence[Bucket]
    """Buckets that hold any reading, oldest first."""
    newest: Latest

    @property
    def believed(self) -> list[Bucket]:
        """Buckets with at least one reading that counts."""
        return [row for row in self.rows if row.count]

    @property
    def low(self) -> float | None:
        """Lowest of all."""
        return min((row.low for row in self.rows if row.low is not None), default=None)

    @property
    def high(self) -> float | None:
        """Highest of all."""
        return max((row.high for row in self.rows if row.high is not None), default=None)

    @property
    def mean(self) -> float | None:
        """Mean of all readings, not of the buckets' means."""
        count = self.count
        return sum((row.mean or 0.0) * row.count for row in self.rows) / count if count else None

    @property
    def count(self) -> int:
        """Readings that count."""
        return sum(row.count for row in self.rows)

    @property
    def doubted(self) -> int:
        """Readings that were kept and not believed."""
        return sum(row.doubted for row in self.rows)

    @property
    def gap(self) -> timedelta:
        """Points further apart than this have a gap between them.

        Where a bucket holds several readings as a rule, an empty one is a gap. A sensor that measures about as
        seldom as buckets follow each other, or less, sets its own pace.
        """
        step = timedelta(seconds=self.span.bucket_s)
        found = self.believed
        counts = sorted(row.count for row in found)
        if counts and counts[len(counts) // 2] >= SURE:
            return step * 1.5
        apart = sorted(b.at - a.at for a, b in pairwise(found))
        usual = apart[len(apart) // 2] if len(apart) >= 4 else step
        return max(step * 2.5, usual * 1.75)

    def gaps(self) -> list[tuple[datetime, datetime]]:
        """Stretches without a believed reading between the first and the last bucket that have one."""
        step, most, found = timedelta(seconds=self.span.bucket_s), self.gap, self.believed
        return [(a.at + step, b.at) for a, b in pairwise(found) if b.at - a.at > most]

    def marks(self) -> list[Mark]:
        """The line: each bucket's mean in its middle, with lowest and highest; the last value at its own time."""
        half = timedelta(seconds=self.span.bucket_s) / 2
        marks = [Mark(row.at + half, row.mean, row.low, row.high) for row in self.rows]
        end = min(self.newest.at, self.now)
        if not is_believed(self.newest) or end < self.since:
            return [mark for mark in marks if mark.at <= self.now]
        low = high = None
        while marks and marks[-1].at >= end:  # the bucket that is still being filled ends in the last value
            last = marks.pop()
            low, high = (last.low, last.high) if last.value is not None else (None, None)
        return [*marks, Mark(end, self.newest.value, low, high)]

    def ticks(self) -> list[Tick]:
        """Times under the line, in local time: hours, days or months."""
        days = (self.until - self.since) // DAY
        first = local(self.since).replace(hour=0, minute=0, second=0, microsecond=0)
        if days <= 2:
            step_h = 1 if days < 1 else 3
            moments = [first + timedelta(hours=h) for h in range(0, 24 * (days + 2), step_h)]
            return [Tick(at, hm(at)) for at in moments]
        moments = [first + DAY * n for n in range(days + 2)]
        if days > 60:
            return [
                Tick(at, f"T{at.month}/{at.year}" if at.month == 1 else f"T{at.month}")
                for at in moments
                if at.day == 1
            ]
        every = 1 if days <= 10 else 2
        return [Tick(at, f"{at.day}/{at.month}") for at in moments[::every]]


def history_of(db: Session, one: Latest, span: Span, at: datetime) -> History:
    """A series over a span that ends at `at`."""
    since, until = span.bounds(at)
    rows = series.query(db, one.node, one.series, since, until, bucket_s=span.bucket_s, service=one.service)
    return History(span, since, until, at, rows, one)


def is_believed(one: Latest) -> bool:
    """Whether the last value of a series may be shown as what stands there now."""
    return QUALITIES.index(one.quality) in BELIEVED

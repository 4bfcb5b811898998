"""Durations counted in buckets that grow by the square root of two: small, and good for quantiles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import zip_longest

FIRST_SECONDS = 0.001
"""What is shorter counts as this."""
MOST_BUCKETS = 56
"""The last one holds everything beyond about two days."""

Histogram = list[int]
"""Counts from the shortest bucket on; the empty ones at the end are left out."""


def bucket_of(seconds: float) -> int:
    if seconds <= FIRST_SECONDS:
        return 0
    return min(MOST_BUCKETS - 1, math.ceil(2 * math.log2(seconds / FIRST_SECONDS)))


def count(histogram: Histogram, seconds: float) -> None:
    bucket = bucket_of(seconds)
    if bucket >= len(histogram):
        histogram.extend([0] * (bucket + 1 - len(histogram)))
    histogram[bucket] += 1


def merged(histograms: Iterable[Sequence[int]]) -> Histogram:
    total = list(map(sum, zip_longest(*histograms, fillvalue=0)))
    while total and not total[-1]:
        total.pop()
    return total


def quantile(histogram: Sequence[int], share: float) -> float | None:
    """The duration in seconds that ``share`` (0 to 1) of the counted ones do not exceed, None where none is.

    Within its bucket the counted ones are taken to lie evenly, on the scale of the buckets: the answer is
    never more than 42 % too long or 30 % too short.
    """
    wanted = share * sum(histogram)
    below = 0
    for bucket, number in enumerate(histogram):
        if number and below + number >= wanted:
            return FIRST_SECONDS * math.pow(2, (bucket - 1 + (wanted - below) / number) / 2)
        below += number
    return None

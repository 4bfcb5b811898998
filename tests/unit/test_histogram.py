"""Quantiles from buckets."""

from __future__ import annotations

import pytest

from tasks_app.histogram import MOST_BUCKETS, Histogram, bucket_of, count, merged, quantile


def of(*seconds: float) -> Histogram:
    histogram: Histogram = []
    for value in seconds:
        count(histogram, value)
    return histogram


@pytest.mark.parametrize("seconds", [0.001, 0.0011, 0.01, 0.5, 1.0, 3.7, 86_400.0])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.95, 1.0])
def test_a_quantile_is_at_most_42_per_cent_too_long_and_30_too_short(seconds: float, share: float) -> None:
    found = quantile(of(*[seconds] * 7), share)
    assert found is not None
    assert seconds * 0.7 <= found <= seconds * 1.4143


@pytest.mark.parametrize(("share", "expected"), [(0.5, 0.01), (0.95, 1.0), (1.0, 1.0), (0.0, 0.0087)])
def test_a_quantile_is_what_that_share_does_not_exceed(share: float, expected: float) -> None:
    found = quantile(of(*[0.01] * 9, 1.0), share)
    assert found == pytest.approx(expected, rel=0.42)


def test_nothing_counted_has_no_quantile() -> None:
    assert quantile([], 0.5) is None
    assert quantile(merged([]), 0.95) is None


@pytest.mark.parametrize(("seconds", "bucket"), [(-5.0, 0), (0.0, 0), (1e12, MOST_BUCKETS - 1)])
def test_what_lies_outside_counts_as_the_outermost(seconds: float, bucket: int) -> None:
    assert bucket_of(seconds) == bucket


def test_merging_adds_up_whatever_the_lengths() -> None:
    assert merged([[1, 2], [], [0, 1, 0, 4]]) == [1, 3, 0, 4]

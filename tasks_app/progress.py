"""How long a task that reports progress may still take."""

from __future__ import annotations

import math


def eta_seconds(done: float | None, total: float | None, rate: float | None) -> float | None:
    """At ``rate`` units per second; None where that cannot be said."""
    if done is None or total is None or not rate or rate < 0:
        return None
    seconds = max(0.0, total - done) / rate
    return round(seconds, 1) if math.isfinite(seconds) else None

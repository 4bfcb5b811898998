"""How fresh this worker's lease is; counted from the moment a confirmed renewal was sent."""

from __future__ import annotations

from worker.board import boottime


class Lease:
    def __init__(self, self_stop_seconds: float) -> None:
        self._self_stop_seconds = self_stop_seconds
        self._renewed_at = boottime()
        self.renewals = 0

    def renewed(self, sent_at: float) -> None:
        self._renewed_at = sent_at
        self.renewals += 1

    @property
    def is_fresh(self) -> bool:
        """Nothing starts on a stale lease (R5 of the hand-over rules)."""
        return boottime() - self._renewed_at < self._self_stop_seconds

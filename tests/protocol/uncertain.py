"""A session whose replies get lost: the statement committed, or it did not, and nobody can tell which."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tasks_app.database import OwnSession, Row
from tasks_app.errors import DatabaseUnavailable


class _RolledBack(Exception):
    pass


class UncertainSession:
    """``chance`` is asked before each transaction; a true answer loses its reply."""

    def __init__(self, inner: OwnSession, chance: float, rng: random.Random, counts: Counter[str]) -> None:
        self._inner, self.chance, self._rng, self._counts = inner, chance, rng, counts
        self._is_inside = False

    @property
    def vendor(self) -> str:
        return self._inner.vendor

    def rows(self, sql: str, params: Mapping[str, Any]) -> list[Row]:
        if self._is_inside or self._rng.random() >= self.chance:
            return self._inner.rows(sql, params)
        with self._lost_reply():
            self._inner.rows(sql, params)
        raise AssertionError("unreachable")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        is_lost = self._rng.random() < self.chance
        self._is_inside = True
        try:
            with self._lost_reply() if is_lost else self._inner.transaction():
                yield
        finally:
            self._is_inside = False

    @contextmanager
    def _lost_reply(self) -> Iterator[None]:
        """Commit or roll back, then raise DatabaseUnavailable."""
        try:
            with self._inner.transaction():
                yield
                if self._rng.random() < 0.5:
                    raise _RolledBack
            self._counts["reply lost, committed"] += 1
        except _RolledBack:
            self._counts["reply lost, rolled back"] += 1
        raise DatabaseUnavailable("the connection broke before the reply")

    def close(self) -> None:
        self._inner.close()

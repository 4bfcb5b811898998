"""Rules that a demo node can be started without: those of the processes, which need no database."""

from __future__ import annotations

from collections.abc import Callable

from worker import forking
from worker.guard import Guard
from worker.remote import Remote


def take_back() -> None:
    Remote.take_back = lambda self: []  # type: ignore[method-assign]


def dying_with_the_parent() -> None:
    forking.die_with = lambda parent: None


def the_guard_of_the_tick() -> None:
    Guard._check_tick = lambda self: None  # type: ignore[method-assign]


RULES: dict[str, Callable[[], None]] = {
    rule.__name__: rule for rule in (take_back, dying_with_the_parent, the_guard_of_the_tick)
}

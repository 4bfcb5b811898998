"""The options of a task function: what they mean, their units, and every fault of them in one report."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from tasks_app.errors import InvalidOptions
from tasks_app.interrupts import MOST_PAUSE_SECONDS

Backoff = float | tuple[float, ...] | Callable[[BaseException, Any], float | None] | None
Unique = bool | Callable[[Mapping[str, Any]], Any]
OnWorkerLost = Literal["fail", "requeue"]

SLUG = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
MOST_COUNT = 2**31 - 1
"""What the columns hold."""
KILL_GRACE_SECONDS = 5.0
"""Between the soft limit and the kill, where `hard_timeout` is not given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOptions:
    """The keywords of ``@task(...)`` and of ``OPTIONS["FUNCTIONS"]`` beyond Django's. Times are seconds."""

    name: str = ""
    """Name in URLs, forms and lists; empty: the bare name of the function."""

    max_attempts: int = 1
    """How often the function may be started until one start succeeds, the first included. Losses of workers
    are counted apart, see `max_losses`."""

    backoff: Backoff = None
    """Pause before the next attempt: a number; one number per failure, the last of which repeats; or a
    callable ``(exception, task_result) -> seconds``, which ends the retries by returning None.
    None: 1 s after the first failure, doubled by each further one up to 10 minutes."""

    retry_on: tuple[type[BaseException], ...] = (BaseException,)
    """Only these errors, and their subclasses, are worth a further attempt."""

    timeout: float | None = None
    """Soft limit of one attempt: an exception is raised inside the function. None: no limit."""

    hard_timeout: float | None = None
    """Hard limit of one attempt: its process is killed. None: `timeout` + 5 s, where there is a `timeout`."""

    on_worker_lost: OnWorkerLost | None = None
    """What becomes of a running task whose worker dies. None: ``"requeue"``, or ``"fail"`` for a function
    that is not idempotent."""

    max_losses: int = 3
    """How often a task may lose its worker and go back to its queue; one more loss fails it."""

    idempotent: bool = True
    """Whether running it twice does what running it once does. A fault may run a task twice."""

    unique: Unique = False
    """True: one live task per arguments; a callable ``(arguments) -> key``: one per key. Submitting another
    gives the live one."""

    @property
    def kill_after_seconds(self) -> float | None:
        """The hard limit that applies."""
        if self.hard_timeout is None and self.timeout is not None:
            return self.timeout + KILL_GRACE_SECONDS
        return self.hard_timeout

    @property
    def losses_allowed(self) -> int:
        """`max_losses` where a lost task goes back to its queue, else 0: the first loss fails it."""
        rule = self.on_worker_lost or ("requeue" if self.idempotent else "fail")
        return self.max_losses if rule == "requeue" else 0

    def faults(self) -> list[str]:
        """One sentence for each fault, naming the option."""
        found = []
        if self.name and not (isinstance(self.name, str) and SLUG.fullmatch(self.name)):
            found.append(
                "name must have at most 100 letters, digits, _ and -, and must not begin with a digit or -,"
                f" not {self.name!r}"
            )
        if not _is_count(self.max_attempts, least=1):
            found.append(f"max_attempts must be a whole number from 1, not {self.max_attempts!r}")
        if not _is_count(self.max_losses, least=0):
            found.append(f"max_losses must be a whole number from 0, not {self.max_losses!r}")
        if not _is_backoff(self.backoff):
            found.append(
                "backoff must be seconds, a list of seconds or a callable, each from 0 to"
                f" {MOST_PAUSE_SECONDS}, not {self.backoff!r}"
            )
        if not _is_exceptions(self.retry_on):
            found.append(f"retry_on must be one or more exception classes, not {self.retry_on!r}")
        limits = {"timeout": self.timeout, "hard_timeout": self.hard_timeout}
        bad = [
            name for name, limit in limits.items() if limit is not None and not _is_seconds(limit, above=0)
        ]
        found += [f"{name} must be a number of seconds above 0, not {limits[name]!r}" for name in bad]
        if not bad and self.timeout is not None and (self.kill_after_seconds or 0) < self.timeout:
            found.append(f"hard_timeout must not be below timeout, {self.timeout:g} s")
        if self.on_worker_lost not in (None, "fail", "requeue"):
            found.append(f"on_worker_lost must be 'fail' or 'requeue', not {self.on_worker_lost!r}")
        if not isinstance(self.idempotent, bool):
            found.append(f"idempotent must be True or False, not {self.idempotent!r}")
        elif not self.idempotent and self.on_worker_lost == "requeue":
            found.append("on_worker_lost='requeue' contradicts idempotent=False")
        if not isinstance(self.unique, bool) and not callable(self.unique):
            found.append(f"unique must be True, False or a callable, not {self.unique!r}")
        return found


KNOWN = tuple(field.name for field in fields(TaskOptions))


def read_options(given: Mapping[str, Any], *, base: TaskOptions | None = None) -> TaskOptions:
    """The options given, over those of `base`. Raises InvalidOptions with every fault."""
    if not isinstance(given, Mapping):
        raise InvalidOptions([f"options come as a dictionary, not {given!r}"])
    unknown = [name for name in given if name not in KNOWN]
    plain = {name: _plain(name, value) for name, value in given.items() if name in KNOWN}
    options = replace(base or TaskOptions(), **plain)
    faults = [f"{name!r} is not an option; known are {', '.join(KNOWN)}" for name in unknown]
    faults += options.faults()
    if faults:
        raise InvalidOptions(faults)
    return options


def _plain(name: str, value: Any) -> Any:
    """One exception class stands for a tuple of it; other iterables become tuples."""
    if name == "retry_on" and isinstance(value, type):
        return (value,)
    if name in ("retry_on", "backoff") and isinstance(value, Iterable) and not isinstance(value, str):
        return tuple(value)
    return value


def _is_count(value: object, *, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= MOST_COUNT


def _is_seconds(value: object, *, above: float) -> bool:
    """A finite number that lies above `above`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) and value > above


def _is_pause(value: object) -> bool:
    return value == 0 or (_is_seconds(value, above=0) and value <= MOST_PAUSE_SECONDS)  # type: ignore[operator]


def _is_backoff(value: object) -> bool:
    if isinstance(value, tuple):
        return bool(value) and all(map(_is_pause, value))
    return value is None or callable(value) or _is_pause(value)


def _is_exceptions(value: object) -> bool:
    if not isinstance(value, tuple) or not value:
        return False
    return all(isinstance(one, type) and issubclass(one, BaseException) for one in value)

"""What may be raised inside a running task, by Taskdeck or by the task itself."""

from __future__ import annotations

MOST_PAUSE_SECONDS = 10 * 365 * 86_400
"""Ten years before the next attempt of a task: instants beyond the year 9999 cannot be read back."""


class TaskCancelled(BaseException):
    """Raised inside a task that is to stop. Not an Exception: ``except Exception`` must not eat it."""


class TaskTimeout(BaseException):
    """Raised inside a task that passed its soft limit."""


class Retry(Exception):
    """Raise it in a task to ask for a further attempt.

    ``after`` is the pause in seconds, up to MOST_PAUSE_SECONDS; None: as the function's ``backoff`` says. It
    counts as a failure, so ``max_attempts`` still holds.
    """

    def __init__(self, message: str = "", *, after: float | None = None) -> None:
        super().__init__(message or "the task asked for a further attempt")
        if after is not None and not 0 <= after <= MOST_PAUSE_SECONDS:
            raise ValueError(
                f"after must be a number of seconds from 0 to {MOST_PAUSE_SECONDS}, not {after!r}"
            )
        self.after = after

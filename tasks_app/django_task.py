"""What ``@task(...)`` makes under Taskdeck's backends: Django's ``Task`` with options of our own."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from tasks_app.compat import InvalidTask, Task
from tasks_app.errors import InvalidOptions
from tasks_app.options import TaskOptions, read_options
from tasks_app.signatures import signature_faults

DJANGO_FIELDS = frozenset(field.name for field in fields(Task))


# Generic for type checkers only: Django's own class is a plain one.
@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class TaskdeckTask(Task):  # type: ignore[type-arg]
    """Accepts the keywords of ``tasks_app.options.TaskOptions`` besides Django's."""

    options: TaskOptions

    def __init__(self, *, options: TaskOptions | None = None, **given: Any) -> None:
        """``options`` comes from ``using()``, which copies the fields. Raises InvalidTask at import."""
        own = {name: value for name, value in given.items() if name not in DJANGO_FIELDS}
        try:
            # By way of object, because the dataclass is frozen; before Django's, which validates at its end.
            object.__setattr__(self, "options", read_options(own, base=options))
        except InvalidOptions as error:
            raise InvalidTask(f"{_place(given['func'])}: {error}") from None
        # Not super(): the slotted class is not the one that this body was compiled in (Python 3.11).
        Task.__init__(self, **{name: value for name, value in given.items() if name in DJANGO_FIELDS})
        if faults := signature_faults(self.func, takes_context=self.takes_context):
            raise InvalidTask(f"{_place(self.func)}: {'; '.join(faults)}")

    @property
    def name(self) -> str:
        return self.options.name or self.func.__name__


def _place(func: Any) -> str:
    return f"@task of {func.__module__}.{func.__qualname__}"

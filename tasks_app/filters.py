"""Which tasks: the filter that the list, the counts and the actions share."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet, TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast

from tasks_app.errors import FieldError, InvalidArguments, UnknownFunction
from tasks_app.functions import registry
from tasks_app.models import Task
from tasks_app.sealing import SECRET_KEY
from tasks_app.states import State

SEARCH_WINDOW = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """All given parts must hold. The instants are aware; ``newer_than`` is the id of a task."""

    states: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    queue: str = ""
    worker: str = ""
    search: str = ""
    created_after: datetime | None = None
    created_before: datetime | None = None
    newer_than: UUID | None = None
    batch: UUID | None = None

    def __post_init__(self) -> None:
        """Raises InvalidArguments."""
        if unknown := [state for state in self.states if state not in set(State)]:
            raise InvalidArguments([FieldError("state", f"{unknown[0]!r} is not a state")])
        for slug in self.functions:
            try:
                registry.by_slug(slug)
            except UnknownFunction as error:
                raise InvalidArguments([FieldError("function", str(error))]) from None

    @property
    def is_plain(self) -> bool:
        """Does it ask for nothing but states?"""
        return replace(self, states=()) == TaskFilter()

    def by_id_only(self) -> TaskFilter:
        """The part of it that the primary key answers."""
        return TaskFilter(
            created_after=self.created_after, created_before=self.created_before, newer_than=self.newer_than
        )

    def within(self, states: frozenset[State]) -> TaskFilter:
        """The part of it that lies in these states."""
        wanted = self.states or tuple(State)
        return replace(self, states=tuple(s for s in wanted if s in states))


@dataclass(frozen=True, slots=True)
class Matches:
    """``searched_all`` is False when older tasks than the search covers exist."""

    tasks: QuerySet[Task]
    searched_all: bool


def matching(tasks: QuerySet[Task], wanted: TaskFilter) -> Matches:
    """Those of ``tasks`` that match. Text is looked for in the arguments of the newest SEARCH_WINDOW."""
    if wanted.states == (State.RUNNING,):
        # always few: gathered by their own index first, where SQLite would walk the whole list for them
        running = in_state(Task.objects.all(), State.RUNNING)
        tasks = tasks.filter(pk__in=running.values("pk"), state=State.RUNNING)
    elif len(wanted.states) == 1:
        tasks = in_state(tasks, State(wanted.states[0]))
    elif wanted.states:
        tasks = tasks.filter(state__in=wanted.states)
    if wanted.functions:
        tasks = tasks.filter(function__in=[registry.by_slug(slug).path for slug in wanted.functions])
    if wanted.queue:
        tasks = tasks.filter(queue=wanted.queue)
    if wanted.batch:
        tasks = tasks.filter(batch=wanted.batch)
    if wanted.worker:
        tasks = tasks.filter(last_worker=wanted.worker)
    # ids begin with their time of creation, so the primary key serves for the range
    if wanted.created_after:
        tasks = tasks.filter(id__gte=first_id_at(wanted.created_after))
    if wanted.created_before:
        tasks = tasks.filter(id__lt=first_id_at(wanted.created_before))
    if wanted.newer_than:
        tasks = tasks.filter(id__gt=wanted.newer_than)
    return _searched(tasks, wanted.search.strip()) if wanted.search.strip() else Matches(tasks, True)


def first_id_at(instant: datetime) -> UUID:
    """The least UUIDv7 of a millisecond (RFC 9562, section 5.7)."""
    milliseconds = max(0, int(instant.timestamp() * 1000))
    return UUID(int=milliseconds << 80)


def _searched(tasks: QuerySet[Task], text: str) -> Matches:
    try:
        return Matches(tasks.filter(pk=UUID(text)), True)
    except ValueError:
        pass  # no id, so a text
    window = newest(tasks)
    # Django writes JSON for SQLite in ASCII; PostgreSQL's jsonb shows characters as they are
    stored = json.dumps(text, ensure_ascii=connection.vendor == "sqlite")[1:-1]
    texts = window.tasks.annotate(arguments_text=Cast("arguments", TextField()))
    # a search must not find out secrets letter by letter, so tasks that hold one are not searched
    plain = texts.exclude(arguments_text__contains=f'"{SECRET_KEY}"')
    return Matches(plain.filter(arguments_text__icontains=stored), window.searched_all)


def newest(tasks: QuerySet[Task]) -> Matches:
    """The newest SEARCH_WINDOW of them: a bound for what must look at each row."""
    ids = tasks.order_by("-id").values_list("pk", flat=True)
    oldest = ids[SEARCH_WINDOW - 1 : SEARCH_WINDOW].first()
    return Matches(tasks if oldest is None else tasks.filter(id__gte=oldest), oldest is None)


def in_state(tasks: QuerySet[Task], state: State) -> QuerySet[Task]:
    """SQLite takes a partial index only for a state that stands in the statement itself."""
    return tasks.filter(state=RawSQL(f"'{state.value}'", ()))

"""Which tasks: the filter that the list, the counts and the actions share."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField, Case, Q, QuerySet, TextField, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Collate

from tasks_app.errors import FieldError, InvalidArguments, UnknownFunction
from tasks_app.functions import registry
from tasks_app.models import Task
from tasks_app.sealing import SECRET_KEY
from tasks_app.states import State

WINDOW = 50_000
"""So many tasks are looked at for what no index answers."""
SUCCEEDED_AMONG = 200_000
"""So many of the newest tasks are looked at to count those that succeeded: no index knows them."""
_SUCCEEDED = """
SELECT count(*) FROM (
  SELECT 1 FROM (SELECT state FROM taskdeck_task ORDER BY id DESC LIMIT %s) AS newest
   WHERE state = 'succeeded' LIMIT %s) AS found
"""
_INDEXED = frozenset(State) - {State.SUCCEEDED}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """All given parts must hold. The instants are aware; ``newer_than`` is the id of a task."""

    states: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    queue: str = ""
    worker: str = ""
    owner: str = ""
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

    @property
    def text(self) -> str:
        return self.search.strip()

    @property
    def has_indexed_state(self) -> bool:
        """Is it about one state that has an index of its own?"""
        return len(self.states) == 1 and self.states[0] in _INDEXED

    @property
    def looks_at_rows(self) -> bool:
        """Is there a part that no index answers? An id in the search is found by the primary key."""
        if is_id(self.text):
            return False
        by_row = self.functions or self.queue or self.worker or self.owner or self.text
        return bool(by_row) or (bool(self.states) and not self.has_indexed_state)

    def within(self, states: frozenset[State]) -> TaskFilter:
        """The part of it that lies in these states."""
        wanted = self.states or tuple(State)
        return replace(self, states=tuple(s for s in wanted if s in states))


@dataclass(frozen=True, slots=True)
class Matches:
    """Tasks that match. Those with ids below ``end`` were not looked at; None: all were."""

    tasks: QuerySet[Task]
    end: UUID | None


def matching(
    tasks: QuerySet[Task], wanted: TaskFilter, *, below: UUID | None = None, is_counted: bool = False
) -> Matches:
    """Those of ``tasks``, which are everybody's or somebody's own, with ids below ``below`` that match.

    What no index answers is asked of WINDOW of these at most, the newest below ``below``: go on from ``end``.
    ``is_counted``: all that match will be looked at, so that any filter is asked of as many only.
    """
    indexed = _by_index(tasks, wanted, below)
    end = _window_end(indexed) if is_counted or wanted.looks_at_rows else None
    found = _by_row(indexed, wanted)
    return Matches(found if end is None else found.filter(id__gte=end), end)


def _by_index(tasks: QuerySet[Task], wanted: TaskFilter, below: UUID | None) -> QuerySet[Task]:
    """What the primary key and the partial indexes answer. Ids begin with their time of creation."""
    if wanted.states == (State.RUNNING,):
        # always few: gathered by their own index first, where SQLite would walk the whole list for them
        running = in_state(Task.objects.all(), State.RUNNING)
        tasks = tasks.filter(pk__in=running.values("pk"), state=State.RUNNING)
    elif wanted.has_indexed_state:
        tasks = in_state(tasks, State(wanted.states[0]))
    if wanted.batch:
        tasks = tasks.filter(batch=wanted.batch)
    if wanted.created_after:
        tasks = tasks.filter(id__gte=first_id_at(wanted.created_after))
    if wanted.created_before:
        tasks = tasks.filter(id__lt=first_id_at(wanted.created_before))
    if wanted.newer_than:
        tasks = tasks.filter(id__gt=wanted.newer_than)
    return tasks.filter(id__lt=below) if below else tasks


def _by_row(tasks: QuerySet[Task], wanted: TaskFilter) -> QuerySet[Task]:
    """What must look at each row."""
    if wanted.states and not wanted.has_indexed_state:
        tasks = tasks.filter(state__in=wanted.states)
    if wanted.functions:
        tasks = tasks.filter(function__in=[registry.by_slug(slug).path for slug in wanted.functions])
    if wanted.queue:
        tasks = tasks.filter(queue=wanted.queue)
    if wanted.worker:
        tasks = tasks.filter(last_worker=wanted.worker)
    if wanted.owner:
        tasks = tasks.filter(owner__username=wanted.owner)
    return _searched(tasks, wanted.text) if wanted.text else tasks


def _window_end(tasks: QuerySet[Task]) -> UUID | None:
    """The first id of the millisecond in which the task behind the newest WINDOW was made; None: no such."""
    ids = tasks.order_by("-id").values_list("pk", flat=True)
    behind = ids[WINDOW : WINDOW + 1].first()
    return None if behind is None else UUID(int=behind.int >> 80 << 80)


def first_id_at(instant: datetime) -> UUID:
    """The least UUIDv7 of a millisecond (RFC 9562, section 5.7)."""
    milliseconds = max(0, int(instant.timestamp() * 1000))
    return UUID(int=milliseconds << 80)


def is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _searched(tasks: QuerySet[Task], text: str) -> QuerySet[Task]:
    if is_id(text):
        return tasks.filter(pk=UUID(text))
    stored = json.dumps(text, ensure_ascii=False)[1:-1]
    texts: Cast | Collate = Cast("arguments", TextField())
    if connection.vendor == "postgresql" and stored.isascii():
        texts = Collate(texts, "C")  # upper case of ASCII alone takes a fraction of the time
    # a search must not find out secrets letter by letter, so tasks that hold one are not searched; asked of
    # the few that match, as turning arguments into text is most of the work
    is_plain = ~Q(arguments_text__contains=f'"{SECRET_KEY}"')
    is_found = Q(arguments_text__icontains=stored)
    if connection.vendor == "sqlite" and not stored.isascii():
        # characters stand there as a submit wrote them; what Django's models write is in ASCII
        is_found |= Q(arguments_text__icontains=json.dumps(text)[1:-1])
    found = Case(When(is_found, then=is_plain), default=False, output_field=BooleanField())
    return tasks.alias(arguments_text=texts).filter(found)


def succeeded_count(most: int) -> tuple[int, bool]:
    """Of everybody's tasks, up to ``most``, and False when there are older tasks than were looked at."""
    with connection.cursor() as cursor:
        cursor.execute(_SUCCEEDED, [SUCCEEDED_AMONG, most])
        count = int(cursor.fetchone()[0])
    ids = Task.objects.order_by("-id").values("pk")
    return count, count >= most or not ids[SUCCEEDED_AMONG : SUCCEEDED_AMONG + 1].exists()


def in_state(tasks: QuerySet[Task], state: State) -> QuerySet[Task]:
    """SQLite takes a partial index only for a state that stands in the statement itself."""
    return tasks.filter(state=RawSQL(f"'{state.value}'", ()))

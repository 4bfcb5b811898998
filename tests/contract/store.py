"""A database with one session on it, and the rows that the cases need, written by Django's ORM."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from django.db.models import Model, QuerySet

from tasks_app import transitions
from tasks_app.database import Session
from tasks_app.models import Task, TaskAttempt, TaskLive, Worker

FUNCTION = "tasks_app.examples.tasks.fibonacci"


@dataclasses.dataclass(frozen=True)
class Store:
    """``using`` is Django's alias of the database that ``session`` talks to."""

    session: Session
    using: str

    @property
    def tasks(self) -> QuerySet[Task]:
        return self._rows(Task)

    @property
    def attempts(self) -> QuerySet[TaskAttempt]:
        return self._rows(TaskAttempt)

    @property
    def live(self) -> QuerySet[TaskLive]:
        return self._rows(TaskLive)

    @property
    def workers(self) -> QuerySet[Worker]:
        return self._rows(Worker)

    def _rows(self, model: type[Model]) -> QuerySet[Any]:
        return model._default_manager.using(self.using)

    def row(self, task_id: str) -> Task:
        return self.tasks.get(pk=task_id)

    def make_worker(self, state: str = "alive") -> str:
        worker_id = str(uuid4())
        transitions.register(
            self.session,
            worker_id=worker_id,
            node="n1",
            host="h",
            pid=1,
            version="1",
            queues=["default"],
            concurrency=2,
            lease_seconds=15.0,
        )
        self.workers.filter(pk=worker_id).update(state=state)
        return worker_id

    def make_task(self, **facts: object) -> str:
        given = {
            "function": FUNCTION,
            "state": "queued",
            "created_at": datetime.now(UTC),
            "arguments": {"number": 3},
        }
        return str(self.tasks.create(**(given | facts)).pk)

    def claim(self, worker_id: str, limit: int = 10, *, oldest: bool = False) -> list[transitions.Claimed]:
        return transitions.claim(
            self.session,
            worker_id=worker_id,
            node="n1",
            queue="default",
            functions=[FUNCTION],
            limit=limit,
            oldest=oldest,
        )

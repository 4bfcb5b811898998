"""Task functions for broken surroundings; each notes its beginning and its end in the proof's ledger."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection

from worker.prove.ledger import noted
from worker.prove.tasks import answer, proof_task

LOOK_EVERY_SECONDS = 0.02


def wait_for(path: str) -> None:
    while not Path(path).exists():
        time.sleep(LOOK_EVERY_SECONDS)


@proof_task("holds")
def holds(context: Any, run: str, number: int, path: str) -> int:
    """Ends once the file exists."""
    with noted(run, context.task_id, context.attempt):
        wait_for(path)
        return answer(number)


@proof_task("produces")
def produces(context: Any, run: str, number: int, path: str, letters: int) -> str:
    """So many letters that cannot be compressed much, once the file exists."""
    with noted(run, context.task_id, context.attempt):
        wait_for(path)
        return secrets.token_hex(letters // 2)


@proof_task("tells")
def tells(context: Any, run: str, number: int, path: str) -> int:
    """Once the file exists, reports its last progress and makes a second one; ends once there is a third."""
    with noted(run, context.task_id, context.attempt):
        context.progress(1, 10, "waiting")
        wait_for(path)
        context.progress(7, 10, "told")
        Path(path + ".told").touch()
        wait_for(path + ".end")
        return answer(number)


def backend() -> int:
    """The process of PostgreSQL behind Django's connection of this thread."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid: int = cursor.fetchone()[0]
        return pid


@proof_task("uses-the-orm")
def uses_the_orm(context: Any, run: str, number: int) -> int:
    with noted(run, context.task_id, context.attempt):
        return backend()


@proof_task("uses-the-orm-async")
async def uses_the_orm_async(context: Any, run: str, number: int) -> int:
    with noted(run, context.task_id, context.attempt):
        return await sync_to_async(backend)()


@proof_task("measures")
def measures(context: Any, run: str, number: int, text: str) -> int:
    """How long the text is."""
    with noted(run, context.task_id, context.attempt):
        return len(text)


@proof_task("tells-time")
def tells_time(context: Any, run: str, number: int) -> float:
    """What the wall clock shows here."""
    with noted(run, context.task_id, context.attempt):
        return time.time()

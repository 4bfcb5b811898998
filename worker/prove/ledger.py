"""The ledger: every execution, written by the task function itself and synced to disk before it goes on.

It knows nothing of the database, so it can contradict it.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tasks_app.conf import get_conf
from worker.board import boottime

BEGIN, END, RAISED = "begin", "end", "raised"
_RUN = re.compile(r"[0-9a-f]{8}")


def path_of(run: str) -> Path:
    """Where a run's ledger lies. Raises ValueError for what is no name of a run."""
    if not _RUN.fullmatch(run):
        raise ValueError(f"{run!r} is not the name of a run")
    return get_conf().data_dir / f"prove-{run}.ledger"


@dataclass(frozen=True, slots=True)
class Line:
    """``at`` is boot time in seconds; ``guard`` is the process that the executor was forked from."""

    what: str
    task_id: str
    attempt: int
    executor: int
    guard: int
    at: float


@dataclass(slots=True)
class Execution:
    """One start of a function; ``ended_at`` is None when it never came back."""

    attempt: int
    executor: int
    guard: int
    began_at: float
    ended_at: float | None = None
    raised: bool = False


def write(run: str, what: str, task_id: str, attempt: int) -> None:
    line = f"{what} {task_id} {attempt} {os.getpid()} {os.getppid()} {boottime():.6f}\n"
    ledger = os.open(path_of(run), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(ledger, line.encode())
        os.fsync(ledger)
    finally:
        os.close(ledger)


@contextlib.contextmanager
def noted(run: str, task_id: str, attempt: int) -> Iterator[None]:
    """Write the beginning and the end of one execution."""
    write(run, BEGIN, task_id, attempt)
    try:
        yield
    except BaseException:
        write(run, RAISED, task_id, attempt)
        raise
    write(run, END, task_id, attempt)


def read(run: str) -> list[Line]:
    """What is written so far."""
    return lines_of(path_of(run))


def lines_of(path: Path) -> list[Line]:
    """A line that is not whole yet is left out."""
    if not path.exists():
        return []
    whole, _, _ = path.read_text().rpartition("\n")
    return [_line(text) for text in whole.splitlines()]


def _line(text: str) -> Line:
    what, task_id, attempt, executor, guard, at = text.split(" ")
    return Line(what, task_id, int(attempt), int(executor), int(guard), float(at))


def executions(lines: list[Line]) -> dict[str, list[Execution]]:
    """Each task's executions, in the order of their beginnings."""
    found: dict[str, list[Execution]] = defaultdict(list)
    for line in lines:
        mine = found[line.task_id]
        if line.what == BEGIN:
            mine.append(Execution(line.attempt, line.executor, line.guard, line.at))
            continue
        for one in mine:
            if (one.attempt, one.executor) == (line.attempt, line.executor) and one.ended_at is None:
                one.ended_at, one.raised = line.at, line.what == RAISED
                break
    return found

"""``manage.py enqueue fibonacci number=35 --watch``: submit a task from a terminal, and see it end."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from tasks_app.access import Access
from tasks_app.delivery import delivery
from tasks_app.errors import DatabaseUnavailable, TaskdeckError
from tasks_app.functions import TaskFunction, registry
from tasks_app.selectors import task_detail
from tasks_app.states import TERMINAL, State
from tasks_app.submit import submit
from tasks_app.wire import TaskDetail

LOOK_EVERY_SECONDS = 0.2
HAND_OVER_SECONDS = 2.0
EXIT = {State.SUCCEEDED: 0, State.FAILED: 1, State.CANCELLED: 3}
"""By outcome. 2: the arguments are wrong; 130: Ctrl-C, the task goes on."""
OPERATOR = Access(user_id=None, view=True, submit=True, cancel=True, retry=True, operate=True, view_all=True)


class Command(BaseCommand):
    help = (
        "Submit a task. With --watch the exit status is 0 when it succeeded, 1 when it failed, 3 when it was"
        " cancelled; 2 says that the arguments are wrong."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("function", help="short name or path of a task function")
        parser.add_argument(
            "arguments", nargs="*", metavar="name=value", help="values as JSON, or plain text"
        )
        parser.add_argument("--queue", help="instead of the function's own")
        parser.add_argument("--priority", type=int, help="-100 to 100, higher first")
        parser.add_argument(
            "--run-after", type=datetime.fromisoformat, help="an instant, such as 2030-01-31T12:00:00Z"
        )
        parser.add_argument("--watch", action="store_true", help="wait for the end")
        parser.add_argument("--json", action="store_true", help="print documents as the API has them")

    def handle(self, *args: Any, **given: Any) -> None:
        try:
            function = _function(given["function"])
            submitted = submit(
                function=function,
                arguments=dict(_argument(function, text) for text in given["arguments"]),
                owner_id=None,
                queue=given["queue"],
                priority=given["priority"],
                run_after=given["run_after"],
            )
        except DatabaseUnavailable as error:
            raise CommandError(str(error)) from None
        except TaskdeckError as error:
            raise CommandError(str(error), returncode=2) from None
        try:
            delivery.flush(HAND_OVER_SECONDS)
            if given["watch"]:
                sys.exit(self._watch(submitted.id, as_json=given["json"]))
        except KeyboardInterrupt:
            self.stderr.write(f"task {submitted.id} goes on; nobody watches it here")
            sys.exit(130)
        document = {"task_id": submitted.id, "state": submitted.state, "is_new": submitted.is_new}
        self.stdout.write(json.dumps(document) if given["json"] else submitted.id)

    def _watch(self, task_id: str, *, as_json: bool) -> int:
        task = _last(_looks(task_id), Console(stderr=True))
        if as_json:
            self.stdout.write(json.dumps(task))
        elif task["state"] == "succeeded":
            self.stdout.write(json.dumps(task["result"], ensure_ascii=False))
        else:
            self.stderr.write(f"{task['state']}: {task['error'] or 'no reason was given'}")
        return EXIT[State(task["state"])]


def _function(name: str) -> TaskFunction:
    return registry.by_path(name) if "." in name else registry.by_slug(name)


def _argument(function: TaskFunction, text: str) -> tuple[str, Any]:
    """A value is JSON unless its argument is text, or it is no JSON."""
    name, equals, value = text.partition("=")
    if not equals:
        raise CommandError(f"{text!r} is not of the form name=value", returncode=2)
    if function.schema.get("properties", {}).get(name, {}).get("type") == "string":
        return name, value
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _looks(task_id: str) -> Iterator[TaskDetail]:
    """The task every LOOK_EVERY_SECONDS, the last time when it has ended."""
    while True:
        task, _ = task_detail(OPERATOR, task_id)
        yield task
        if State(task["state"]) in TERMINAL:
            return
        time.sleep(LOOK_EVERY_SECONDS)


def _last(looks: Iterator[TaskDetail], console: Console) -> TaskDetail:
    """Show each look on one line of the terminal; the last of them."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        line = bar.add_task("", total=None)
        for task in looks:
            told = task["progress"]
            words = f"{task['function']} {task['state']} {told['stage'] if told else ''}".strip()
            done, total = (told["done"], told["total"]) if told else (None, None)
            bar.update(line, description=words, completed=done or 0.0, total=total)
    return task

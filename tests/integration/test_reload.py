"""`manage.py up --reload`: code that changes on disk is the code that runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.machine import Machine
from tests.support.processes import marked_processes, wait_until

SOURCE = '''
from tasks_app.compat import task

@task()
def price(pieces: int) -> int:
    """What they cost."""
    return pieces * {each}
'''


class Project(Machine):
    """A machine with a module of the user's own, in a directory that can be written to."""

    def __init__(self, folder: Path) -> None:
        self.module = folder / "shop" / "tasks.py"
        self.module.parent.mkdir()
        (self.module.parent / "__init__.py").touch()
        self.write(each=2)
        data_dir = folder / "data"
        data_dir.mkdir()
        modules = "tasks_app.examples.tasks,shop.tasks"
        super().__init__(data_dir, PYTHONPATH=str(folder), TASKDECK_MODULES=modules, DEBUG="1")
        self.process = self.spawn(sys.executable, "manage.py", "up")

    def write(self, *, each: int | str) -> None:
        self.module.write_text(SOURCE.format(each=each))

    def price(self, pieces: int) -> Any:
        """The result; None while nobody answers."""
        status, answer = self.call("/api/functions/price/", {"pieces": pieces})
        if status != 202:
            return None
        document: dict[str, Any] = {}

        def has_ended() -> bool:
            document.update(self.call(f"/api/tasks/{answer['task_id']}/")[1] or {})
            return document.get("state") in ("succeeded", "failed")

        wait_until(has_ended, seconds=60, what="the task ends")
        return document["result"]

    def processes(self, part: str) -> set[int]:
        return {pid for pid, line in marked_processes(self.marker).items() if part in line}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    running = Project(tmp_path)
    yield running
    running.end()


def test_changed_code_runs_and_broken_code_heals(project: Project) -> None:
    project.wait_until_ready()
    assert project.price(3) == 6
    assert str(project.module.parent) in project.log.read_text(), "it says what it watches"
    web, worker, up = (project.processes(part) for part in ("daphne", "runworker", "manage.py up"))

    project.write(each=5)

    wait_until(lambda: project.price(3) == 15, seconds=60, what="the new code runs")
    wait_until(lambda: not web & project.processes("daphne"), seconds=60, what="the old web is gone")
    wait_until(lambda: not worker & project.processes("runworker"), seconds=60, what="the old worker is gone")
    assert project.processes("manage.py up") == up
    assert "draining worker" in project.log.read_text()

    project.write(each="+")
    wait_until(lambda: "SyntaxError" in project.log.read_text(), seconds=60, what="it is told")
    project.write(each=7)
    wait_until(lambda: project.price(3) == 21, seconds=60, what="the repaired code runs")

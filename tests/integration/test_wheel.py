"""The wheel, installed into a new Django project by the words of docs/how-to/install-in-your-project.md."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.machine import ROOT, Machine
from tests.support.processes import wait_until

PAGE = ROOT / "docs" / "how-to" / "install-in-your-project.md"
TESTING = ROOT / "docs" / "how-to" / "test-your-tasks.md"
README = ROOT / "README.md"
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "requirements", "tasks_app", "worker")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, because setuptools writes beside its sources."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "-w", str(folder / "dist"), str(folder)], check=True)
    [built] = (folder / "dist").glob("taskdeck-*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A new virtual environment with the wheel in it; the packages it needs are lent by this one."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    interpreter = str(folder / "bin" / "python")
    place = Path(
        subprocess.run(
            [interpreter, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
    )
    (place / "lent.pth").write_text(sysconfig.get_path("purelib"))
    pip = [sys.executable, "-m", "pip", "--python", interpreter, "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-index", str(wheel)], check=True)
    return interpreter


def blocks(name: str, page: Path = PAGE) -> str:
    """The page's code for one file."""
    found = re.findall(r"^```python\n# (\S+)\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    code = "\n".join(text for file, text in found if file == name)
    assert code, f"{page} has no code for {name}"
    return code


def said_in_readme(pattern: str) -> str:
    """The one text that README has at the group of the pattern."""
    [text] = re.findall(pattern, " ".join(README.read_text().split()))
    return str(text)


class Project(Machine):
    def __init__(self, python: str, folder: Path) -> None:
        data_dir = folder / "machine"
        data_dir.mkdir()
        super().__init__(data_dir)
        for name in ("TASKDECK_DATA_DIR", "TASKDECK_MODULES", "DJANGO_SETTINGS_MODULE", "PYTHONPATH"):
            self.environment.pop(name, None)
        self.python, self.folder = python, folder / "project"
        self.folder.mkdir()
        self.run("-m", "django", "startproject", "site_of_a_shop", ".")
        settings = self.folder / "site_of_a_shop" / "settings.py"
        self.add_app("shop", blocks("shop/tasks.py"))
        for name in ("settings.py", "urls.py", "asgi.py"):
            path = settings.with_name(name)
            path.write_text(f"{path.read_text()}\n{blocks(name)}")

    def run(self, *arguments: str) -> str:
        ended = subprocess.run(
            [self.python, *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def shell(self, code: str) -> str:
        return self.run("manage.py", "shell", "-v", "0", "-c", code).strip()

    def add_app(self, name: str, tasks: str) -> None:
        self.run("manage.py", "startapp", name)
        (self.folder / name / "tasks.py").write_text(tasks)
        settings = self.folder / "site_of_a_shop" / "settings.py"
        settings.write_text(settings.read_text() + f'INSTALLED_APPS += ["{name}"]\n')

    def start_up(self) -> None:
        self.start("up", "--port", str(self.port))
        wait_until(
            lambda: "Taskdeck is ready" in self.log.read_text() or self.process.poll() is not None,
            seconds=60,
            what="it is ready",
        )

    def result_of(self, task_id: str) -> Any:
        path = f"/api/tasks/{task_id}/"
        wait_until(lambda: self.call(path)[1]["state"] == "succeeded", seconds=60, what="it has run")
        return self.call(path)[1]["result"]

    def start(self, *arguments: str) -> None:
        self.process = self.spawn("env", "-C", str(self.folder), self.python, "manage.py", *arguments)


@pytest.fixture
def project(python: str, tmp_path: Path) -> Iterator[Project]:
    made = Project(python, tmp_path)
    yield made
    made.end()


def test_the_wheel_has_all_that_runs_and_nothing_that_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for wanted in (
        "tasks_app/py.typed",
        "worker/py.typed",
        "tasks_app/migrations/0001_initial.py",
        "tasks_app/management/commands/up.py",
        "worker/management/commands/runworker.py",
        "tasks_app/static/console/index.html",
    ):
        assert wanted in names
    assert any(re.fullmatch(r"tasks_app/static/console/assets/.*\.js", name) for name in names)
    packages = {name.split("/")[0] for name in names}
    assert {name for name in packages if not name.startswith("taskdeck-")} == {"tasks_app", "worker"}


def test_a_worker_runs_what_the_project_enqueues(project: Project) -> None:
    where = project.run("-c", "import tasks_app; print(tasks_app.__file__)")
    assert not Path(where.strip()).is_relative_to(ROOT), "the wheel, not the clone"
    project.run("manage.py", "check", "--fail-level", "WARNING")
    project.run("manage.py", "migrate", "--verbosity", "0")
    code = "from shop.tasks import price; print(price.enqueue(pieces=3).id)"
    task_id = project.shell(code)

    project.start("runworker", "--concurrency", "1")

    read = (
        f"from shop.tasks import price; r = price.get_result({task_id!r}); print(r.status, r._return_value)"
    )
    wait_until(
        lambda: project.shell(read) == "SUCCESSFUL 6",
        seconds=60,
        what="the worker has run it",
    )


def test_up_serves_the_api_and_the_console(project: Project) -> None:
    project.start_up()
    status, answer = project.call("/api/functions/price/", {"pieces": 4})
    assert status == 202, project.log.read_text()
    assert project.result_of(answer["task_id"]) == 8
    assert [f["name"] for f in project.call("/api/functions/")[1]["results"]] == ["price"]
    page = project.read("/console/")
    [script] = re.findall(rb'src="(/static/console/assets/[^"]+\.js)"', page)
    assert project.read(script.decode())


def test_the_function_that_readme_shows_has_a_form_an_endpoint_and_a_command(project: Project) -> None:
    project.add_app("yourapp", blocks("yourapp/tasks.py", README))
    project.start_up()

    described = project.call("/api/functions/total/")[1]
    assert described["description"] == "Add up prices with tax."
    fields = described["schema"]["properties"]
    assert fields["prices"] == {
        "description": "Net prices.",
        "items": {"type": "number"},
        "title": "Prices",
        "type": "array",
    }
    bounds = {name: fields["rate"][name] for name in ("minimum", "maximum", "default", "description")}
    assert bounds == {"minimum": 0, "maximum": 1, "default": 0.2, "description": "The tax rate."}
    assert described["schema"]["required"] == ["prices"]

    expected = pytest.approx(3.6)
    arguments = json.loads(said_in_readme(r"`POST /api/functions/total/` with `(.*?)`"))
    status, answer = project.call("/api/functions/total/", arguments)
    assert status == 202, project.log.read_text()
    assert project.result_of(answer["task_id"]) == expected

    call = said_in_readme(r"`(total\.enqueue\(.*?\))` from Python")
    task_id = project.shell(f"from yourapp.tasks import total; print({call}.id)")
    assert project.result_of(task_id) == expected

    command = shlex.split(said_in_readme(r"`manage\.py (enqueue total .*?)` from a terminal"))
    assert json.loads(project.run("manage.py", *command)) == expected
    assert project.call("/api/tasks/?function=total")[1]["results"][0]["progress"] is not None


def test_a_project_tests_its_tasks_with_the_fixture_that_comes_along(project: Project) -> None:
    name = "shop/tests/test_prices.py"
    (project.folder / "shop" / "tests.py").unlink()
    (project.folder / name).parent.mkdir()
    (project.folder / name).write_text(blocks(name, TESTING))
    said = project.run("-m", "pytest", "--ds", "site_of_a_shop.settings", "-p", "no:cacheprovider", name)
    assert "1 passed" in said

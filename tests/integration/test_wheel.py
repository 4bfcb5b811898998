"""The wheel, installed into a new Django project by the words of docs/how-to/install-in-your-project.md."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine import ROOT, Machine
from tests.support.processes import wait_until

PAGE = ROOT / "docs" / "how-to" / "install-in-your-project.md"
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


def blocks(name: str) -> str:
    """The page's code for one file."""
    found = re.findall(r"^```python\n# (\S+)\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    code = "\n".join(text for file, text in found if file == name)
    assert code, f"{PAGE} has no code for {name}"
    return code


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
        self.run("manage.py", "startapp", "shop")
        (self.folder / "shop" / "tasks.py").write_text(blocks("shop/tasks.py"))
        settings = self.folder / "site_of_a_shop" / "settings.py"
        settings.write_text(settings.read_text() + 'INSTALLED_APPS += ["shop"]\n')
        for name in ("settings.py", "urls.py", "asgi.py"):
            path = settings.with_name(name)
            path.write_text(f"{path.read_text()}\n{blocks(name)}")

    def run(self, *arguments: str) -> str:
        ended = subprocess.run(
            [self.python, *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

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
    task_id = project.run("manage.py", "shell", "-v", "0", "-c", code).strip()

    project.start("runworker", "--concurrency", "1")

    read = (
        f"from shop.tasks import price; r = price.get_result({task_id!r}); print(r.status, r._return_value)"
    )
    wait_until(
        lambda: project.run("manage.py", "shell", "-v", "0", "-c", read).strip() == "SUCCESSFUL 6",
        seconds=60,
        what="the worker has run it",
    )


def test_up_serves_the_api_and_the_console(project: Project) -> None:
    project.start("up", "--port", str(project.port))
    wait_until(
        lambda: "Taskdeck is ready" in project.log.read_text() or project.process.poll() is not None,
        seconds=60,
        what="it is ready",
    )
    status, answer = project.call("/api/functions/price/", {"pieces": 4})
    assert status == 202, project.log.read_text()
    path = f"/api/tasks/{answer['task_id']}/"
    wait_until(lambda: project.call(path)[1]["state"] == "succeeded", seconds=60, what="it has run")
    assert project.call(path)[1]["result"] == 8
    assert [f["name"] for f in project.call("/api/functions/")[1]["results"]] == ["price"]
    page = project.read("/console/")
    [script] = re.findall(rb'src="(/static/console/assets/[^"]+\.js)"', page)
    assert project.read(script.decode())

"""The Dockerfile builds from what is here, by the commands that `make` uses."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.compose import ROOT, Stage, assemble_image, dockerfile_stages

MAKEFILE = (ROOT / "Makefile").read_text()
NAMED = {"": dockerfile_stages()[-1], **{stage.name: stage for stage in dockerfile_stages() if stage.name}}


def tracked() -> set[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(listed.stdout.splitlines())


@pytest.mark.parametrize("stage", dockerfile_stages(), ids=lambda stage: stage.name or "image")
def test_every_source_is_in_the_repository(stage: Stage) -> None:
    files = tracked()
    for sources, _ in stage.copies:
        for source in sources:
            assert source in files or any(name.startswith(f"{source}/") for name in files), source


def test_every_source_passes_the_dockerignore() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert "*" in lines
    for stage in dockerfile_stages():
        for sources, _ in stage.copies:
            for source in sources:
                assert any(source == name or source.startswith(f"{name}/") for name in allowed), source


def test_packages_and_console_are_built_as_make_builds_them() -> None:
    [install] = [command for command in NAMED["packages"].arguments("RUN") if "pip" in command]
    assert "pip install --quiet --disable-pip-version-check -r requirements/base.txt" in MAKEFILE
    assert install.endswith("-r requirements/base.txt")
    assert NAMED["console"].arguments("RUN") == ["npm ci --no-audit --no-fund", "npm run build"]
    for command in NAMED["console"].arguments("RUN"):
        assert f"cd frontend && {command}\n" in MAKEFILE


def test_the_image_takes_what_its_stages_made() -> None:
    """Vite writes beside the frontend, see its outDir; the venv keeps its path."""
    copied = [rest for rest in NAMED[""].arguments("COPY") if rest.startswith("--from=")]
    assert copied == [
        "--from=packages /venv /venv",
        "--from=console /build/tasks_app/static/console tasks_app/static/console",
    ]
    assert 'outDir: "../tasks_app/static/console"' in (ROOT / "frontend/vite.config.ts").read_text()
    assert NAMED["console"].arguments("WORKDIR") == ["/build/frontend"]


def test_the_image_does_not_run_as_root_and_holds_no_tests(tmp_path: Path) -> None:
    assert NAMED[""].arguments("USER") == ["taskdeck"]
    assemble_image(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "manage.py",
        "taskqueue_site",
        "tasks_app",
        "worker",
    }


def test_all_stages_of_python_have_one_version() -> None:
    assert NAMED["packages"].base == NAMED[""].base
    assert NAMED[""].base.endswith("-slim-bookworm")

"""`.ci/test-python`: every folder of tests in one of its two runs, and no failure of either is lost."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.machine import ROOT
from tests.support.processes import MARKER, end_marked, marked_processes, wait_until

FOLDERS = sorted(path.parent.name for path in (ROOT / "tests").glob("*/__init__.py"))
STAND_IN = """#!/bin/sh
echo "ran $*" | tee -a {ran}
case "$*" in *"$FAILS"*) exit 1;; esac
test -z "$STAYS" || exec sleep 600
"""
"""Runs nothing. Fails where its arguments hold $FAILS."""


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """What stands in for the interpreter."""
    path = tmp_path / "python"
    path.write_text(STAND_IN.format(ran=tmp_path / "ran"))
    path.chmod(0o755)
    return path


def command(python: Path) -> list[str]:
    return [str(ROOT / ".ci" / "test-python"), str(python)]


def run(python: Path, fails: str = "nothing") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"FAILS": fails, "STAYS": "", "TEST_LOG": str(python.with_name("log"))}
    return subprocess.run(command(python), env=environment, capture_output=True, text=True, timeout=60)


def test_every_folder_is_in_one_run_and_both_are_shown(python: Path) -> None:
    ended = run(python)
    assert ended.returncode == 0, ended.stderr
    lines = [line.split() for line in ended.stdout.splitlines() if line.startswith("ran")]
    [ignored] = [
        [word.removeprefix("--ignore=") for word in line[3:]] for line in lines if "--ignore" in line[3]
    ]
    named = [word for line in lines if "--ignore" not in line[3] for word in line[3:]]
    assert sorted(named) == sorted(ignored)
    assert {f"tests/{name}" for name in FOLDERS if name not in ("support", "chaos", "integration")} == set(
        named
    )


@pytest.mark.parametrize("fails", ["--ignore", "tests/unit", "tests/e2e"])
def test_a_failure_of_either_run_is_the_end_of_both(python: Path, fails: str) -> None:
    ended = run(python, fails)
    assert ended.returncode == 1
    assert "--ignore" in ended.stdout
    assert "ran -m pytest tests/unit" in ended.stdout


def test_a_signal_ends_both_runs(python: Path) -> None:
    marker = os.urandom(8).hex()
    environment = os.environ | {MARKER: marker, "FAILS": "nothing", "STAYS": "yes"}
    environment["TEST_LOG"] = str(python.with_name("log"))
    process = subprocess.Popen(command(python), env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_until(
            lambda: [line.split()[0] for line in marked_processes(marker).values()].count("sleep") == 2,
            seconds=60,
            what="both runs have begun",
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 1
        wait_until(lambda: not marked_processes(marker), seconds=60, what="nothing is left")
    finally:
        end_marked(marker)

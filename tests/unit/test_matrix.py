"""`make test-matrix` runs under every supported Python, or says which one is absent."""

from __future__ import annotations

import os
import subprocess

from tests.support.machine import ROOT


def test_an_absent_python_fails_the_run_before_it_begins() -> None:
    ended = subprocess.run(
        [ROOT / ".ci" / "test-matrix", "--version"],
        env=os.environ | {"MATRIX_VERSIONS": "3.11 2.99"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert ended.stderr == "make test-matrix needs Python 2.99 with its venv module.\n"
    assert ended.stdout == ""

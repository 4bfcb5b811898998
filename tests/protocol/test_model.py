"""The model in the documentation still compiles and still finds what the page says."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.support.databases import ROOT

FOLDER = ROOT / "docs" / "explanation" / "protocol"


@pytest.mark.long
def test_the_model_finds_what_its_page_says() -> None:
    ran = subprocess.run(
        [sys.executable, str(FOLDER / "run.py")], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    page = (FOLDER / "README.md").read_text()
    rows = re.findall(r"^\| \d .*\| safe, live \|$", ran.stdout, re.M)
    assert len(rows) == 4
    assert all(row in page for row in rows)

"""Schemathesis sends what the OpenAPI document allows, and what it forbids, to a running Taskdeck."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine import MODULES, Up

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
EXAMPLES = 5
SECONDS = 240
"""A deadline, not a measure: about 40 s on 2 cores."""


@pytest.fixture
def sampled(tmp_path: Path) -> Iterator[Up]:
    """With an endpoint for each kind of argument."""
    running = Up(tmp_path, TASKDECK_MODULES=",".join((*MODULES[:1], "tests.support.sample_tasks")))
    yield running
    faults = running.judged()
    running.end()
    assert faults == []


def test_no_request_is_answered_against_the_document_or_by_500(sampled: Up, tmp_path: Path) -> None:
    sampled.wait_until_ready()
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{sampled.url}/api/schema/"),
        *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--warnings", "off"),
        *("--max-examples", str(EXAMPLES), "--seed", "1", "--no-shrink", "--continue-on-failure"),
    ]
    run = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert run.returncode == 0, run.stdout
    assert "Tested: " in run.stdout
    assert "/api/functions/takes_decimal/" in sampled.log.read_text()

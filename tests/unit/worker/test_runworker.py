"""What ``manage.py runworker`` makes of its options."""

from __future__ import annotations

import contextlib
from argparse import Namespace
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from worker.management.commands.runworker import Command


def given(*options: str) -> Namespace:
    return Command().create_parser("manage.py", "runworker").parse_args(options)


def test_a_queue_that_is_named_twice_is_served_once() -> None:
    """The intake has one consumer for each, and counts them to know that it hears of all."""
    assert given().queues == ("default",)
    assert given("--queues", "mail, default,mail,").queues == ("mail", "default")


@pytest.mark.parametrize("queues", ["mail,reports", ["mail", "reports"]])
def test_a_caller_may_name_the_queues_as_a_terminal_does(
    queues: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Any] = []

    def run_node(options: Any, _limits: Any) -> int:
        served.append(options.queues)
        return 0

    monkeypatch.setattr("worker.node.run_node", run_node)
    with contextlib.suppress(SystemExit):
        call_command("runworker", queues=queues, skip_checks=True)
    assert served == [("mail", "reports")]


@pytest.mark.parametrize(
    ("option", "value", "fault"),
    [
        ("--queues", " , ", "argument --queues: names no queue"),
        ("--drain-seconds", "-1", "argument --drain-seconds: must be a number of seconds from 0, not '-1'"),
        ("--drain-seconds", "nan", "argument --drain-seconds: must be a number of seconds from 0, not 'nan'"),
        (
            "--drain-seconds",
            "soon",
            "argument --drain-seconds: must be a number of seconds from 0, not 'soon'",
        ),
        ("--concurrency", "0", "argument --concurrency: must be between 1 and 250, not '0'"),
        ("--max-memory-mib", "-1", "argument --max-memory-mib: must not be negative"),
    ],
)
def test_what_cannot_be_is_refused_at_its_option(option: str, value: str, fault: str) -> None:
    with pytest.raises(CommandError, match=fault):
        given(f"{option}={value}")

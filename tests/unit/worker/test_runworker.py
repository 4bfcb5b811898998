"""What ``manage.py runworker`` makes of its options."""

from __future__ import annotations

from argparse import Namespace

import pytest
from django.core.management.base import CommandError

from worker.management.commands.runworker import Command


def given(*options: str) -> Namespace:
    return Command().create_parser("manage.py", "runworker").parse_args(options)


def test_a_queue_that_is_named_twice_is_served_once() -> None:
    """The intake has one consumer for each, and counts them to know that it hears of all."""
    assert given().queues == ("default",)
    assert given("--queues", "mail, default,mail,").queues == ("mail", "default")


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

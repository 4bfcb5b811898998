"""``manage.py runworker``: one worker node. Its main process is the guard."""

from __future__ import annotations

import argparse
import logging
import math
import os
import socket
import sys
from typing import Any

from django.core.checks import Tags
from django.core.checks.registry import registry
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from worker.options import WorkerOptions
from worker.recycling import Limits

MOST_EXECUTORS = 250
MOST_ASYNC = 1000
USUAL_ASYNC = 50
OF_THE_WEB = {Tags.urls, "admin", Tags.templates, Tags.staticfiles}
"""System checks of what a node never serves; that of the URLs imports every view and page."""


def executors(text: str) -> int:
    return number_up_to(MOST_EXECUTORS, text)


def positions(text: str) -> int:
    return number_up_to(MOST_ASYNC, text)


def number_up_to(most: int, text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"must be between 1 and {most}, not {text!r}")
    return int(text)


def usual_executors() -> str:
    """Text, so that the variable is checked as the option is."""
    return given_in("WORKER_CONCURRENCY") or str(min(os.cpu_count() or 1, MOST_EXECUTORS))


def usual_positions() -> str:
    return given_in("WORKER_ASYNC_CONCURRENCY") or str(USUAL_ASYNC)


def given_in(variable: str) -> str:
    """Empty where it says 0: as usual."""
    given = os.environ.get(variable, "").strip()
    return "" if given == "0" else given


def limit(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


def queues(text: str) -> tuple[str, ...]:
    """Each once, however often it is named."""
    found = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not found:
        raise argparse.ArgumentTypeError("names no queue")
    return found


def seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of seconds from 0, not {text!r}")
    return number


class Command(BaseCommand):
    help = "Run tasks. SIGTERM or Ctrl-C drains; a second one stops at once and gives running tasks back."

    def get_check_kwargs(self, options: dict[str, Any]) -> dict[str | None, Any]:
        """Of no database, which Django 6.1 would ask and 5.2 not: a worker waits for one that is away."""
        return {"tags": sorted(registry.tags_available() - OF_THE_WEB), "databases": []}

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--queues", type=queues, default="default", help="comma-separated; the default is %(default)s"
        )
        parser.add_argument(
            "--known-queues", action="store_true", help="serve every queue that a function names as well"
        )
        parser.add_argument(
            "--concurrency", type=executors, default=usual_executors(), help="executors (%(default)s)"
        )
        parser.add_argument(
            "--async-concurrency",
            type=positions,
            default=usual_positions(),
            help="async functions at a time, on one event loop beside the executors (%(default)s)",
        )
        parser.add_argument(
            "--drain-seconds", type=seconds, default=30.0, help="for running tasks (%(default)s)"
        )
        parser.add_argument(
            "--max-tasks-per-executor", type=limit, default=0, help="replace it then; 0: never (%(default)s)"
        )
        parser.add_argument(
            "--max-memory-mib",
            type=limit,
            default=0,
            help="replace an executor that holds more after a task; 0: never (%(default)s)",
        )
        parser.add_argument("--name", default=socket.gethostname(), help="label of this node (%(default)s)")

    def handle(self, *args: Any, **given: Any) -> None:
        if not sys.platform.startswith("linux"):
            raise CommandError(
                "the worker runs on Linux only: it needs SOCK_SEQPACKET, pidfds and CLOCK_BOOTTIME"
            )
        # What a node runs, which `--help` has no use for.
        from tasks_app.conf import get_conf
        from tasks_app.functions import registry as functions
        from worker.node import run_node

        conf = get_conf()
        served = queues(given["queues"]) if isinstance(given["queues"], str) else tuple(given["queues"])
        if given["known_queues"]:
            served = tuple(dict.fromkeys((*served, *(function.queue for function in functions))))
        has_async = any(function.is_async for function in functions)
        options = WorkerOptions(
            node=given["name"],
            queues=served,
            concurrency=given["concurrency"],
            async_concurrency=given["async_concurrency"] if has_async else 0,
            drain_seconds=given["drain_seconds"],
            direct_claim_seconds=conf.direct_claim_seconds,
            heartbeat_seconds=conf.heartbeat_seconds,
            self_stop_seconds=conf.self_stop_seconds,
            lease_seconds=conf.lease_seconds,
        )
        limits = Limits(max_tasks=given["max_tasks_per_executor"], max_memory_mib=given["max_memory_mib"])
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
        connections.close_all()
        sys.exit(run_node(options, limits))

"""``manage.py runworker``: one worker node. Its main process is the guard."""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from tasks_app import log_capture
from tasks_app.conf import get_conf
from tasks_app.execution import run_task
from worker.board import Board, Slot
from worker.channel import Channel
from worker.executor import Executor
from worker.guard import Birth, Guard, GuardOptions
from worker.options import WorkerOptions
from worker.recycling import Limits
from worker.supervisor import supervise

MOST_EXECUTORS = 250


def executors(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_EXECUTORS:
        raise argparse.ArgumentTypeError(f"must be between 1 and {MOST_EXECUTORS}, not {text!r}")
    return int(text)


def usual_executors() -> str:
    """Text, so that the variable is checked as the option is."""
    given = os.environ.get("WORKER_CONCURRENCY", "").strip()
    return given if given not in ("", "0") else str(min(os.cpu_count() or 1, MOST_EXECUTORS))


def limit(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


class Command(BaseCommand):
    help = "Run tasks. SIGTERM or Ctrl-C drains; a second one stops at once and gives running tasks back."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--queues", default="default", help="comma-separated; the default is %(default)s")
        parser.add_argument(
            "--concurrency", type=executors, default=usual_executors(), help="executors (%(default)s)"
        )
        parser.add_argument(
            "--drain-seconds", type=float, default=30.0, help="for running tasks (%(default)s)"
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
        queues = tuple(name.strip() for name in given["queues"].split(",") if name.strip())
        if not queues:
            raise CommandError("--queues names no queue")
        conf = get_conf()
        options = WorkerOptions(
            node=given["name"],
            queues=queues,
            concurrency=given["concurrency"],
            drain_seconds=given["drain_seconds"],
            direct_claim_seconds=conf.direct_claim_seconds,
            heartbeat_seconds=conf.heartbeat_seconds,
            self_stop_seconds=conf.self_stop_seconds,
            lease_seconds=conf.lease_seconds,
        )
        limits = Limits(max_tasks=given["max_tasks_per_executor"], max_memory_mib=given["max_memory_mib"])
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
        connections.close_all()

        def start(control: socket.socket, board: Board, birth: Birth) -> int:
            return supervise(control, board, birth, options)

        def execute(end: socket.socket, line: memoryview) -> int:
            log_capture.install()
            run = partial(run_task, node=options.node)
            return Executor(Channel(end), Slot(line), run, limits).run()

        sys.exit(Guard(start, execute, GuardOptions(self_stop=conf.self_stop_seconds)).run())

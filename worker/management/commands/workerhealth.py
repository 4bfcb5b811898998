"""``manage.py workerhealth``: whether this machine's worker node renews its lease."""

from __future__ import annotations

import argparse
import socket
import time
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from tasks_app.conf import get_conf
from tasks_app.models import Worker

LOOK_EVERY_SECONDS = 0.2


class Command(BaseCommand):
    """A heartbeat is asked for by the supervisor's event loop and committed by the database.

    So one that comes while we watch proves that the loop turns, that the database takes its writes and
    that the lease is fresh. The counter is watched, never its time: a dead worker's row looks young for a
    while, and a clock may be wrong. None within the self-stop time means that the worker has killed its
    executors.
    """

    help = "Exit 0 once this node's worker renewed its lease, 1 when it did not in time. For health checks."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--name", default=socket.gethostname(), help="label of the node (%(default)s)")
        parser.add_argument(
            "--within-seconds",
            type=float,
            default=get_conf().self_stop_seconds,
            help="how long to wait for it (%(default)s)",
        )

    def handle(self, *args: Any, **given: Any) -> None:
        node, within_seconds = given["name"], given["within_seconds"]
        try:
            if has_renewed(node, within_seconds):
                return
        except DatabaseError as error:
            raise CommandError(f"the database does not answer: {error}") from None
        raise CommandError(f"no worker of node {node} renewed its lease within {within_seconds:g} s")


def has_renewed(node: str, within_seconds: float) -> bool:
    """Whether the counter of one of the node's workers grew while we watched, or a new worker came."""
    deadline = time.monotonic() + within_seconds
    before = heartbeats(node)
    while True:
        if heartbeats(node).items() - before.items():
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(LOOK_EVERY_SECONDS)


def heartbeats(node: str) -> dict[UUID, int]:
    return dict(Worker.objects.filter(node=node, state="alive").values_list("id", "heartbeat"))

"""``manage.py prove``: show on these servers that no task is lost and none gets stuck, whatever dies."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from tasks_app.conf import get_conf
from tasks_app.embedded import EmbeddedValkey, EmbeddedValkeyError
from worker.prove.nodes import Leases, TooLate
from worker.prove.report import json_line, table
from worker.prove.run import Proof, ProofOptions


def count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


class Command(BaseCommand):
    help = (
        "Run tasks on the configured servers while killing parts of Taskdeck, and audit every one of them."
        " Uses worker nodes and a queue of its own. The last line is JSON; exit status 1 on any loss."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--tasks", type=count, default=2000, help="how many (%(default)s)")
        parser.add_argument(
            "--over-seconds", type=float, default=60.0, help="submit them over this time (%(default)s)"
        )
        parser.add_argument(
            "--settle-seconds", type=float, default=90.0, help="for the rest, at the end (%(default)s)"
        )
        parser.add_argument("--rounds", type=count, default=1, help="of all faults (%(default)s)")
        parser.add_argument("--nodes", type=count, default=2, help="worker nodes (%(default)s)")
        parser.add_argument("--concurrency", type=count, default=2, help="executors a node (%(default)s)")
        parser.add_argument("--seed", type=int, help="of the mix; printed, to repeat a run")
        parser.add_argument(
            "--disruptive", action="store_true", help="also delete the proof's queue in RabbitMQ"
        )
        parser.add_argument(
            "--restart-broker", default="", metavar="COMMAND", help="a shell command that does it; disruptive"
        )
        parser.add_argument("--keep", action="store_true", help="leave its rows, ledger and log")

    def handle(self, *args: Any, **given: Any) -> None:
        if not get_conf().redis_url:
            sys.exit(self._with_embedded_valkey())
        if given["nodes"] < 2:
            raise CommandError("--nodes must be at least 2: somebody has to take over")
        seed = random.randrange(1_000_000) if given["seed"] is None else given["seed"]
        options = ProofOptions(
            tasks=given["tasks"],
            over_seconds=given["over_seconds"],
            settle_seconds=given["settle_seconds"],
            rounds=given["rounds"],
            nodes=given["nodes"],
            concurrency=given["concurrency"],
            seed=seed,
            keep=given["keep"],
            leases=Leases(),
            is_disruptive=given["disruptive"],
            broker_restart=given["restart_broker"],
        )
        self._say(f"seed {seed}")
        try:
            result = Proof(options, self._say).execute()
        except TooLate as error:
            raise CommandError(str(error)) from None
        for line in table(result):
            self._say(line)
        self._say(json_line(result))
        if not result.is_clean:
            sys.exit(1)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _with_embedded_valkey(self) -> int:
        """On one machine without servers: an own Valkey, the tables, and this command again."""
        call_command("migrate", interactive=False, verbosity=0)
        valkey = EmbeddedValkey(get_conf().data_dir)
        try:
            valkey.start()
        except EmbeddedValkeyError as error:
            raise CommandError(str(error)) from None
        try:
            return subprocess.run(
                [sys.executable, *sys.argv], env=os.environ | {"REDIS_URL": valkey.url}, check=False
            ).returncode
        finally:
            valkey.stop()

"""``manage.py prune``: delete old tasks and files of results now. Worker nodes do so by themselves."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tasks_app import files
from tasks_app.conf import get_conf
from tasks_app.database import DjangoSession
from tasks_app.pruning import Pass, Retention, forget_leftovers


def days(text: str) -> timedelta:
    try:
        kept = timedelta(days=float(text))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"must be a number of days, not {text!r}") from None
    if kept < timedelta(0):
        raise argparse.ArgumentTypeError(f"must not be negative, and is {text}")
    return kept


class Command(BaseCommand):
    help = "Delete tasks that ended long ago, with their attempts and logs, and the files of old results."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--older-than",
            type=days,
            metavar="DAYS",
            help="since the end of a task, however it ended (default: KEEP_SUCCEEDED_DAYS, KEEP_FAILED_DAYS)",
        )
        parser.add_argument("--dry-run", action="store_true", help="count tasks, delete nothing")
        parser.add_argument("--file-days", type=int, default=30, help="how long files are kept (%(default)s)")

    def handle(self, *args: Any, **given: Any) -> None:
        kept = given["older_than"]
        retention = Retention.of(get_conf()) if kept is None else Retention(succeeded=kept, failed=kept)
        walk = self._walked(Pass(retention=retention, now=datetime.now(UTC), dry_run=given["dry_run"]))
        if given["dry_run"]:
            self.stdout.write(f"{walk.deleted} tasks would be deleted")
            return
        forget_leftovers(DjangoSession(), retention)
        today = datetime.now(UTC).date()
        file_count = files.prune(older_than=timedelta(days=given["file_days"]), today=today)
        self.stdout.write(f"{walk.deleted} tasks deleted, {file_count} files deleted")
        if walk.refused:
            raise CommandError(f"{len(walk.refused)} old tasks cannot be deleted: {walk.why}")

    def _walked(self, walk: Pass) -> Pass:
        session = DjangoSession()
        while not walk.is_over:
            if not walk.step(session):
                raise CommandError(
                    f"another process prunes this database now; {walk.deleted} tasks deleted so far"
                )
        return walk

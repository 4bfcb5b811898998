"""``manage.py prune``: delete the stored files of old results. Run it once a day."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand

from tasks_app import files


class Command(BaseCommand):
    help = "Delete the files of results that are older than some days. The tasks themselves stay."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--file-days", type=int, default=30, help="how long files are kept (%(default)s)")

    def handle(self, *args: Any, **given: Any) -> None:
        today = datetime.now(UTC).date()
        count = files.prune(older_than=timedelta(days=given["file_days"]), today=today)
        self.stdout.write(f"{count} files deleted")

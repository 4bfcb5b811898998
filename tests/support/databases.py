"""Migrated databases of a test's own, opened through the product's raw sessions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tasks_app.database import OwnSession
from tasks_app.postgres_session import PostgresSession
from tasks_app.sqlite_session import SqliteSession

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Database:
    """``url`` as DATABASE_URL takes it; ``path`` is the file of SQLite."""

    vendor: str
    url: str
    path: Path | None = None

    def open(self, *, timeout_seconds: float = 20.0, name: str = "test") -> OwnSession:
        """A connection for one thread; PostgreSQL shows its ``name``."""
        if self.path is not None:
            return SqliteSession(str(self.path), timeout_seconds=timeout_seconds)
        params = {"conninfo": self.url, "application_name": name}
        return PostgresSession(params, timeout_seconds=timeout_seconds)

    @contextmanager
    def session(self) -> Iterator[OwnSession]:
        session = self.open()
        try:
            yield session
        finally:
            session.close()


def migrated_file(directory: Path) -> Path:
    """A SQLite file with all tables, made by `manage.py migrate`."""
    environment = os.environ | {"TASKDECK_DATA_DIR": str(directory)}
    environment.pop("DATABASE_URL", None)
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=environment, check=True
    )
    return directory / "taskdeck.sqlite3"


def copy_of(template: Path, directory: Path) -> Database:
    path = directory / "taskdeck.sqlite3"
    shutil.copy(template, path)
    return Database("sqlite", f"sqlite:///{path}", path)

"""A private PostgreSQL, with a fresh database per test copied from one that was migrated once."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.processes import LOOPBACK, free_port, wait_until
from tests.support.servers.common import STOP_SECONDS, Home, Server, identity, program

ROOT = Path(__file__).resolve().parents[3]
USER = "taskdeck"
TEMPLATE = "taskdeck_template"
PACKAGE = "postgresql"
DJANGO_ALIAS = "postgresql"
"""Django's name of a test database on this server; see `django_db_modify_db_settings` in conftest."""


class PostgreSQL(Server):
    """Commits wait for the log as in production (`synchronous_commit`); only fsync is off."""

    name = "postgresql"

    def __init__(self, home: Home) -> None:
        super().__init__(home, free_port())
        versions = Path("/usr/lib/postgresql").glob("*/bin")
        newest_first = [str(path) for path in sorted(versions, key=lambda path: -int(path.parent.name))]
        self._program = program("postgres", PACKAGE, *newest_first)
        self._initdb = program("initdb", PACKAGE, *newest_first)
        self._password = secrets.token_hex(16)
        self._data = self.directory / "data"
        self._has_template = False

    @property
    def user(self) -> str | None:
        """initdb and postgres refuse to run as root; Debian's package brings the user."""
        return "postgres" if os.geteuid() == 0 else None

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    @property
    def socket_directory(self) -> Path:
        return self.directory

    def url_of(self, database: str, *, port: int | None = None, host: str = LOOPBACK) -> str:
        """The address of a database, if wanted through a proxy on another host or port."""
        return f"postgres://{USER}:{self._password}@{host}:{port or self.port}/{database}"

    def fresh_database(self, *, tablespace: str = "pg_default") -> str:
        """A new, migrated, empty database; its URL."""
        self._migrate_template()
        name = f"test_{uuid.uuid4().hex}"
        self._execute("CREATE DATABASE {} TEMPLATE {} TABLESPACE {}", name, TEMPLATE, tablespace)
        return self.url_of(name)

    def drop(self, url: str) -> None:
        """Remove a fresh database, whoever is still connected to it."""
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", url.rpartition("/")[2])

    @contextmanager
    def tablespace(self, directory: Path) -> Iterator[str]:
        """A place for the files of databases, which must be gone at its end; its name."""
        directory.mkdir()
        if self.user is not None:
            shutil.chown(directory, self.user, self.user)
        name = f"space_{uuid.uuid4().hex}"
        self._execute(f"CREATE TABLESPACE {{}} LOCATION '{directory}'", name)
        yield name
        self._execute("DROP TABLESPACE {}", name)

    def start(self) -> None:
        if not self._data.exists():
            self._initialise()
        super().start()

    def stop(self) -> None:
        """`Fast` shutdown: open transactions are rolled back."""
        self._end(signal.SIGINT)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        if number == signal.SIGKILL:
            # Backends outlive a killed postmaster for a moment, and it would refuse to start beside them.
            os.kill(self.process.pid, signal.SIGSTOP)
            backends = children_of(self.process.pid)
            for pid in backends:
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not any(map(has_memory, backends)), seconds=STOP_SECONDS, what="they are dead")
        self.process.send_signal(number)

    def _initialise(self) -> None:
        password_file = self.directory / "password"
        password_file.write_text(self._password)
        if self.user is not None:
            for path in (self.directory, password_file):
                shutil.chown(path, self.user, self.user)
        subprocess.run(
            [
                *(self._initdb, "--pgdata", str(self._data), "--username", USER, "--encoding", "UTF8"),
                *("--locale", "C.UTF-8", "--auth", "scram-sha-256", "--pwfile", str(password_file)),
                "--no-sync",
            ],
            env=self.environment,
            cwd=self.directory,
            check=True,
            stdout=subprocess.DEVNULL,
            **identity(self.user),
        )

    def _command(self) -> Sequence[str]:
        settings = {
            "port": str(self.port),
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": str(self.socket_directory),
            "fsync": "off",
            "max_connections": "200",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [self._program, "-D", str(self._data), *options]

    def _is_ready(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True

    def _execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _migrate_template(self) -> None:
        if self._has_template:
            return
        self._execute("CREATE DATABASE {}", TEMPLATE)
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=ROOT,
            env=os.environ
            | {"DATABASE_URL": self.url_of(TEMPLATE), "TASKDECK_DATA_DIR": str(self.directory / "site")},
            check=True,
        )
        self._has_template = True


def has_memory(pid: int) -> bool:
    """Whether it still maps any: not so once it is gone, or waits for its parent only."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def children_of(parent: int) -> list[int]:
    """The processes whose parent this is (the fourth field of proc(5)'s stat)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(entry.parent.name))
    return found

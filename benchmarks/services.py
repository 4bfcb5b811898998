"""The servers of one benchmark run: private instances, started here and ended with the run."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.servers import Home, PostgreSQL, RabbitMQ, Redis
from tests.support.servers.postgresql import children_of

ROOT = Path(__file__).resolve().parents[1]
TICKS = os.sysconf("SC_CLK_TCK")


class DurablePostgreSQL(PostgreSQL):
    """With fsync, as it ships: who commits in batches must not win more, nor less, than in production.

    ``kept`` is a directory in which its data and password outlive the run; stop it before the run ends.
    """

    def __init__(self, home: Home, kept: Path | None = None) -> None:
        super().__init__(home)
        if kept is not None:
            kept.mkdir(mode=0o711, exist_ok=True)
            password = kept / "password"
            if not password.exists():
                password.write_text(self._password)
                password.chmod(0o600)
            self._data, self._password = kept / "data", password.read_text()
            if self.user is not None:
                for path in (self.directory, kept):
                    shutil.chown(path, self.user, self.user)

    def _command(self) -> Sequence[str]:
        return [argument for argument in super()._command() if argument != "--fsync=off"]


class Services:
    def __init__(self, home: Home, kept: Path | None = None) -> None:
        self.home = home
        self.postgresql, self.rabbitmq, self.redis = (
            DurablePostgreSQL(home, kept),
            RabbitMQ(home),
            Redis(home),
        )

    def start(self) -> None:
        for server in (self.postgresql, self.rabbitmq, self.redis):
            server.start()

    def pids(self) -> list[int]:
        servers = (self.postgresql, self.rabbitmq, self.redis)
        return [server.process.pid for server in servers if server.process]

    def fresh(self, database: str = "") -> dict[str, str]:
        """Addresses with nothing in them: a new database, a new virtual host, an empty Redis.

        A ``database`` that is named is made if it is not there, and keeps what is in it.
        """
        self.redis.flush()
        return {
            "DATABASE_URL": self._fresh_database(database or f"bench_{os.urandom(6).hex()}"),
            "RABBITMQ_URL": self.rabbitmq.url_of(self.rabbitmq.fresh_vhost()),
            "REDIS_URL": self.redis.url,
        }

    def _fresh_database(self, name: str) -> str:
        """Empty: each contestant migrates its own."""
        with psycopg.connect(self.postgresql.url, autocommit=True) as connection:
            there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if there is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.postgresql.url_of(name)


@contextlib.contextmanager
def services(kept: Path | None = None) -> Iterator[Services]:
    """``kept``: see DurablePostgreSQL."""
    home = Home()
    try:
        started = Services(home, kept)
        started.start()
        yield started
    finally:
        home.end()


@contextlib.contextmanager
def running(commands: Sequence[Sequence[str]], env: dict[str, str], log: Path) -> Iterator[list[int]]:
    """Processes that are asked to end and awaited on the way out; their pids."""
    with log.open("ab") as out:
        processes = [
            subprocess.Popen(command, env=env, cwd=ROOT, stdout=out, stderr=out, start_new_session=True)
            for command in commands
        ]
        try:
            yield [process.pid for process in processes]
            for process in processes:
                if process.poll() is not None:
                    raise RuntimeError(f"{process.args!r} ended early:\n{log.read_text()[-3000:]}")
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def cpu_seconds(roots: Sequence[int]) -> float:
    """User and system time of these processes and all below them, dead children included."""
    total = 0
    for pid in roots:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))
            total += int(cpu_seconds(children_of(pid)) * TICKS)
    return total / TICKS

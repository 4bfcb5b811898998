"""The product on real servers: one web process and any number of workers, on one host or two."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

from tests.support.machine import ROOT, Machine, worker_command
from tests.support.network import SecondHost
from tests.support.processes import LOOPBACK


@dataclasses.dataclass(frozen=True)
class Services:
    """Addresses; an empty `rabbitmq_url` means no broker."""

    database_url: str
    redis_url: str
    rabbitmq_url: str = ""

    @property
    def environment(self) -> dict[str, str]:
        given = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "RABBITMQ_URL": self.rabbitmq_url,
        }
        return {name: value for name, value in given.items() if value}

    def seen_from(self, host: SecondHost) -> Services:
        """The same services as that host reaches them."""
        urls = (self.database_url, self.redis_url, self.rabbitmq_url)
        return Services(*(url and host.reaching(url) for url in urls))


class Cluster(Machine):
    """Migrates the database, then starts the web process. Workers are started by the test."""

    def __init__(self, data_dir: Path, services: Services, **settings: str) -> None:
        super().__init__(data_dir, **services.environment, TASKDECK_ANONYMOUS="operate", **settings)
        self.services = services
        self.manage("migrate")
        self.process = self.start_web()

    def manage(self, *command: str) -> str:
        """Run one `manage.py` command; what it prints."""
        ended = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    def start_web(self) -> subprocess.Popen[bytes]:
        asgi = "taskqueue_site.asgi:application"
        options = ("-v", "0", "-b", LOOPBACK, "-p", str(self.port))
        return self.spawn(sys.executable, "-m", "daphne", *options, asgi)

    def start_worker_on(self, host: SecondHost, name: str, *options: str) -> subprocess.Popen[bytes]:
        """`manage.py runworker` on the second host."""
        environment = self.environment | self.services.seen_from(host).environment
        command = host.command(worker_command(name, *options), environment)
        return self.spawn(*command, environment=environment)

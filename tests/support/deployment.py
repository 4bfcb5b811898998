"""The compose file's services as processes of this machine: its commands, its environment, its nginx.conf.

Only what one machine cannot give to several containers is replaced, by text: host names by 127.0.0.1,
ports by free ones, /tmp by a directory per service, a volume by one directory. The code runs from a copy of
what the image holds.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tasks_app import embedded
from tests.support.compose import ROOT, assemble_image, compose_services, dockerfile_stages
from tests.support.processes import free_port, wait_until
from tests.support.servers import Home, PostgreSQL, RabbitMQ
from tests.support.servers.common import program

LISTENS = {"web": 8000, "live": 8000, "nginx": 8080, "valkey": 6379, "postgres": 5432, "rabbitmq": 5672}
"""In their containers."""
OURS = ("web", "live", "worker", "migrate")
PLAIN_HTTP = {"TASKDECK_HTTPS": "false", "ALLOWED_HOSTS": "tasks.example.com"}
OWN_FUNCTIONS = """
from tasks_app.compat import task
from tasks_app.media import Media


@task()
def large_file(size: int) -> Media:
    return Media(b"x" * size, "text/csv", name="large.csv")
"""
HEALTH_SECONDS = 90.0
STOP_SECONDS = 60.0


class Deployment:
    """``servers`` names the ports of what the compose file's images bring and a fixture runs instead."""

    def __init__(self, home: Home, servers: Mapping[str, int], variables: Mapping[str, str]) -> None:
        self.directory = home.directory / f"deployment-{secrets.token_hex(4)}"
        self.directory.mkdir(mode=0o755)
        self.ports = {name: servers.get(name) or free_port() for name in LISTENS}
        made = {
            name: secrets.token_hex(16) for name in ("SECRET_KEY", "VALKEY_PASSWORD", "RABBITMQ_PASSWORD")
        }
        self.services = compose_services({**made, **PLAIN_HTTP, **variables})
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.app = self.directory / "app"
        self.app.mkdir()
        assemble_image(self.app)
        self._programs = self.directory / "bin"
        self._programs.mkdir()
        (self._programs / "valkey-server").symlink_to(embedded.binary())
        (self._programs / "valkey-cli").symlink_to(program("redis-cli", "redis-tools"))
        self._environment = dict(home.environment)

    def environment(self, name: str) -> dict[str, str]:
        """What the container would have, and where this machine keeps its programs."""
        folders = [str(self._programs), str(Path(sys.executable).parent), "/usr/sbin", "/usr/bin", "/bin"]
        given = {**dockerfile_stages()[-1].environment, **self.services[name].get("environment", {})}
        mapped = {key: self._mapped(name, str(value)) for key, value in given.items()}
        return {**mapped, **self._environment, "PATH": os.pathsep.join(folders)}

    def command(self, name: str) -> list[str]:
        if name == "nginx":
            return [program("nginx", "nginx"), *self._nginx_arguments()]
        return [self._mapped(name, word) for word in self.services[name]["command"]]

    def start(self, name: str) -> None:
        """Start a service and return once its own health check passes."""
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self.command(name),
                cwd=self.app,
                env=self.environment(name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(
            lambda: self._is_running(name) and self.health(name) == 0,
            seconds=HEALTH_SECONDS,
            what=f"{name} is healthy\n{self.log(name).read_text()}",
        )

    def run(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run a service that ends, as `migrate` does."""
        return self.call(name, self.command(name))

    def call(self, name: str, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """`docker compose exec NAME COMMAND`."""
        return subprocess.run(
            command,
            cwd=self.app,
            env=self.environment(name),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def health(self, name: str) -> int:
        """The exit status of the service's health check."""
        kind, *words = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        return self.call(name, [self._mapped(name, word) for word in words]).returncode

    def stop(self, name: str) -> int:
        """SIGTERM as `docker compose stop` sends it; the exit status. Nothing of it may live on."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        status = process.wait(STOP_SECONDS)
        wait_until(lambda: not _lives(process.pid), seconds=STOP_SECONDS, what=f"nothing of {name} lives on")
        return status

    def stop_all(self) -> None:
        for name in reversed(list(self.processes)):
            self.stop(name)

    def log(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def check_nginx(self) -> None:
        """`nginx -t`. Raises CalledProcessError."""
        subprocess.run([*self.command("nginx"), "-t"], check=True, capture_output=True, timeout=60)

    def _is_running(self, name: str) -> bool:
        status = self.processes[name].poll()
        assert status is None, f"{name} ended with {status}:\n{self.log(name).read_text()}"
        return True

    def _mapped(self, name: str, text: str) -> str:
        hosts = "|".join(self.ports)
        text = re.sub(rf"(?<![\w.-])({hosts}):\d+", lambda match: f"127.0.0.1:{self.ports[match[1]]}", text)
        text = text.replace("/tmp", str(self._tmp(name))).replace("0.0.0.0", "127.0.0.1")
        for volume, target in self._volumes(name):
            text = text.replace(target, str(self.directory / volume))
        return re.sub(rf"\b{LISTENS[name]}\b", str(self.ports[name]), text) if name in LISTENS else text

    def _volumes(self, name: str) -> Iterator[tuple[str, str]]:
        """Named volumes of a service of ours; in any other service such a path stays what it is."""
        for mount in self.services[name].get("volumes", []) if name in OURS else []:
            volume, target, *_ = mount.split(":")
            yield f"volume-{volume}", target

    def _tmp(self, name: str) -> Path:
        tmp = self.directory / f"{name}-tmp"
        tmp.mkdir(exist_ok=True)
        return tmp

    def _nginx_arguments(self) -> list[str]:
        rendered = self.directory / "nginx.conf"
        rendered.write_text(self._mapped("nginx", (ROOT / "deploy" / "nginx.conf").read_text()))
        # Started as root, nginx would give its directories to a user who cannot reach them here.
        user = "user root; " if os.geteuid() == 0 else ""
        return [
            *("-e", "/dev/stderr", "-p", str(self.directory), "-c", str(rendered)),
            *("-g", f"{user}daemon off;"),
        ]


def fetch(
    url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, Any, bytes]:
    """One request without a proxy of this machine's; status, headers and body, also of errors."""
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Every())
    with opener.open(request, timeout=60) as response:
        return response.status, response.headers, response.read()


class Every(urllib.request.HTTPErrorProcessor):
    """Every answer is an answer."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response


def _lives(group: int) -> bool:
    """Whether any process of this group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def add_own_functions(app: Path, source: str) -> None:
    """As an image on top of this one does it."""
    (app / "reports").mkdir()
    (app / "reports" / "tasks.py").write_text(source)


@contextlib.contextmanager
def deployed(
    home: Home, postgresql: PostgreSQL, rabbitmq: RabbitMQ, *, functions: str = OWN_FUNCTIONS
) -> Iterator[Deployment]:
    """All services, healthy. The database and the broker's user are made as the images make them.

    ``functions`` is the source of the module ``reports.tasks``.
    """
    password = str(urlsplit(postgresql.url).password)
    variables = {
        "POSTGRES_PASSWORD": password,
        "RABBITMQ_PASSWORD": password,
        "TASKDECK_ANONYMOUS": "operate",
        "WEB_CONCURRENCY": "2",
        "WORKER_CONCURRENCY": "1",
        "TASKDECK_MODULES": "tasks_app.examples.tasks,reports.tasks",
    }
    deployment = Deployment(home, {"postgres": postgresql.port, "rabbitmq": rabbitmq.port}, variables)
    add_own_functions(deployment.app, functions)
    with psycopg.connect(postgresql.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE taskdeck")
    rabbitmq.rabbitmqctl("add_user", "taskdeck", password)
    rabbitmq.rabbitmqctl("set_permissions", "taskdeck", ".*", ".*", ".*")
    try:
        migrated = deployment.run("migrate")
        assert migrated.returncode == 0, migrated.stderr
        deployment.check_nginx()
        for name in ("valkey", "web", "live", "worker", "nginx"):
            deployment.start(name)
        yield deployment
    finally:
        deployment.stop_all()
        rabbitmq.rabbitmqctl("delete_user", "taskdeck")
        postgresql.drop(deployment.environment("web")["DATABASE_URL"])

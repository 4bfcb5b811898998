"""`manage.py up`: everything one machine needs, in one terminal."""

from __future__ import annotations

import argparse
import fcntl
import http.client
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from tasks_app.children import Child, Children, die_with_parent, say, spawn
from tasks_app.conf import get_conf
from tasks_app.embedded import EmbeddedValkey, EmbeddedValkeyError

LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
STOP_SECONDS = 20.0
WEB_GRACE_SECONDS = 3.0
"""daphne cuts requests at SIGTERM anyway; it ends when their threads do."""
SAVING_WARNING = "Memory overcommit must be enabled"
"""Concerns Valkey's background saves, which the embedded one never makes."""


class Command(BaseCommand):
    help = "Start Taskdeck on this machine: Valkey when REDIS_URL is unset, the web process, one worker node."

    def add_arguments(self, parser: CommandParser) -> None:
        given = given_settings()
        parser.add_argument("--host", default=given.get("HOST", "127.0.0.1"), help="address to listen on")
        parser.add_argument("--port", type=int, default=given.get("PORT", 8000), help="port to listen on")
        parser.add_argument(
            "--reload",
            action=argparse.BooleanOptionalAction,
            default=settings.DEBUG,
            help="restart web and worker when their code changes; default with DEBUG",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        given = given_settings()
        host, port = str(options["host"]), int(options["port"])
        if given.get("DIE_WITH_PARENT"):
            die_with_parent(os.getppid(), signal.SIGHUP)
        environment = child_environment(host, given)
        refuse_taken_port(host, port)
        data_dir = get_conf().data_dir.absolute()
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (data_dir / "up.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandError(f"Taskdeck already runs on {data_dir}.") from None
            run(host, port, given, environment, data_dir, is_reloading=options["reload"])


def given_settings() -> dict[str, Any]:
    """TASKDECK_UP; for a project without it, what its environment says of who may come in and of Redis."""
    given: dict[str, Any] | None = getattr(settings, "TASKDECK_UP", None)
    if given is not None:
        return given
    return {
        "ANONYMOUS": os.environ.get("TASKDECK_ANONYMOUS", ""),
        "ALLOWED_HOSTS": [name for name in os.environ.get("ALLOWED_HOSTS", "").split(",") if name],
        "REDIS_URL": os.environ.get("REDIS_URL", ""),
    }


def run(
    host: str,
    port: int,
    given: dict[str, Any],
    environment: dict[str, str],
    data_dir: Path,
    *,
    is_reloading: bool,
) -> None:
    """Start all, keep all running, stop all."""
    children = Children(stop_seconds=STOP_SECONDS)
    children.install_signals()
    valkeys = Children(stop_seconds=STOP_SECONDS)
    valkey = None if given.get("REDIS_URL") else EmbeddedValkey(data_dir)
    try:
        if valkey is not None:
            environment["REDIS_URL"] = valkey.url
            start_valkey(valkeys, valkey)
        call_command("migrate", interactive=False, verbosity=0)
        connections.close_all()
        if not children.is_stopping:
            start_processes(children, host, port, given, environment)
            announce(host, port, environment["ALLOWED_HOSTS"])
        reload = reloader(children) if is_reloading else None

        def each_turn() -> None:
            valkeys.keep_running()
            if reload is not None:
                reload()

        children.watch(each_turn)
        say("up", "stopping; press Ctrl-C again not to wait for running tasks")
    finally:
        children.stop()
        if valkey is not None:
            valkey.stop()
        valkeys.stop()
    say("up", "stopped")


def reloader(children: Children) -> Callable[[], None]:
    """What to call again and again: restarts the children after a change of the code."""
    from tasks_app.reloading import SourceWatch, source_directories  # needed in development only

    directories = source_directories()
    watch = SourceWatch(directories)
    watch.start()
    say("up", f"watching {', '.join(map(str, directories))}")

    def reload() -> None:
        if watch.take_change():
            say("up", "the code has changed: web and worker start again")
            children.restart()

    return reload


def child_environment(host: str, given: dict[str, Any]) -> dict[str, str]:
    """Decide who may come in. Anonymous visitors may operate only while nobody else can reach the port."""
    anonymous = str(given.get("ANONYMOUS", ""))
    allowed = list(given.get("ALLOWED_HOSTS", []))
    is_local = is_loopback(host) and set(allowed) <= set(LOCAL_HOSTS)
    if anonymous == "operate" and not is_local:
        raise CommandError(
            "TASKDECK_ANONYMOUS=operate lets every visitor act. It is accepted only on a loopback address"
            f" with ALLOWED_HOSTS unset or local, not on {host} with ALLOWED_HOSTS={','.join(allowed)}."
        )
    if not is_local and not allowed:
        raise CommandError(f"Set ALLOWED_HOSTS to the names under which {host} is reached.")
    environment = {key: value for key, value in os.environ.items() if key != "TASKDECK_DIE_WITH_PARENT"}
    environment["PYTHONUNBUFFERED"] = "1"
    environment["TASKDECK_ANONYMOUS"] = anonymous or ("operate" if is_local else "none")
    environment["ALLOWED_HOSTS"] = ",".join(allowed or LOCAL_HOSTS)
    return environment


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_taken_port(host: str, port: int) -> None:
    if not 1 <= port <= 65535:
        raise CommandError(f"PORT must be between 1 and 65535, not {port}.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CommandError(f"Cannot listen on {host}:{port}: {error}. Choose another with PORT=...") from None


def start_valkey(children: Children, valkey: EmbeddedValkey) -> None:
    parent_pid = os.getpid()

    def spawn_valkey() -> subprocess.Popen[bytes]:
        return valkey.start(output=subprocess.PIPE, before_exec=lambda: die_with_parent(parent_pid))

    try:
        children.add(Child("valkey", spawn_valkey, leave_out=SAVING_WARNING))
    except EmbeddedValkeyError as error:
        raise CommandError(str(error)) from None


def start_processes(
    children: Children, host: str, port: int, given: dict[str, Any], environment: dict[str, str]
) -> None:
    manage = Path(sys.argv[0]).absolute()
    directory = str(manage.parent)
    module, _, name = str(settings.ASGI_APPLICATION).rpartition(".")
    web = [sys.executable, "-m", "daphne", "-v", "0", "-b", host, "-p", str(port), f"{module}:{name}"]
    worker = [sys.executable, str(manage), "runworker", "--known-queues"]
    if given.get("WORKER_CONCURRENCY"):
        worker += ["--concurrency", str(given["WORKER_CONCURRENCY"])]
    if given.get("WORKER_ASYNC_CONCURRENCY"):
        worker += ["--async-concurrency", str(given["WORKER_ASYNC_CONCURRENCY"])]

    def start_web() -> subprocess.Popen[bytes]:
        return spawn(web, environment, directory, orphan_signal=signal.SIGKILL)

    def start_worker() -> subprocess.Popen[bytes]:
        return spawn(worker, environment, directory, orphan_signal=signal.SIGTERM)

    children.add(Child("web", start_web, grace_seconds=WEB_GRACE_SECONDS))
    children.add(Child("worker", start_worker))


def announce(host: str, port: int, allowed_hosts: str) -> None:
    """Print the address once the web process says that it is ready."""
    shown = f"[{host}]" if ":" in host else host
    name = allowed_hosts.split(",")[0].lstrip(".").replace("*", shown)

    def wait_until_ready() -> None:
        while not is_ready(host, port, name):
            time.sleep(0.1)
        say("up", f"Taskdeck is ready at http://{shown}:{port}/  (Ctrl-C stops it)")

    threading.Thread(target=wait_until_ready, daemon=True).start()


def is_ready(host: str, port: int, name: str) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/readyz", headers={"Host": name})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

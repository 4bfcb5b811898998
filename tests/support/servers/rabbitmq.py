"""A private RabbitMQ node, with `rabbitmqctl` bound to it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import uuid
from collections.abc import Sequence
from typing import Any

from tests.support.processes import LOOPBACK, free_port
from tests.support.servers.common import STOP_SECONDS, Home, Server, program

FOLDER = "/usr/lib/rabbitmq/bin"
"""Debian's commands in /usr/sbin switch to the user rabbitmq; these run as whoever calls them."""
PACKAGE = "rabbitmq-server"
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
METHOD_FRAME = b"\x01"
VHOSTS_AT_ONCE = 5
"""Each start of `rabbitmqctl` is that of an Erlang machine; a few virtual hosts more take no longer."""


class RabbitMQCommandError(Exception):
    """`rabbitmqctl` ended with another status than 0."""


class RabbitMQ(Server):
    """Takes about 11 s to start on two cores. Messages and queues are kept from one start to the next."""

    name = "rabbitmq"
    start_seconds = 120.0

    def __init__(self, home: Home) -> None:
        super().__init__(home, free_port())
        self._program = program("rabbitmq-server", PACKAGE, FOLDER)
        self._rabbitmqctl = program("rabbitmqctl", PACKAGE, FOLDER)
        self._spare_vhosts: list[str] = []
        self.environment |= {
            "RABBITMQ_NODENAME": f"taskdeck{uuid.uuid4().hex[:8]}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.directory / "logs"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(self.directory / "pid"),
            "RABBITMQ_CONF_ENV_FILE": str(self.directory / "absent.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.directory / "absent"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RUNNING_UNDER_SYSTEMD": "true",  # the script then becomes the Erlang machine itself
        }

    @property
    def node_name(self) -> str:
        return self.environment["RABBITMQ_NODENAME"]

    @property
    def url(self) -> str:
        return self.url_of("/")

    def url_of(self, vhost: str, *, port: int | None = None, host: str = LOOPBACK) -> str:
        """The address of a virtual host, if wanted through a proxy on another host or port.

        `guest` is let in over the loopback interface only, which is where a proxy comes from as well.
        """
        return f"amqp://guest:guest@{host}:{port or self.port}/{vhost.replace('/', '%2F')}"

    def fresh_vhost(self) -> str:
        """A virtual host that nobody has used; its name."""
        if not self._spare_vhosts:
            names = [f"test-{uuid.uuid4().hex[:12]}" for _ in range(VHOSTS_AT_ONCE)]
            listed = ", ".join(f'<<"{name}">>' for name in names)
            self.rabbitmqctl(
                "eval",
                'lists:foreach(fun(Name) -> rabbit_vhost:add(Name, <<"tests">>),'
                ' rabbit_auth_backend_internal:set_permissions(<<"guest">>, Name,'
                f' <<".*">>, <<".*">>, <<".*">>, <<"tests">>) end, [{listed}]).',
            )
            self._spare_vhosts = names
        return self._spare_vhosts.pop()

    def rabbitmqctl(self, *arguments: str) -> str:
        """Run one command on this node; what it prints. Raises RabbitMQCommandError with what it said."""
        ended = subprocess.run(
            [self._rabbitmqctl, "--quiet", *arguments],
            env=self.environment,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=STOP_SECONDS,
            check=False,
        )
        if ended.returncode != 0:
            raise RabbitMQCommandError(
                f"rabbitmqctl {' '.join(arguments)} ended with {ended.returncode}:"
                f" {ended.stderr.strip() or ended.stdout.strip()}"
            )
        return ended.stdout

    def sync(self) -> None:
        """Have the node write what it only remembers.

        Killed soon after the birth of a quorum queue, a node of 3.10 forgets that queue's log and brings it
        back without a leader.
        """
        self.rabbitmqctl("eval", "[dets:sync(Table) || Table <- dets:all()].")

    def list_queues(self, *columns: str, vhost: str = "/") -> list[dict[str, Any]]:
        """The queues of a virtual host; by default name, type, durability, consumers and message counts."""
        wanted = columns or (
            "name",
            "type",
            "durable",
            "consumers",
            "messages_ready",
            "messages_unacknowledged",
        )
        answer = self.rabbitmqctl("list_queues", "--vhost", vhost, "--formatter", "json", *wanted)
        queues: list[dict[str, Any]] = json.loads(answer)
        return queues

    def _end(self, number: signal.Signals) -> None:
        self._spare_vhosts.clear()  # a killed node may forget what is young
        super()._end(number)

    def _command(self) -> Sequence[str]:
        return [self._program]

    def _is_ready(self) -> bool:
        """Whether the node answers a protocol header with Connection.Start (AMQP 0-9-1, section 2.2.4)."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=5) as probe:
                probe.sendall(PROTOCOL_HEADER)
                return probe.recv(1) == METHOD_FRAME
        except OSError:
            return False

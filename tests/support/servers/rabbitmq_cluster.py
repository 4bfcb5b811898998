"""Three private RabbitMQ nodes on this machine, joined: what a quorum queue needs to have a quorum."""

from __future__ import annotations

import concurrent.futures
import json
import secrets
from typing import Any

from tests.support.processes import wait_until
from tests.support.servers.common import Home
from tests.support.servers.rabbitmq import RabbitMQ

JOIN_SECONDS = 120.0


class RabbitMQCluster:
    """The nodes find each other by one epmd and trust each other by one cookie. It forms in half a minute."""

    def __init__(self, home: Home, size: int = 3) -> None:
        self.nodes = [RabbitMQ(home) for _ in range(size)]
        cookie = secrets.token_hex(16)
        for node in self.nodes:
            node.environment["ERL_EPMD_PORT"] = self.nodes[0].environment["ERL_EPMD_PORT"]
            path = node.directory / ".erlang.cookie"
            path.write_text(cookie)
            path.chmod(0o400)
        self._has_formed = False

    def start(self) -> None:
        """Start what does not run, and return once every node knows all others to run."""
        with concurrent.futures.ThreadPoolExecutor() as threads:
            list(threads.map(RabbitMQ.start, self.nodes))
        first, *others = self.nodes
        if not self._has_formed:
            for node in others:
                for command in (("stop_app",), ("join_cluster", first.node_name), ("start_app",)):
                    node.rabbitmqctl(*command)
            self._has_formed = True
        wait_until(
            lambda: all(self.running(node) == {one.node_name for one in self.nodes} for node in self.nodes),
            seconds=JOIN_SECONDS,
            what="the cluster is whole",
        )

    def running(self, seen_by: RabbitMQ) -> set[str]:
        """The names of the nodes that one of them knows to run."""
        status = json.loads(seen_by.rabbitmqctl("cluster_status", "--formatter", "json"))
        return set(status["running_nodes"])

    def url_of(self, vhost: str) -> str:
        """As Taskdeck takes it: one address for each node."""
        return ",".join(node.url_of(vhost) for node in self.nodes)

    def queue(self, name: str, *, vhost: str, seen_by: RabbitMQ | None = None) -> dict[str, Any]:
        """Leader, members and those of them that are online, by node name."""
        node = seen_by or self.nodes[0]
        found = node.list_queues("name", "leader", "members", "online", vhost=vhost)
        return next(one for one in found if one["name"] == name)

    def node(self, name: str) -> RabbitMQ:
        [found] = [one for one in self.nodes if one.node_name == name]
        return found

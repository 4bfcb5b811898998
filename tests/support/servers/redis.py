"""A private Redis."""

from __future__ import annotations

from collections.abc import Sequence

import redis

from tests.support.processes import LOOPBACK, free_port
from tests.support.servers.common import Home, Server, program


class Redis(Server):
    """Keeps nothing on disk: a restart comes back empty, as after a lost cache."""

    name = "redis"

    def __init__(self, home: Home) -> None:
        super().__init__(home, free_port())
        self._program = program("redis-server", "redis-server")

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def flush(self) -> None:
        with self.client() as client:
            client.flushall()

    def _command(self) -> Sequence[str]:
        return [
            self._program,
            *("--port", str(self.port), "--bind", LOOPBACK, "--dir", str(self.directory)),
            *("--save", "", "--appendonly", "no", "--daemonize", "no"),
            *("--set-proc-title", "no"),  # it would overwrite the environment, and the marker in it
        ]

    def _is_ready(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

"""The second host: a network of its own from which this machine's services are reached through proxies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.network import NoSecondHost, SecondHost
from tests.support.processes import wait_until
from tests.support.servers import Redis

LOOK = """
import redis, socket, sys
def answer(url):
    try:
        return redis.Redis.from_url(url, socket_connect_timeout=20).ping()
    except redis.ConnectionError:
        return "unreachable"
print(socket.gethostname(), *map(answer, sys.argv[1:]), flush=True)
"""


def asked_there(host: SecondHost, *urls: str) -> list[str]:
    command = host.command([sys.executable, "-c", LOOK, *urls], os.environ)
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return ended.stdout.split()


def test_a_second_host_has_a_name_of_its_own_and_reaches_services_through_proxies(
    redis_server: Redis,
) -> None:
    with SecondHost("second.test") as host:
        from_there = host.reaching(redis_server.url)
        assert asked_there(host, from_there, redis_server.url) == ["second.test", "True", "unreachable"]
        proxy = host.proxies[redis_server.port]
        assert proxy.connections == 1
        proxy.cut()
        assert asked_there(host, from_there) == ["second.test", "unreachable"]
        link = Path("/sys/class/net") / host.link
        assert link.exists()
    wait_until(lambda: not link.exists(), seconds=60, what="the kernel took the network apart")


def test_a_host_that_cannot_be_made_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("unshare", "sudo"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho not permitted >&2\nexit 1\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(NoSecondHost, match="no network namespace: not permitted"), SecondHost("second.test"):
        pass

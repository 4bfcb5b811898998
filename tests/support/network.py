"""A second host: a network and a host name of its own on this machine, as far as the kernel goes."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import IO
from urllib.parse import urlsplit

from tests.support.proxy import Proxy

NETWORKS = (198 << 24) + (18 << 16)
"""198.18.0.0/15, which RFC 2544 keeps for tests like these."""


class NoSecondHost(Exception):
    """The kernel or its owner does not let us make one."""


class SecondHost:
    """A network namespace joined to this machine by a veth pair. A context manager.

    The services of this machine listen on its loopback interface; the second host reaches each through a
    proxy on this machine's end of the pair, and `proxies` can break any of these ways. The namespace lives as
    long as the process that holds it, which ends with the test run: nothing has to be removed.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.proxies: dict[int, Proxy] = {}
        network = NETWORKS + random.randrange(1 << 15) * 4
        self._address, self._its_address = dotted(network + 1), dotted(network + 2)
        self.link = f"td{uuid.uuid4().hex[:10]}"
        self._holder: subprocess.Popen[str]
        self._namespaces: list[str] = []

    def __enter__(self) -> SecondHost:
        """Raises NoSecondHost when it cannot be made."""
        hold = f"hostname {self.name} && echo $$ && exec cat"
        self._holder = subprocess.Popen(
            [*as_root(), "unshare", "--net", "--uts", "sh", "-c", hold],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        pid = stream(self._holder.stdout).readline().strip()
        if not pid:
            raise NoSecondHost(f"no network namespace: {stream(self._holder.stderr).read().strip()}")
        self._namespaces = [f"--net=/proc/{pid}/ns/net", f"--uts=/proc/{pid}/ns/uts"]
        try:
            run("ip", "link", "add", self.link, "type", "veth", "peer", "name", "veth0", "netns", pid)
            run("ip", "address", "add", f"{self._address}/30", "dev", self.link)
            run("ip", "link", "set", self.link, "up")
            for command in (
                ("ip", "link", "set", "lo", "up"),
                ("ip", "address", "add", f"{self._its_address}/30", "dev", "veth0"),
                ("ip", "link", "set", "veth0", "up"),
            ):
                run("nsenter", *self._namespaces, *command)
        except NoSecondHost:
            self._let_go()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for proxy in self.proxies.values():
            proxy.__exit__(None, None, None)
        self._let_go()

    def reaching(self, url: str) -> str:
        """The address under which the second host reaches a service of this machine."""
        port = urlsplit(url).port
        assert port is not None, url
        if port not in self.proxies:
            self.proxies[port] = Proxy(port, host=self._address).__enter__()
        return url.replace(f"127.0.0.1:{port}", f"{self._address}:{self.proxies[port].port}")

    def command(self, command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
        """What to start here so that the command runs there, as this user, with this environment."""
        inside = ["nsenter", *self._namespaces]
        if os.geteuid() == 0:
            return [*inside, *command]
        user = ["setpriv", "--reuid", str(os.getuid()), "--regid", str(os.getgid()), "--init-groups"]
        values = [f"{name}={value}" for name, value in environment.items()]
        return [*as_root(), *inside, *user, "env", *values, *command]

    def cut_off(self) -> None:
        """Pull its cable: packets vanish both ways, no connection is closed."""
        run("ip", "link", "set", self.link, "down")

    def join_again(self) -> None:
        run("ip", "link", "set", self.link, "up")

    def _let_go(self) -> None:
        self._holder.communicate()  # closes its input


def dotted(address: int) -> str:
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))


def as_root() -> list[str]:
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        raise NoSecondHost("a second host needs root, or sudo without a password")
    return ["sudo", "-n"]


def run(*command: str) -> None:
    ended = subprocess.run([*as_root(), *command], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise NoSecondHost(f"{' '.join(command)}: {ended.stderr.strip()}")


def stream(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe

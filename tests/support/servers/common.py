"""What every private server shares: a home, an environment with a marker, and a certain end."""

from __future__ import annotations

import abc
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

from tests.support.processes import LOOPBACK, MARKER, wait_until

STOP_SECONDS = 60.0


class MissingServer(Exception):
    """A program that the tests need is not installed."""

    def __init__(self, program: str, package: str) -> None:
        super().__init__(
            f"{program} is not installed. `make servers` installs it; by hand: apt-get install {package}"
        )


def program(name: str, package: str, *folders: str) -> str:
    """The path of a server's program, looked for in the given folders first. Raises MissingServer."""
    path = os.pathsep.join([*folders, os.environ.get("PATH", ""), "/usr/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        raise MissingServer(name, package)
    return found


class Home:
    """The directory of one test run's servers, with a keeper that ends them and removes it.

    The keeper waits for the end of a pipe whose other end only this process holds: however the test run
    ends, SIGKILL included, every process with the marker in its environment is killed. PDEATHSIG alone would
    not do: epmd and the Erlang machine are no children of ours.
    """

    def __init__(self) -> None:
        self.marker = uuid.uuid4().hex
        self.directory = Path(tempfile.mkdtemp(prefix="taskdeck-servers-"))
        self.directory.chmod(0o711)  # a server that runs as another user must reach its own directory
        self.environment = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", MARKER: self.marker}
        mine, its = os.pipe()
        self._line = its
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.support.servers.keeper", self.marker, str(self.directory)],
            stdin=mine,
            start_new_session=True,
            cwd=Path(__file__).resolve().parents[3],
        )
        os.close(mine)

    def end(self) -> None:
        """Kill every server of this home and remove the directory."""
        os.close(self._line)
        self._keeper.wait(STOP_SECONDS)


class Server(abc.ABC):
    """One server process that is started, ended and started again on the same port with the same data."""

    name: str
    start_seconds = 30.0

    def __init__(self, home: Home, port: int) -> None:
        self.port = port
        self.directory = home.directory / f"{self.name}-{port}"
        self.log = self.directory / "log"
        self.environment = home.environment | {"HOME": str(self.directory)}
        self.process: subprocess.Popen[bytes] | None = None
        self.directory.mkdir(mode=0o700)

    @property
    @abc.abstractmethod
    def url(self) -> str:
        """The address as Taskdeck's settings take it."""

    @abc.abstractmethod
    def _command(self) -> Sequence[str]:
        """The program that stays in the foreground, with its arguments."""

    @abc.abstractmethod
    def _is_ready(self) -> bool: ...

    @property
    def user(self) -> str | None:
        """The user the server runs as; None means the user who runs the tests."""
        return None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start and return once it answers. Does nothing when it runs already."""
        if self.is_running:
            return
        self.log.touch()
        with self.log.open("ab") as log:
            process = self.process = subprocess.Popen(
                self._command(),
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **identity(self.user),
            )

        def is_up() -> bool:
            assert process.poll() is None, f"{self.name} ended with {process.returncode}:\n{self.tail()}"
            return self._is_ready()

        wait_until(is_up, seconds=self.start_seconds, what=f"{self.name} answers")

    def stop(self) -> None:
        """End it in its orderly way and prove that its port is closed."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would, and prove that its port is closed."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        self._signal(number)
        self.process.wait(STOP_SECONDS)
        self.process = None
        wait_until(lambda: not accepts(self.port), seconds=STOP_SECONDS, what=f"{self.name}'s port is closed")

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]


def identity(user: str | None) -> dict[str, object]:
    """Popen's arguments for running as another user."""
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [entry.pw_gid]}


def accepts(port: int) -> bool:
    """Whether somebody listens on this port of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((LOOPBACK, port)) == 0

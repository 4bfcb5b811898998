"""A wall clock that a test can set for some programs only."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("wall_clock.cpp")


class WallClock:
    """``environment`` makes a program, and those it starts, live by this clock."""

    def __init__(self, directory: Path) -> None:
        library, self._offset = directory / "wall_clock.so", directory / "wall_clock"
        compiled = ["g++", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)]
        subprocess.run(compiled, check=True)
        self.set(0)
        self._offset.chmod(0o644)
        self.environment = {"LD_PRELOAD": str(library), "WALL_CLOCK": str(self._offset)}

    def set(self, ahead_seconds: int) -> None:
        """Jump to so many seconds ahead of this machine's clock, from now on."""
        with self._offset.open("r+b" if self._offset.exists() else "wb") as file:
            file.write(struct.pack("q", ahead_seconds))

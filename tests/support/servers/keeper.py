"""Ends a test run's servers when the run is over.

Run as ``python -m tests.support.servers.keeper MARKER DIRECTORY``; ``common.Home`` starts it.
"""

from __future__ import annotations

import shutil
import signal
import sys

from tests.support.processes import end_marked

ORDERLY_SECONDS = 5.0
"""PostgreSQL frees its System V shared memory only at an orderly end."""


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    marker, directory = sys.argv[1:]
    sys.stdin.buffer.read()  # until the test run closes its end, or ends itself
    end_marked(marker, orderly_seconds=ORDERLY_SECONDS)
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()

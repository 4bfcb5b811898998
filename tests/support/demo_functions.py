"""Task functions of the demo node. ``report`` sends progress."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from collections.abc import Callable
from functools import partial

from tasks_app.reporting import Line

Report = Callable[[bytes], None]


def noop(body: bytes, report: Report) -> bytes:
    return b""


def hold(body: bytes, report: Report) -> bytes:
    """Run until the named file appears."""
    while not os.path.exists(body):
        time.sleep(0.002)
    return b"held"


def hold_with_program(body: bytes, report: Report) -> bytes:
    """Hold, with a program started that would outlive the task."""
    program = subprocess.Popen(["sleep", "3600"])
    report(str(program.pid).encode())
    return hold(body, report)


def keep_gil(body: bytes, report: Report) -> bytes:
    """A C call that never lets a signal handler run."""
    return bytes(sum(itertools.repeat(0)))


def spin(body: bytes, report: Report) -> bytes:
    while True:
        pass


def count_to(body: bytes, report: Report) -> bytes:
    for number in range(int(body)):
        report(str(number).encode())
    return body


def measure(body: bytes, report: Report) -> bytes:
    return str(len(body)).encode()


def produce(body: bytes, report: Report) -> bytes:
    return b"r" * int(body)


def leave(body: bytes, report: Report) -> bytes:
    raise SystemExit("the task wants to end the executor")


def terminate_program(body: bytes, report: Report) -> bytes:
    program = subprocess.Popen(["sleep", "3600"])
    program.terminate()
    return str(program.wait(20)).encode()


FUNCTIONS = {
    function.__name__: function
    for function in (
        noop,
        hold,
        hold_with_program,
        keep_gil,
        spin,
        count_to,
        measure,
        produce,
        leave,
        terminate_program,
    )
}


def run(word: str, body: bytes, line: Line) -> tuple[str, bytes]:
    return "succeeded", FUNCTIONS[word](body, partial(line.send, "progress"))

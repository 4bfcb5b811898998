"""Functions of known length, the same for every contestant; each notes its time in the file NOTES names."""

from __future__ import annotations

import os
import threading
import time

MODULUS = 1_000_003


def note(*figures: float) -> None:
    """One line, written at once: lines of several processes do not mix."""
    with open(os.environ["NOTES"], "ab", buffering=0) as notes:
        notes.write(" ".join(f"{figure:.6f}" for figure in figures).encode() + b"\n")


def spin(number: int) -> int:
    """So many turns of pure Python; notes its thread, its end, its seconds of CPU and the thread's so far."""
    began = time.thread_time()
    total = 0
    for n in range(number):
        total = (total * 31 + n) % MODULUS
    used = time.thread_time()
    note(threading.get_native_id(), time.time(), used - began, used)
    return total


def pause(milliseconds: int, submitted_at: float) -> int:
    """Sleeps; one of a millisecond notes how many seconds it had waited since its submit."""
    if milliseconds == 1:
        note(time.time() - submitted_at)
    time.sleep(milliseconds / 1000)
    return milliseconds

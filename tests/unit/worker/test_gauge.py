"""Memory and processor time of a node's processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tests.support.processes import wait_until
from worker.gauge import EVERY_SECONDS, MOST_POINTS, Gauge, usage_of

BUSY = "import sys; block = bytearray(64 << 20); print('ready', flush=True)\nwhile True: pass"


def test_a_busy_process_shows_its_memory_and_its_processor() -> None:
    gauge = Gauge([os.getpid()], now=0.0)
    busy = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE)
    try:
        assert busy.stdout
        busy.stdout.readline()
        alone = gauge.turn([], now=1.0)
        wait_until(lambda: usage_of(busy.pid)[0] >= 30, seconds=60, what="it used 0.3 s of a processor")
        both = gauge.turn([busy.pid], now=1.0 + EVERY_SECONDS)
    finally:
        busy.kill()
        busy.wait()
    assert alone
    assert both
    assert both["rss_mib"][0] == alone["rss_mib"][0]
    assert both["rss_mib"][1] >= both["rss_mib"][0] + 64
    assert both["cpu_cores"][1] >= 0.3 / EVERY_SECONDS - 0.01


def test_a_point_is_taken_when_it_is_due_and_the_oldest_go() -> None:
    gauge = Gauge([os.getpid()], now=0.0)
    assert gauge.turn([], now=2.0)
    assert gauge.turn([], now=2.0 + EVERY_SECONDS / 2) is None
    for number in range(1, MOST_POINTS + 9):
        load = gauge.turn([], now=2.0 + number * EVERY_SECONDS)
        assert load
    assert len(load["rss_mib"]) == len(load["cpu_cores"]) == MOST_POINTS


def test_a_dead_process_counts_nothing() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert usage_of(gone.pid) == (0, 0)
    load = Gauge([], now=time.monotonic()).turn([gone.pid], now=time.monotonic() + 1)
    assert load == {"every_seconds": EVERY_SECONDS, "rss_mib": [0], "cpu_cores": [0.0]}

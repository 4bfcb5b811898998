"""The words of the board, and the conditions under which the guard may fork."""

from __future__ import annotations

import subprocess
import sys

import pytest

from worker.board import Board, Order, Slot, boottime

START = """
import socket, sys, threading
from worker.forking import check_fork_safety
check_fork_safety()
{spoil}
try:
    check_fork_safety()
except RuntimeError as error:
    sys.exit(str(error))
"""


def test_a_nudge_and_a_stop_do_not_overwrite_each_other() -> None:
    slot = Slot(Board(1).line(1))
    slot.give(7, Order.CANCEL)
    slot.give(8, Order.NUDGE)
    assert slot.stop == (7, Order.CANCEL)
    assert slot.nudge == 8


def test_a_slot_tells_what_runs_and_what_ran_last() -> None:
    slot = Slot(Board(1).line(1))
    assert (slot.running, slot.last) == (0, 0)
    before = boottime()
    slot.begin(3)
    assert (slot.running, slot.last) == (3, 3)
    assert before <= slot.since <= boottime()
    slot.end()
    assert (slot.running, slot.last) == (0, 3)


def test_a_line_is_cleared_before_it_is_used_again_and_touches_no_other() -> None:
    board = Board(2)
    first, second = board.take(), board.take()
    Slot(board.line(first)).begin(5)
    Slot(board.line(second)).begin(6)
    board.give_back(first)
    assert board.take() == first
    assert Slot(board.line(first)).last == 0
    assert Slot(board.line(second)).last == 6
    with pytest.raises(IndexError):
        board.take()


def test_the_tick_is_the_time_of_the_last_beat() -> None:
    board = Board(1)
    assert board.tick_at == 0
    before = boottime()
    board.beat()
    assert before <= board.tick_at <= boottime()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("threading.Thread(target=threading.Event().wait, daemon=True).start()", "2 threads"),
        ("kept = socket.socket()", "are sockets"),
    ],
)
def test_the_guard_refuses_to_fork_with_a_thread_or_a_socket(spoil: str, reason: str) -> None:
    process = subprocess.run(
        [sys.executable, "-c", START.format(spoil=spoil)], capture_output=True, text=True, timeout=60
    )
    assert process.returncode == 1
    assert reason in process.stderr

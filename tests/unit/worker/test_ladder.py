"""How a running attempt is made to end."""

from __future__ import annotations

import math

from tasks_app.options import TaskOptions
from worker.board import Order
from worker.ladder import CANCEL_GRACE_SECONDS, Ladder, Reason, Step


def test_nothing_happens_to_an_attempt_without_limits() -> None:
    assert Ladder.of(TaskOptions()).next_step(1e9, 1e9) is None


def test_the_soft_limit_interrupts_once_and_the_hard_one_kills_once() -> None:
    ladder = Ladder.of(TaskOptions(timeout=10, hard_timeout=20))
    ages = (9.9, 10.1, 10.2, 19.9, 20.1, 20.2)
    steps = [ladder.next_step(age, now=0.0) for age in ages]
    assert steps == [
        None,
        Step(Reason.TIMEOUT, Order.TIMEOUT),
        None,
        None,
        Step(Reason.TIMEOUT, None),
        None,
    ]
    assert ladder.killed_for == Reason.TIMEOUT


def test_a_cancel_interrupts_and_kills_after_the_grace_period() -> None:
    ladder = Ladder.of(TaskOptions())
    ladder.cancel_since = 100.0
    assert ladder.next_step(1.0, 100.0) == Step(Reason.CANCEL, Order.CANCEL)
    assert ladder.next_step(1.0, 100.0 + CANCEL_GRACE_SECONDS) is None
    assert ladder.next_step(1.0, 100.1 + CANCEL_GRACE_SECONDS) == Step(Reason.CANCEL, None)


def test_a_cancel_after_the_soft_limit_waits_for_the_kill() -> None:
    """An attempt is interrupted once: a second exception would hit its clean-up."""
    ladder = Ladder.of(TaskOptions(timeout=1))
    assert ladder.next_step(1.1, 0.0) == Step(Reason.TIMEOUT, Order.TIMEOUT)
    ladder.cancel_since = 2.0
    assert ladder.next_step(2.0, 3.0) is None
    assert ladder.next_step(3.0, 2.1 + CANCEL_GRACE_SECONDS) == Step(Reason.CANCEL, None)


def test_between_two_looks_no_step_is_missed() -> None:
    """``due_seconds`` names the age at which ``next_step`` has the next one."""
    ladder = Ladder.of(TaskOptions(timeout=10, hard_timeout=20))
    assert ladder.due_seconds(4.0, 0.0) == 6.0
    ladder.next_step(10.1, 0.0)
    assert ladder.due_seconds(10.1, 0.0) == 20.0 - 10.1
    ladder.cancel_since = 100.0
    assert ladder.due_seconds(11.0, 101.0) == CANCEL_GRACE_SECONDS - 1.0
    ladder.next_step(20.1, 101.0)
    assert ladder.due_seconds(20.1, 101.0) == math.inf


def test_a_cancel_is_due_at_once() -> None:
    ladder = Ladder.of(TaskOptions())
    assert ladder.due_seconds(1e9, 0.0) == math.inf
    ladder.cancel_since = 100.0
    assert ladder.due_seconds(1.0, 100.0) == 0.0

"""When a worker asks the table itself."""

from __future__ import annotations

from worker.direct import DirectPace


def pace(first: float = 1.0, now: float = 100.0) -> DirectPace:
    return DirectPace(first, now, uniform=lambda low, high: 1.0)


def test_a_fruitful_look_is_followed_by_another_at_once() -> None:
    one = pace()
    one.looked(100.0, found=3)
    assert one.is_due(100.0)


def test_pauses_grow_while_the_table_is_empty_up_to_five_times() -> None:
    one = pace()
    now, pauses = 100.0, []
    for _ in range(10):
        one.looked(now, found=0)
        assert not one.is_due(now)
        pauses.append(one.wait_seconds(now))
        now += pauses[-1]
        assert one.is_due(now)
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (1.5, 5.0)


def test_a_doorbell_makes_the_next_look_due_and_the_pauses_short() -> None:
    one = pace()
    for _ in range(10):
        one.looked(100.0, found=0)
    one.ring()
    assert one.is_due(100.0)
    one.looked(100.0, found=0)
    assert one.wait_seconds(100.0) == 1.5


def test_messages_postpone_the_look_and_never_the_share() -> None:
    one = pace()
    one.looked(100.0, found=0)
    for now in range(100, 110):
        one.postpone(float(now))
        assert not one.is_due(now + 0.9)
    assert one.is_share_due(104.0)


def test_where_messages_are_expected_the_first_look_waits_for_them() -> None:
    one = pace(1.0, 10.0)
    assert one.is_due(10.0)
    one.expect_messages(10.0)
    assert not one.is_due(10.9)
    assert one.is_due(11.0)


def test_the_share_goes_to_the_oldest_and_to_the_best_in_turn() -> None:
    one = pace()
    assert not one.is_share_due(103.0)
    assert [one.share(103.1), one.share(106.2), one.share(109.3)] == [True, False, True]
    assert not one.is_share_due(112.0)


def test_a_long_first_pause_makes_looks_and_shares_rare() -> None:
    one = pace(first=3600.0)
    one.looked(100.0, found=0)
    assert not one.is_due(3600.0)
    assert not one.is_share_due(3600.0)

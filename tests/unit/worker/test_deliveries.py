"""What waits for a claim, and which acks a claim is worth."""

from __future__ import annotations

from worker.deliveries import Deliveries, Delivery, prefetch_for


def delivered(*functions: str) -> Deliveries:
    """Deliveries with the tags 1, 2, ... of these functions."""
    deliveries = Deliveries()
    for tag, function in enumerate(functions, start=1):
        deliveries.came(tag)
        deliveries.put(Delivery(tag, "default", function, f"task-{tag}"))
    return deliveries


def tags(taken: list[Delivery]) -> list[int]:
    return [delivery.tag for delivery in taken]


def test_deliveries_are_taken_in_the_order_they_came_and_of_the_named_functions_only() -> None:
    deliveries = delivered("a", "b", "a", "long", "b", "a")
    assert tags(deliveries.take(2, ["a", "b"])) == [1, 2]
    assert tags(deliveries.take(10, ["a", "b", "unknown"])) == [3, 5, 6]
    assert deliveries
    assert set(deliveries.functions()) == {"long"}
    assert tags(deliveries.take(10, ["long"])) == [4]
    assert not deliveries


def test_what_is_put_back_comes_first_again() -> None:
    deliveries = delivered("a", "b", "a", "a")
    deliveries.put_back(deliveries.take(3, ["a", "b"]))
    assert tags(deliveries.take(9, ["a", "b"])) == [1, 2, 3, 4]


def test_only_what_waits_and_was_not_offered_may_be_offered() -> None:
    deliveries = delivered("a", "b")
    assert deliveries.has_unoffered
    deliveries.offer()
    assert not deliveries.has_unoffered
    deliveries.came(3)
    deliveries.put(Delivery(3, "default", "a", "task-3"))
    assert deliveries.has_unoffered
    deliveries.take(3, ["a", "b"])
    assert not deliveries.has_unoffered


def test_each_delivery_that_waits_is_offered_once() -> None:
    deliveries = delivered("a", "b", "a")
    deliveries.take(1, ["a"])
    assert deliveries.offer() == {"default": 2}
    deliveries.put_back(deliveries.take(2, ["a", "b"]))
    assert not deliveries.offer()
    deliveries.came(4)
    deliveries.put(Delivery(4, "other", "a", "task-4"))
    assert deliveries.offer() == {"other": 1}
    assert not deliveries.offer()


def test_what_lies_in_front_is_acknowledged_at_once_and_the_rest_singly() -> None:
    deliveries = delivered(*"abcdef")
    assert deliveries.settle([2, 1]) == [(2, True)]
    assert deliveries.settle([6, 4]) == [(4, False), (6, False)]
    assert deliveries.settle([3]) == [(3, True)]
    assert deliveries.settle([5]) == [(5, True)]


def test_a_multiple_ack_never_covers_a_delivery_that_still_waits() -> None:
    deliveries = delivered(*"aaaa")
    assert deliveries.settle([2, 3, 4]) == [(2, False), (3, False), (4, False)]


def test_a_delivery_is_settled_once() -> None:
    deliveries = delivered("a")
    assert deliveries.settle([1]) == [(1, True)]
    assert deliveries.settle([1, 7]) == []


def test_the_prefetch_follows_the_run_time() -> None:
    assert prefetch_for(executors=2, ahead=1) == 4
    assert prefetch_for(executors=2, ahead=64) == 256
    assert prefetch_for(executors=8, ahead=64) == 512
    assert prefetch_for(executors=250, ahead=64) == 512
    assert prefetch_for(executors=250, ahead=1) == 500
    assert prefetch_for(executors=250, ahead=2) == 512

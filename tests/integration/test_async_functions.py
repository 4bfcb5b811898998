"""Async functions share one event loop of their worker; the functions' own ledger tells what ran."""

from __future__ import annotations

import os
import signal

from tests.integration.test_attempts import ended, executions, submit
from tests.integration.test_telling import log_of, open_gate
from tests.support.machine import Up
from tests.support.processes import wait_until

MANY = 50


def id_of(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def said(up: Up, path: str) -> list[str]:
    """What each execution wrote down, without processes and instants: attempt and words."""
    return [" ".join(line.split()[:-2]) for line in executions(up, path)]


def process_of(up: Up, path: str) -> int:
    """In which it ran last."""
    return int(executions(up, path)[-1].split()[-2])


def begun(up: Up, paths: list[str]) -> None:
    def all_have() -> bool:
        words = [line.split() for line in up.ledger.read_text().splitlines()] if up.ledger.exists() else []
        return {id_of(path) for path in paths} <= {one[0] for one in words if one[3] == "begins"}

    wait_until(all_have, seconds=60, what=f"{len(paths)} tasks have begun")


def submit_waiting(up: Up, count: int, gate: str) -> list[str]:
    paths = [submit(up, "waits_async", {"gate": gate}) for _ in range(count)]
    begun(up, paths)
    return paths


def spans(up: Up, paths: list[str]) -> list[tuple[float, float]]:
    """Begin and end of each task that ran once."""
    found = []
    for path in paths:
        [begins, ends] = executions(up, path)
        assert (begins.split()[1], ends.split()[1]) == ("begins", "ends")
        found.append((float(begins.split()[-1]), float(ends.split()[-1])))
    return found


def test_fifty_that_wait_run_at_once_and_a_plain_one_beside_them(up: Up) -> None:
    up.wait_until_ready()
    paths = submit_waiting(up, MANY, "go")
    extra = submit(up, "waits_async", {"gate": "go"})
    assert up.compute(5) == 5
    [worker] = up.workers()
    assert (worker["concurrency"], worker["async_concurrency"]) == (1, MANY)
    assert worker["running"] == worker["running_async"] == MANY
    assert up.call(extra)[1]["state"] == "queued"  # no position is free: it is not claimed

    open_gate(up, "go")

    assert len({ended(up, path)["result"] for path in [*paths, extra]}) == 1
    found = spans(up, paths)
    assert max(begin for begin, _ in found) < min(end for _, end in found)
    [(begin, _)] = spans(up, [extra])
    assert begin > min(end for _, end in found)


def test_a_cancel_ends_one_and_leaves_its_neighbours(up: Up) -> None:
    up.wait_until_ready()
    first, victim, last = submit_waiting(up, 3, "go")
    assert up.call(f"{victim}cancel/", {})[0] == 200
    task = ended(up, victim)
    assert (task["state"], task["failures"], task["losses"]) == ("cancelled", 0, 0)
    assert [step["step"] for step in task["steps"]] == ["requested", "interrupted"]
    assert said(up, victim) == ["1 begins", "1 cancelled"]
    open_gate(up, "go")
    assert ended(up, first)["result"] == ended(up, last)["result"]
    assert said(up, first) == said(up, last) == ["1 begins", "1 ends"]


def test_the_soft_limit_ends_one_and_leaves_its_neighbours(up: Up) -> None:
    up.wait_until_ready()
    neighbours = submit_waiting(up, 3, "go")
    path = submit(up, "outlives_its_limit")
    task = ended(up, path)
    assert (task["state"], task["failures"], task["losses"]) == ("failed", 1, 0)
    assert task["error"].startswith("TaskTimeout")
    assert [(step["step"], step["reason"]) for step in task["steps"]] == [("interrupted", "timeout")]
    assert said(up, path) == ["1 begins", "1 cleaned"]
    open_gate(up, "go")
    for neighbour in neighbours:
        assert (ended(up, neighbour)["state"], said(up, neighbour)) == (
            "succeeded",
            ["1 begins", "1 ends"],
        )


def test_the_kill_of_one_that_does_not_listen_costs_its_neighbours_no_loss(up: Up) -> None:
    up.wait_until_ready()
    neighbours = submit_waiting(up, 3, "go")
    path = submit(up, "does_not_listen_async")
    begun(up, [path])
    assert up.call(f"{path}cancel/", {})[0] == 200
    task = ended(up, path)
    assert (task["state"], task["losses"], task["failures"]) == ("cancelled", 0, 0)
    assert [step["step"] for step in task["steps"]] == ["requested", "interrupted", "killed"]
    assert said(up, path) == ["1 begins", "1 ignores"]
    open_gate(up, "go")
    for neighbour in neighbours:
        task = ended(up, neighbour)
        assert (task["state"], task["losses"], task["attempt"]) == ("succeeded", 0, 2)
        assert said(up, neighbour) == ["1 begins", "2 begins", "2 ends"]


def test_a_killed_executor_costs_each_that_ran_one_loss_and_all_run_again(up: Up) -> None:
    up.wait_until_ready()
    paths = submit_waiting(up, 20, "go")
    executor = process_of(up, paths[0])
    os.kill(executor, signal.SIGKILL)
    wait_until(lambda: all("2 begins" in said(up, path) for path in paths), seconds=60, what="all run again")
    open_gate(up, "go")
    for path in paths:
        task = ended(up, path)
        assert (task["state"], task["losses"], task["failures"]) == ("succeeded", 1, 0)
        assert [(a["attempt"], a["kind"]) for a in task["attempts"]] == [(1, "loss")]
        assert said(up, path) == ["1 begins", "2 begins", "2 ends"]
        assert task["result"] != executor


def test_what_kills_its_executor_again_and_again_is_run_apart(up: Up) -> None:
    up.wait_until_ready()
    neighbours = submit_waiting(up, 3, "go")
    poison = submit(up, "dies_async", {"gate": "die"})
    begun(up, [poison])
    open_gate(up, "die")
    task = ended(up, poison)
    assert (task["state"], task["error"], task["losses"]) == ("failed", "worker lost", 4)
    assert said(up, poison) == ["1 begins", "2 begins", "3 begins", "4 begins"]
    open_gate(up, "go")
    for path in neighbours:
        task = ended(up, path)
        assert task["state"] == "succeeded"
        assert 1 <= task["losses"] <= 2


def test_a_task_is_cancelled_while_its_worker_drains(up: Up) -> None:
    up.wait_until_ready()
    options = ("--queues", "here", "--concurrency", "1", "--drain-seconds", "600")
    worker = up.start_worker("here", *options)
    path = submit(up, "waits_async", {"gate": "never"}, queue="here")
    begun(up, [path])
    worker.send_signal(signal.SIGTERM)
    wait_until(lambda: "draining worker here" in up.log.read_text(), seconds=30, what="the drain begins")
    assert up.call(f"{path}cancel/", {})[0] == 200
    task = ended(up, path)
    assert (task["state"], task["attempt"]) == ("cancelled", 1)
    assert [step["step"] for step in task["steps"]] == ["requested", "interrupted"]
    assert worker.wait(30) == 0


def test_a_drain_lets_them_end_and_a_second_signal_gives_them_back(up: Up) -> None:
    up.wait_until_ready()
    options = ("--queues", "here", "--concurrency", "1", "--drain-seconds", "60")
    node = up.start_worker("here", *options)
    done = submit(up, "waits_async", {"gate": "one"}, queue="here")
    left = submit(up, "waits_async", {"gate": "two"}, queue="here")
    begun(up, [done, left])
    node.terminate()
    wait_until(lambda: "draining worker here" in up.log.read_text(), seconds=60, what="the drain begins")
    assert node.poll() is None
    open_gate(up, "one")
    assert ended(up, done)["state"] == "succeeded"
    assert node.poll() is None
    node.terminate()
    assert node.wait(60) == 0
    task = up.call(left)[1]
    assert (task["state"], task["losses"], task["failures"]) == ("queued", 0, 0)
    assert (said(up, done), said(up, left)) == (["1 begins", "1 ends"], ["1 begins"])


def test_who_blocks_the_event_loop_is_named_and_what_waits_behind_it_runs_elsewhere(up: Up) -> None:
    up.wait_until_ready()
    path = submit(up, "blocks", {"gate": "go"})
    begun(up, [path])
    behind = submit(up, "waits_async", {"gate": "here"})
    open_gate(up, "here")

    def named() -> list[str]:
        return [text for level, text in log_of(up, path) if level == "WARNING"]

    wait_until(named, seconds=60, what="its log names it, while it blocks")
    [text] = named()
    assert "blocks the event loop at tests.support.async_tasks:" in text
    assert " in blocks" in text
    blocked_by = wait_until(lambda: up.workers()[0]["blocked_by"], seconds=60, what="the worker names it")
    assert blocked_by["function"] == "blocks"
    assert blocked_by["seconds"] >= 1
    assert up.call(path)[1]["state"] == "running"
    assert said(up, behind) == []  # it was not begun here
    up.start_worker("other", "--concurrency", "1")
    assert ended(up, behind)["losses"] == 0
    assert process_of(up, behind) != process_of(up, path)

    open_gate(up, "go")
    assert ended(up, path)["result"] == "blocked"
    assert said(up, path) == ["1 begins"]


def test_the_orm_works_on_the_event_loop(up: Up) -> None:
    up.wait_until_ready()
    paths = [submit(up, "reads_rows", {"rounds": 5}) for _ in range(20)]
    assert [ended(up, path)["result"] for path in paths] == [10] * 20


def test_each_keeps_its_own_context_log_progress_and_metadata(up: Up) -> None:
    up.wait_until_ready()
    paths = {name: submit(up, "tells_async", {"name": name, "gate": "go"}) for name in ("ann", "bob", "cy")}

    def lines(name: str) -> list[tuple[str, str]]:
        told = [
            line for n in range(10) for line in (("INFO", f"{name} {n}"), ("STDOUT", f"{name} printed {n}"))
        ]
        ends = [("INFO", f"{name} from a thread"), ("INFO", f"{name} from a child")]
        return [*told, *ends, ("STDOUT", "cancelled False")]

    for name, path in paths.items():
        wait_until(lambda p=path, n=name: log_of(up, p) == lines(n), seconds=60, what="its log is stored")
        task = up.call(path)[1]
        assert (task["progress"]["done"], task["progress"]["stage"]) == (10, name)
        assert task["metadata"] == {"name": name}
    victim = paths.pop("cy")
    assert up.call(f"{victim}cancel/", {})[0] == 200
    assert ended(up, victim)["state"] == "cancelled"
    wait_until(
        lambda: log_of(up, victim)[-1] == ("STDOUT", "cancelled True"), seconds=60, what="its last words"
    )
    open_gate(up, "go")
    for path in paths.values():
        task = ended(up, path)
        assert task["result"] == f"{task['id']} 2 RUNNING"
        assert (task["attempt"], task["failures"]) == (2, 1)


def wait_until_another_process_runs(up: Up, queue: str, process: int) -> None:
    wait_until(
        lambda: ended(up, submit(up, "waits_async", {"gate": "at once"}, queue=queue))["result"] != process,
        seconds=60,
        what="another process takes what comes",
    )


def test_the_executor_is_replaced_after_so_many_while_one_of_its_tasks_runs_on(up: Up) -> None:
    up.wait_until_ready()
    up.start_worker("few", "--queues", "few", "--concurrency", "1", "--max-tasks-per-executor", "3")
    long = submit(up, "waits_async", {"gate": "last"}, queue="few")
    begun(up, [long])
    open_gate(up, "at once")
    one_by_one = (submit(up, "waits_async", {"gate": "at once"}, queue="few") for _ in range(9))
    processes = {ended(up, path)["result"] for path in one_by_one}
    assert len(processes) > 1
    wait_until_another_process_runs(up, "few", process_of(up, long))
    assert up.call(long)[1]["state"] == "running"
    open_gate(up, "last")
    assert ended(up, long)["result"] == process_of(up, long)
    assert ended(up, long)["losses"] == 0


def test_no_more_run_at_once_though_an_executor_is_replaced_that_still_has_one(up: Up) -> None:
    up.wait_until_ready()
    limits = ("--async-concurrency", "2", "--max-tasks-per-executor", "1")
    up.start_worker("few", "--queues", "few", "--concurrency", "1", *limits)
    open_gate(up, "at once")
    first = submit(up, "waits_async", {"gate": "last"}, queue="few")
    begun(up, [first])
    wait_until_another_process_runs(up, "few", process_of(up, first))
    second = submit(up, "waits_async", {"gate": "last"}, queue="few")
    begun(up, [second])
    extra = submit(up, "waits_async", {"gate": "last"}, queue="few")
    assert up.compute(5) == 5
    [worker] = [one for one in up.workers() if one["node"] == "few"]
    assert worker["running_async"] == worker["async_concurrency"] == 2
    assert up.call(extra)[1]["state"] == "queued"
    open_gate(up, "last")
    assert {ended(up, path)["state"] for path in (first, second, extra)} == {"succeeded"}


def test_an_error_that_python_cannot_print_ends_its_task_and_no_other(up: Up) -> None:
    up.wait_until_ready()
    odd = submit(up, "raises_what_python_cannot_print", {})
    task = ended(up, odd)
    assert (task["state"], task["losses"]) == ("failed", 0)
    open_gate(up, "go")
    assert ended(up, submit(up, "waits_async", {"gate": "go"}))["result"] == process_of(up, odd)


def test_an_outcome_that_cannot_be_sent_costs_the_executor_and_is_no_silence(up: Up) -> None:
    up.wait_until_ready()
    hoards = submit(up, "hoards_descriptors", {})
    task = ended(up, hoards)
    assert (task["state"], task["error"], task["losses"]) == ("failed", "worker lost", 2)
    assert len(executions(up, hoards)) == 2
    open_gate(up, "go")
    assert ended(up, submit(up, "waits_async", {"gate": "go"}))["state"] == "succeeded"

"""The holes that are a matter of order: the model finds the shortest way into each, and none with the rule.

Each case names the rule that is switched off in the model, the faults it takes, and the steps by which the
trace ends. The same faults with every rule on are safe, and every task can still end.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.databases import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """``steps``: the last ones of the shortest trace, as the model words them."""

    name: str
    off: str
    faults: str = ""
    verdict: str
    steps: tuple[str, ...]


HOLES = (
    Hole(
        name="claim committed, reply lost",
        off="reconcile=0",
        faults="lost-replies=1",
        verdict="STUCK",
        steps=("W0's claim of T0 commits, the connection breaks before the reply",),
    ),
    Hole(
        name="reconcile beside the claim",
        off="reconcile=1",
        verdict="UNSAFE",
        steps=(
            "W0 reconciles: releases T0, which it owns and does not run",
            "W0 learns that it owns T0, acks, starts it",
            "W1 claims T0 directly (committed, reply on the wire)",
            "W1 learns that it owns T0, acks, starts it",
        ),
    ),
    Hole(
        name="late claim of a lost worker",
        off="claim-needs-live-owner=0 sweep=0",
        faults="lost-replies=1 kills=1",
        verdict="STUCK",
        steps=(
            "W1's reaper declares incarnation 0 lost and requeues its rows",
            "the server commits the claim of T0 whose client is gone (incarnation 0)",
        ),
    ),
    Hole(
        name="restart under the same row",
        off="incarnations=0 reconcile=0",
        faults="kills=1",
        verdict="STUCK",
        steps=("W0's supervisor is killed", "worker W0 starts as incarnation 0"),
    ),
    Hole(
        name="life goes on after self-stop",
        off="self-stop-ends=0 reconcile=0",
        faults="cuts=1",
        verdict="STUCK",
        steps=("W0 cannot reach the database", "W0 reaches the database again"),
    ),
    Hole(
        name="reap in two transactions",
        off="reap-in-one-transaction=0 sweep=0",
        faults="kills=2",
        verdict="STUCK",
        steps=("W1's reaper declares incarnation 0 lost, requeue to follow", "W1's supervisor is killed"),
    ),
    Hole(
        name="drain by memory",
        off="drain-releases-all=0 sweep=0",
        faults="drains=1",
        verdict="STUCK",
        steps=("W0's drain time is over: kills its executors", "W0 releases what it holds and exits"),
    ),
    Hole(
        name="the loop hangs, the heartbeat does not",
        off="heartbeat-from-loop=0",
        faults="hangs=1",
        verdict="STUCK",
        steps=("W0's event loop hangs",),
    ),
    Hole(
        name="a lost message",
        off="direct-claim=0",
        faults="lost-messages=1",
        verdict="STUCK",
        steps=("submit T0, publish lost",),
    ),
    Hole(
        name="the attempt number starts again",
        off="attempt-grows=0 fence-has-worker=0",
        faults="freezes=1 retries=1",
        verdict="UNSAFE",
        steps=(
            "user retries T0",
            "W1 claims T0 directly (committed, reply on the wire)",
            "W0 records the outcome of T0",
        ),
    ),
    Hole(
        name="a finish without a fence",
        off="finish-fence=0",
        faults="freezes=1",
        verdict="UNSAFE",
        steps=(
            "W1's reaper declares incarnation 0 lost and requeues its rows",
            "W0 records the outcome of T0",
        ),
    ),
    Hole(
        name="a cancel undone",
        off="cancel-wins=0",
        faults="cancels=1",
        verdict="UNSAFE",
        steps=("W0 promotes T0 and publishes", "W0 claims T0 directly (committed, reply on the wire)"),
    ),
    Hole(
        name="a retry that stays cancelled",
        off="retry-clears-flag=0",
        faults="cancels=1 retries=1",
        verdict="UNSAFE",
        steps=("T0 raises, or its executor dies, on W0", "W0 records the outcome of T0"),
    ),
    Hole(
        name="a frozen supervisor",
        off="guard=0",
        faults="supervisor-freezes=1 strict=1",
        verdict="UNSAFE",
        steps=(
            "W1's reaper declares incarnation 0 lost and requeues its rows",
            "W1 claims T0 directly (committed, reply on the wire)",
            "W1 learns that it owns T0, acks, starts it",
        ),
    ),
    Hole(
        name="a stale lease",
        off="fresh-lease=0",
        faults="cuts=1 strict=1",
        verdict="UNSAFE",
        steps=(
            "W1's reaper declares incarnation 0 lost and requeues its rows",
            "W1 claims T0 directly (committed, reply on the wire)",
            "W1 learns that it owns T0, acks, starts it",
        ),
    ),
    Hole(
        name="a renewal that revives",
        off="heartbeat-revives=1",
        faults="freezes=1",
        verdict="UNSAFE",
        steps=(
            "W0's heartbeat revives its lost row",
            "W1 claims T0 directly (committed, reply on the wire)",
            "W1 learns that it owns T0, acks, starts it",
        ),
    ),
    Hole(
        name="requeue before the kill",
        off="drain-kills-first=0",
        faults="drains=1",
        verdict="UNSAFE",
        steps=(
            "W0's drain time is over: requeues while its executors live",
            "W1 claims T0 directly (committed, reply on the wire)",
            "W1 learns that it owns T0, acks, starts it",
        ),
    ),
)
each_hole = pytest.mark.parametrize("hole", HOLES, ids=[hole.name.replace(" ", "-") for hole in HOLES])


def runner() -> ModuleType:
    """The model's own runner, which lies in the documentation."""
    path = ROOT / "docs" / "explanation" / "protocol" / "run.py"
    spec = importlib.util.spec_from_file_location("protocol_model", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("model")
    return runner().Model(str(folder))


def trace(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"^ +\d+\. (.*)$", text, re.M))


@each_hole
def test_without_the_rule_the_model_walks_into_the_hole(model: Any, hole: Hole) -> None:
    ran = model.run(f"{hole.off} {hole.faults}")
    assert ran.verdict == hole.verdict, ran.text
    assert trace(ran.text)[-len(hole.steps) :] == hole.steps


@each_hole
def test_with_the_rule_the_same_faults_are_safe_and_every_task_ends(model: Any, hole: Hole) -> None:
    assert model.run(hole.faults).verdict == "safe, live"


@pytest.mark.parametrize("off", ["claim-needs-live-owner=0", "sweep=0"])
def test_the_live_owner_and_the_sweep_back_each_other(model: Any, off: str) -> None:
    assert model.run(f"{off} lost-replies=1 kills=1").verdict == "safe, live"

"""Run the model: every rule on, then one at a time taken away. Prints the table, exits with 1 on a surprise.

Usage: python docs/explanation/protocol/run.py [--traces]
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
FAULTS = (
    *("kills=1", "freezes=1", "supervisor-freezes=1", "hangs=1", "cuts=1", "doubles=1"),
    *("lost-messages=1", "lost-replies=1", "cancels=1", "retries=1", "drains=1"),
)
# (what is taken away, how often which fault, what must come of it)
WITHOUT = (
    ("R1 reconcile", "reconcile=0 lost-replies=1", "STUCK"),
    ("R1 on the claiming thread", "reconcile=1", "UNSAFE"),
    ("R2 and R3", "claim-needs-live-owner=0 sweep=0 lost-replies=1 kills=1", "STUCK"),
    ("R2 alone", "claim-needs-live-owner=0 lost-replies=1 kills=1", "safe, live"),
    ("R3 alone", "sweep=0 lost-replies=1 kills=1", "safe, live"),
    ("R4 incarnations, and R1", "incarnations=0 reconcile=0 kills=1", "STUCK"),
    ("R4 a lost worker stays lost", "heartbeat-revives=1 freezes=1", "UNSAFE"),
    ("R5 nothing on a stale lease", "fresh-lease=0 cuts=1 strict=1", "UNSAFE"),
    ("R6 settled self-stop, and R1", "self-stop-ends=0 reconcile=0 cuts=1", "STUCK"),
    ("R7 heartbeat from the loop", "heartbeat-from-loop=0 hangs=1", "STUCK"),
    ("R8 guard", "guard=0 supervisor-freezes=1 strict=1", "UNSAFE"),
    ("R9 kill before release", "drain-kills-first=0 drains=1", "UNSAFE"),
    ("R9 release everything, and R3", "drain-releases-all=0 sweep=0 drains=1", "STUCK"),
    ("R10 fence", "finish-fence=0 freezes=1", "UNSAFE"),
    (
        "R10 attempt grows, and the worker in the fence",
        "attempt-grows=0 freezes=1 retries=1 fence-has-worker=0",
        "UNSAFE",
    ),
    ("R11 cancel wins", "cancel-wins=0 cancels=1", "UNSAFE"),
    ("R11 retry clears the flag", "retry-clears-flag=0 cancels=1 retries=1", "UNSAFE"),
    ("R12 direct claim", "direct-claim=0 lost-messages=1", "STUCK"),
    ("one reap transaction, and R3", "reap-in-one-transaction=0 sweep=0 kills=2", "STUCK"),
)


@dataclass(frozen=True)
class Ran:
    verdict: str
    states: int
    steps: int
    text: str


class Model:
    """Builds each size once."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def run(self, settings: str, *, tasks: int = 1, workers: int = 2) -> Ran:
        program = Path(self._directory) / f"explore-{tasks}-{workers}"
        if not program.exists():
            size = [f"-DTASKS={tasks}", f"-DWORKERS={workers}"]
            source = str(HERE / "explore.cpp")
            subprocess.run(["g++", "-O2", "-std=c++17", *size, "-o", str(program), source], check=True)
        text = subprocess.run(
            [str(program), *settings.split()], capture_output=True, text=True, check=False
        ).stdout
        found = re.search(r"safe: (\d+) states, (\d+) steps, (complete|CUT OFF)", text)
        if found is None:
            return Ran("UNSAFE", 0, 0, text)
        verdict = "safe, live" if text.endswith("live\n") else "STUCK" if "STUCK" in text else found[3]
        return Ran(verdict, int(found[1]), int(found[2]), text)


def length(text: str) -> int:
    return max((int(number) for number in re.findall(r"^ +(\d+)\. ", text, re.M)), default=0)


def all_rules_on(model: Model) -> bool:
    pairs = [" ".join(pair) for pair in itertools.combinations(FAULTS, 2)]
    groups = [
        ("1 task, 2 workers, each kind of fault", [*FAULTS], 1, 2),
        ("1 task, 2 workers, each pair of kinds", pairs, 1, 2),
        ("2 tasks, 2 workers, each kind of fault", [*FAULTS], 2, 2),
        ("1 task, 3 workers, each kind of fault", [*FAULTS], 1, 3),
    ]
    print("| all rules on | runs | states in all | largest run | result |\n|---|---|---|---|---|")
    is_right = True
    for title, settings, tasks, workers in groups:
        ran = [model.run(one, tasks=tasks, workers=workers) for one in settings]
        verdicts = {one.verdict for one in ran}
        is_right &= verdicts == {"safe, live"}
        states = [one.states for one in ran]
        verdict = ", ".join(sorted(verdicts))
        print(f"| {title} | {len(ran)} | {sum(states):,} | {max(states):,} | {verdict} |", flush=True)
    return is_right


def rules_removed(model: Model, *, traces: bool) -> bool:
    print("\n| without | faults | result | shortest trace |\n|---|---|---|---|")
    is_right = True
    for name, settings, expected in WITHOUT:
        ran = model.run(settings)
        is_right &= ran.verdict == expected
        faults = ", ".join(word for word in settings.split() if word.split("=")[0] in FAULT_NAMES) or "none"
        wrong = "" if ran.verdict == expected else f", but expected {expected}"
        trace = f"{length(ran.text)} steps" if ran.verdict in ("UNSAFE", "STUCK") else "-"
        print(f"| {name} | {faults} | {ran.verdict}{wrong} | {trace} |", flush=True)
        if traces:
            print(ran.text)
    return is_right


FAULT_NAMES = {fault.split("=")[0] for fault in FAULTS}


def main() -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        model = Model(directory)
        on = all_rules_on(model)
        off = rules_removed(model, traces="--traces" in sys.argv)
    print(f"\n{time.monotonic() - began:.0f} s; {'as expected' if on and off else 'NOT as expected'}")
    return 0 if on and off else 1


if __name__ == "__main__":
    sys.exit(main())

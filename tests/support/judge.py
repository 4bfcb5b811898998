"""The invariants of a task row, judged on a recorded history. Each rule names what it found in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tasks_app.states import TERMINAL, TRANSITIONS, State
from tests.support.history import Entry, Row

ENDED = frozenset(state.value for state in TERMINAL)


def judge(history: Sequence[Entry]) -> list[str]:
    """Every broken rule, in the order of the writes; empty when the run was right."""
    found = [
        f"entry {entry.number}, task {entry.task_id}: {fault}"
        for entry in history
        if entry.task_id
        for rule in RULES
        for fault in rule(entry)
    ]
    return [*found, *_links(history), *_ends(history), *_dead_owners(history)]


def _update(entry: Entry) -> tuple[Row, Row] | None:
    return (entry.old, entry.new) if entry.old and entry.new else None


def is_claim(old: Row, new: Row) -> bool:
    return (old.state, new.state) == ("queued", "running")


def is_explicit_retry(old: Row, new: Row) -> bool:
    return old.state in ENDED and new.state == "queued"


def legal_step(entry: Entry) -> Iterator[str]:
    """Only the steps of the table; running to running only when a cancel request goes up."""
    if not (rows := _update(entry)):
        return
    old, new = rows
    if State(new.state) not in TRANSITIONS[State(old.state)]:
        yield f"{old.state} became {new.state}"
    is_request = new.cancel_requested and not old.cancel_requested
    if old.state == new.state == "running" and not is_request:
        yield "a running row was written without a cancel request"


def revision_step(entry: Entry) -> Iterator[str]:
    """One up per write, 1 at first."""
    if (rows := _update(entry)) and rows[1].revision != rows[0].revision + 1:
        yield f"revision {rows[0].revision} became {rows[1].revision}"
    if entry.old is None and entry.new and entry.new.revision != 1:
        yield f"inserted with revision {entry.new.revision}"


def attempt_step(entry: Entry) -> Iterator[str]:
    """One up in a claim, unchanged everywhere else, explicit retry included."""
    if rows := _update(entry):
        old, new = rows
        if new.attempt != old.attempt + is_claim(old, new):
            yield f"attempt {old.attempt} became {new.attempt} while {old.state} became {new.state}"


def explicit_retry(entry: Entry) -> Iterator[str]:
    """It clears the cancel flag and both budgets."""
    if (rows := _update(entry)) and is_explicit_retry(*rows):
        new = rows[1]
        if new.cancel_requested or new.failures or new.losses:
            yield "an ended row went back with its flag or budgets"


def facts_fit_state(entry: Entry) -> Iterator[str]:
    """running has an owner, scheduled a time, ended rows an end; no other has."""
    if row := entry.new:
        if (row.state == "running") != (row.worker_id is not None):
            yield f"{row.state} with owner {row.worker_id}"
        if (row.state == "scheduled") != row.has_run_at:
            yield f"{row.state} with a run_at, or scheduled without"
        if (row.state in ENDED) != row.has_finished_at:
            yield f"{row.state} with a finished_at, or ended without"


def cancel_wins(entry: Entry) -> Iterator[str]:
    """A requested cancel is never lost, nor invented."""
    if not (rows := _update(entry)):
        return
    old, new = rows
    if old.cancel_requested and is_claim(old, new):
        yield "claimed although a cancel was accepted"
    if old.cancel_requested and old.state == "running" and new.state in ("queued", "scheduled"):
        yield "went back to waiting although a cancel was accepted"
    if old.cancel_requested and not new.cancel_requested and not is_explicit_retry(old, new):
        yield "the cancel flag was lost"
    if new.state == "cancelled" and not new.cancel_requested:
        yield "cancelled although nobody asked"


def budgets(entry: Entry) -> Iterator[str]:
    """Failures and losses are counted where they happen, at most one per write, and bounded."""
    if not (rows := _update(entry)):
        return
    old, new = rows
    if new.failures > new.max_attempts or new.losses > new.max_losses + 1:
        yield f"over budget: {new.failures} failures, {new.losses} losses"
    if is_explicit_retry(old, new):
        return
    failed, lost = new.failures - old.failures, new.losses - old.losses
    if (failed, lost) not in COUNTED.get((old.state, new.state), {(0, 0)}):
        yield f"{old.state} became {new.state} with {failed:+} failures and {lost:+} losses"


NOTHING, FAILURE, LOSS = (0, 0), (1, 0), (0, 1)
COUNTED = {
    ("running", "scheduled"): {FAILURE},
    ("running", "queued"): {NOTHING, LOSS},  # released or drained, or lost
    ("running", "failed"): {FAILURE, LOSS},
    ("running", "cancelled"): {NOTHING, FAILURE, LOSS},
}


def owner_is_alive(entry: Entry) -> Iterator[str]:
    """Only a live worker claims."""
    if (rows := _update(entry)) and is_claim(*rows) and entry.owner_state != "alive":
        yield f"claimed by a worker that is {entry.owner_state or 'unknown'}"


def only_ended_rows_are_deleted(entry: Entry) -> Iterator[str]:
    if entry.old and entry.new is None and entry.old.state not in ENDED:
        yield f"deleted while {entry.old.state}"


RULES = (
    legal_step,
    revision_step,
    attempt_step,
    explicit_retry,
    facts_fit_state,
    cancel_wins,
    budgets,
    owner_is_alive,
    only_ended_rows_are_deleted,
)


def _links(history: Iterable[Entry]) -> Iterator[str]:
    """Each write found what the one before it left: no gap, no repeat, none unseen."""
    last: dict[str, Row | None] = {}
    for entry in history:
        if entry.task_id is None:
            continue
        if entry.task_id in last and last[entry.task_id] != entry.old:
            yield f"entry {entry.number}, task {entry.task_id}: does not follow from the write before it"
        last[entry.task_id] = entry.new


def _ends(history: Iterable[Entry]) -> Iterator[str]:
    """An attempt is claimed once and leaves running once."""
    claimed: set[tuple[str, int]] = set()
    left: set[tuple[str, int]] = set()
    for entry in history:
        if not (rows := _update(entry)) or entry.task_id is None:
            continue
        old, new = rows
        for happened, seen, word in (
            (is_claim(old, new), claimed, "claimed"),
            (old.state == "running" != new.state, left, "ended"),
        ):
            key = (entry.task_id, new.attempt)
            if happened and key in seen:
                yield f"entry {entry.number}, task {entry.task_id}: attempt {new.attempt} {word} twice"
            if happened:
                seen.add(key)


def _dead_owners(history: Iterable[Entry]) -> Iterator[str]:
    """When all is over, no row runs under a worker that is lost or stopped; a lost one never lives again."""
    rows: dict[str, Row | None] = {}
    gone: dict[str, str] = {}
    for entry in history:
        if entry.task_id:
            rows[entry.task_id] = entry.new
        elif entry.worker_id and entry.worker_state:
            if entry.worker_id in gone:
                yield f"entry {entry.number}: worker {entry.worker_id} was {gone[entry.worker_id]} already"
            if entry.worker_state != "alive":
                gone[entry.worker_id] = entry.worker_state
    for task_id, row in rows.items():
        if row and row.state == "running" and row.worker_id in gone:
            yield f"task {task_id}: left running under a worker that is {gone[row.worker_id]}"

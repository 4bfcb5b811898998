"""Takes rules away from a worker node, and adds faults to it: a node imports this through TASKDECK_MODULES.

``WITHOUT`` in the environment names them, with commas between. The product knows nothing of it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import types
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from tasks_app import transitions
from tasks_app.database import Session
from tasks_app.errors import DatabaseUnavailable
from tasks_app.transitions import DIALECTS, Claimed
from worker import claims, guard
from worker.claims import Claims
from worker.direct import DirectPace
from worker.held import Held
from worker.reconcile import Reconcile
from worker.supervisor import Supervisor

WITHOUT = "WITHOUT"


def the_reply_of_its_first_claim() -> None:
    """A fault: the claim commits, the connection breaks before the reply."""
    _lose_replies_of_claims(every=1, most=1)


def every_tenth_reply_of_a_claim() -> None:
    _lose_replies_of_claims(every=10, most=1_000_000)


def _lose_replies_of_claims(*, every: int, most: int) -> None:
    claim = transitions.claim
    numbers = itertools.count(1)

    def unreliable(session: Session, **facts: Any) -> list[Claimed]:
        claimed = claim(session, **facts)
        if claimed and (number := next(numbers)) % every == 0 and number <= every * most:
            raise DatabaseUnavailable("the reply was lost")
        return claimed

    transitions.claim = unreliable


def reconcile() -> None:
    async def never(self: Reconcile) -> None:
        pass

    Reconcile.turn = never  # type: ignore[method-assign]


def incarnations() -> None:
    """The worker's row belongs to the node's name, and a new start takes it over."""
    row = uuid.uuid5(uuid.NAMESPACE_URL, "one node")
    guard.uuid = types.SimpleNamespace(uuid4=lambda: row)  # type: ignore[assignment]
    for dialect in DIALECTS.values():
        dialect.REGISTER += " ON CONFLICT (id) DO UPDATE SET state = 'alive'"


def giving_back_what_it_killed() -> None:
    def forget(self: Supervisor, begun: list[Held], counts: bool) -> None:
        pass

    Supervisor._lost = forget  # type: ignore[method-assign]


def forgiving_what_it_killed() -> None:
    """Each of its own kills counts a loss of the task."""
    lost = Supervisor._lost

    def blame(self: Supervisor, begun: list[Held], counts: bool) -> None:
        lost(self, begun, True)

    Supervisor._lost = blame  # type: ignore[method-assign]


def killing_before_releasing() -> None:
    """The drain gives everything back while its executors still live."""

    async def drain(self: Supervisor) -> None:
        await self._claiming.stop()
        self._news.tell(await self._slow.run(transitions.drain, worker_id=self._id))
        while self._is_busy:
            await asyncio.sleep(0.02)
        self._ended.set_result(0)

    Supervisor._drain = drain  # type: ignore[method-assign]


def giving_back_what_a_lost_worker_held() -> None:
    for dialect in DIALECTS.values():
        for name in ("REQUEUE_LOST", "SWEEP"):
            statement: str = getattr(dialect, name)
            assert "RETURNING" in statement
            setattr(dialect, name, statement.replace("RETURNING", "AND 1 = 0 RETURNING"))


def the_share_of_the_table() -> None:
    """Under load messages are all it claims by."""
    DirectPace.is_share_due = lambda self, now: False  # type: ignore[method-assign]


def the_order_of_priorities() -> None:
    """Each message claims its own id, one after the other."""
    claims.MIXED_SECONDS = -1.0
    Claims.ring = lambda self, queues=None: None  # type: ignore[method-assign]


def apply(names: Sequence[str]) -> None:
    for name in names:
        remove: Callable[[], None] = globals()[name]
        remove()


apply([name for name in os.environ.get(WITHOUT, "").split(",") if name])

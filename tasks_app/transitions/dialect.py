"""What a database's module offers: its statements, and how values are written for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from tasks_app.transitions.rows import Outcome


class Dialect(Protocol):
    """Statements take ``%(name)s`` parameters; the functions below write the values they name.

    Those that change task rows return id, attempt, state, revision, function, queue, owner and batch;
    claims return the fields of Claimed.
    """

    CLAIM_NEXT: str
    CLAIM_ON: tuple[str, ...]
    """CLAIM_NEXT from one, two... marks of ``heads.Head`` on; empty where no dead entries stay."""
    CLAIM_OLDEST: str
    CLAIM_IDS: str
    FINISH: str
    FAILURES: str
    RELEASE: str
    RELEASE_LOST: str
    MARK_LOST: tuple[str, ...]
    """One after the other, each must return a row."""
    REQUEUE_LOST: str
    SWEEP: str
    LOSSES: str
    PROMOTE_DUE: str
    PROMOTE_ENDED: str
    END_PAUSES: str
    CANCEL: str
    RETRY: str
    PROGRESS: str
    STEP: str
    REGISTER: str
    HEARTBEAT: str
    ALIVE: str
    HELD: str
    CANCELS: str
    LOCK_WORKER: str
    STOP: str

    def now(self) -> Any:
        """The value of ``now``."""

    def instant(self, moment: datetime) -> Any:
        """An aware instant, as a parameter."""

    def written_id(self, text: str) -> Any:
        """A UUID in text form, as a parameter."""

    def read_id(self, value: Any) -> str:
        """A UUID as a row has it, in text form."""

    def ids(self, texts: Iterable[str]) -> Any: ...

    def names(self, texts: Iterable[str]) -> Any: ...

    def held(self, held: Iterable[tuple[str, int]]) -> Mapping[str, Any]:
        """Parameters of RELEASE and RELEASE_LOST: (task id, attempt) pairs."""

    def outcomes(self, outcomes: Sequence[Outcome]) -> Mapping[str, Any]:
        """Parameters of FINISH."""

    def failures(self, outcomes: Sequence[Outcome]) -> Mapping[str, Any]:
        """Parameters of FAILURES."""

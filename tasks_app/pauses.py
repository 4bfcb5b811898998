"""Holding a queue back. The claim itself looks at the pause and its end, so that it cannot be overtaken."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from tasks_app.access import Access
from tasks_app.delivery import delivery
from tasks_app.documents import check_text
from tasks_app.errors import FieldError, InvalidArguments
from tasks_app.fleet_wire import PauseDocument
from tasks_app.models import QueuePause
from tasks_app.selectors import instant
from tasks_app.submit import queue_fault

MOST_REASON_LETTERS = 500


def check_pause(*, queue: str, reason: str, until: datetime | None) -> None:
    """Raises InvalidArguments; its fields are those of the REST interface."""
    faults = [FieldError("queue", fault)] if (fault := queue_fault(queue, "queue")) else []
    check_text(reason, "reason")
    if len(reason) > MOST_REASON_LETTERS:
        faults.append(FieldError("reason", f"may have at most {MOST_REASON_LETTERS} characters"))
    if until is not None and until.tzinfo is None:
        faults.append(FieldError("until", "must have a time zone"))
    elif until is not None and until <= datetime.now(UTC):
        faults.append(FieldError("until", "must lie in the future"))
    if faults:
        raise InvalidArguments(faults)


def pause(*, access: Access, queue: str, reason: str, by: str, until: datetime | None = None) -> None:
    """From the next claim on nothing of this queue starts, for good or ``until`` an instant in the future.

    A second pause replaces who, when, why and until when. Raises NotAllowed, InvalidArguments.
    """
    access.require("operate")
    check_pause(queue=queue, reason=reason, until=until)
    facts = {"paused_by": by, "paused_at": datetime.now(UTC), "reason": reason, "ends_at": until}
    QueuePause.objects.update_or_create(queue=queue, defaults=facts)


def resume(*, access: Access, queue: str) -> None:
    """Idle workers look for the waiting tasks at once, busy ones in their turn.

    Raises NotAllowed, InvalidArguments.
    """
    access.require("operate")
    if fault := queue_fault(queue, "queue"):
        raise InvalidArguments([FieldError("queue", fault)])
    if open_pauses().filter(queue=queue).delete()[0]:
        transaction.on_commit(lambda: delivery.ring(queue), robust=True)


def open_pauses() -> QuerySet[QueuePause]:
    """Those that hold a queue back now. A worker node removes the ones that have ended."""
    return QueuePause.objects.filter(Q(ends_at=None) | Q(ends_at__gt=datetime.now(UTC)))


def paused_queues() -> dict[str, PauseDocument]:
    return {
        pause.queue: {
            "by": pause.paused_by or None,
            "at": instant(pause.paused_at) or "",
            "until": instant(pause.ends_at),
            "reason": pause.reason,
        }
        for pause in open_pauses()
    }

"""Holding a queue back. The claim itself looks at the pause, so that it cannot be overtaken."""

from __future__ import annotations

from datetime import UTC, datetime

from tasks_app.access import Access
from tasks_app.documents import check_text
from tasks_app.errors import FieldError, InvalidArguments
from tasks_app.fleet_wire import PauseDocument
from tasks_app.models import QueuePause
from tasks_app.submit import queue_fault

MOST_REASON_LETTERS = 500


def pause(*, access: Access, queue: str, reason: str, by: str) -> None:
    """From the next claim on nothing of this queue starts. A second pause replaces who, when and why.

    Raises NotAllowed, InvalidArguments.
    """
    access.require("operate")
    faults = [FieldError("queue", fault)] if (fault := queue_fault(queue, "queue")) else []
    check_text(reason, "reason")
    if len(reason) > MOST_REASON_LETTERS:
        faults.append(FieldError("reason", f"may have at most {MOST_REASON_LETTERS} characters"))
    if faults:
        raise InvalidArguments(faults)
    facts = {"paused_by": by, "paused_at": datetime.now(UTC), "reason": reason}
    QueuePause.objects.update_or_create(queue=queue, defaults=facts)


def resume(*, access: Access, queue: str) -> None:
    """Workers meet the waiting tasks at their next look into the table, within seconds. Raises NotAllowed."""
    access.require("operate")
    QueuePause.objects.filter(queue=queue).delete()


def paused_queues() -> dict[str, PauseDocument]:
    return {
        pause.queue: {
            "by": pause.paused_by or None,
            "at": pause.paused_at.isoformat().replace("+00:00", "Z"),
            "reason": pause.reason,
        }
        for pause in QueuePause.objects.all()
    }

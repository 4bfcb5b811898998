"""The rows. State is changed by ``tasks_app.transitions`` only."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q, Value
from uuid_utils.compat import uuid7

from tasks_app.states import TERMINAL, State


class Worker(models.Model):
    """One incarnation of a worker node: one start of a supervisor. ``node`` is only a label."""

    id = models.UUIDField(primary_key=True)
    node = models.TextField()
    state = models.TextField(default="alive", choices=[(s, s) for s in ("alive", "lost", "stopped")])
    heartbeat = models.BigIntegerField(default=0)
    host = models.TextField(default="")
    pid = models.IntegerField(default=0)
    version = models.TextField(default="")
    queues = models.JSONField(default=list)
    concurrency = models.IntegerField(default=0)
    async_concurrency = models.IntegerField(db_default=0)
    blocked_by = models.JSONField(null=True, blank=True)
    claims_by_message = models.BigIntegerField(db_default=0)
    claims_direct = models.BigIntegerField(db_default=0)
    is_quiet = models.BooleanField(db_default=False)
    messages = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))
    load = models.JSONField(null=True, blank=True)
    lease_seconds = models.FloatField(db_default=15.0)
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "taskdeck_worker"

    def __str__(self) -> str:
        return self.node


class QueuePause(models.Model):
    """Until it ends, no task of the queue is claimed; what runs goes on. Without an end it lasts."""

    queue = models.TextField(primary_key=True)
    paused_by = models.TextField(default="", blank=True)
    paused_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(default="", blank=True)

    class Meta:
        db_table = "taskdeck_queue_pause"

    def __str__(self) -> str:
        return self.queue


class Task(models.Model):
    """One submitted piece of work."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    function = models.TextField()
    queue = models.TextField(default="default")
    priority = models.SmallIntegerField(default=0)
    state = models.TextField(choices=[(s.value, s.value) for s in State])
    attempt = models.IntegerField(default=0)
    failures = models.IntegerField(default=0)
    losses = models.IntegerField(default=0)
    max_attempts = models.IntegerField(default=1)
    max_losses = models.IntegerField(default=3)
    worker = models.ForeignKey(
        Worker, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="held"
    )
    last_worker = models.TextField(default="", blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, db_index=False, related_name="+"
    )
    cancel_requested = models.BooleanField(default=False)
    run_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    revision = models.BigIntegerField(default=1)
    arguments = models.JSONField(default=dict)
    result = models.JSONField(null=True)
    error = models.TextField(null=True)
    batch = models.UUIDField(null=True)
    unique_key = models.TextField(null=True)

    class Meta:
        db_table = "taskdeck_task"
        permissions = [
            ("submit_task", "Can submit tasks"),
            ("cancel_task", "Can cancel tasks"),
            ("retry_task", "Can retry tasks"),
            ("operate_taskdeck", "Can pause queues and quiet workers"),
            ("view_all_tasks", "Can see the tasks of others"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=[s.value for s in State]), name="task_state_known"),
            models.CheckConstraint(
                condition=Q(state="running", worker__isnull=False)
                | ~Q(state="running") & Q(worker__isnull=True),
                name="task_running_has_worker",
            ),
            models.CheckConstraint(
                condition=Q(state="scheduled", run_at__isnull=False)
                | ~Q(state="scheduled") & Q(run_at__isnull=True),
                name="task_scheduled_has_run_at",
            ),
            models.CheckConstraint(
                condition=Q(state__in=sorted(TERMINAL), finished_at__isnull=False)
                | ~Q(state__in=sorted(TERMINAL)) & Q(finished_at__isnull=True),
                name="task_terminal_has_finished_at",
            ),
            models.CheckConstraint(
                condition=Q(cancel_requested=False) | Q(state__in=sorted({*TERMINAL, State.RUNNING})),
                name="task_cancel_only_where_legal",
            ),
            models.UniqueConstraint(
                "unique_key",
                name="task_unique_while_live",
                condition=Q(unique_key__isnull=False, state__in=sorted(set(State) - TERMINAL)),
            ),
        ]
        indexes = [
            models.Index(
                "queue", models.F("priority").desc(), "id", name="task_waiting", condition=Q(state="queued")
            ),
            models.Index("run_at", "id", name="task_due", condition=Q(state="scheduled")),
            models.Index("worker", name="task_held", condition=Q(state="running")),
            models.Index("id", name="task_failed", condition=Q(state="failed")),
            models.Index("id", name="task_cancelled", condition=Q(state="cancelled")),
            models.Index("owner", "id", name="task_owner", condition=Q(owner__isnull=False)),
            models.Index("batch", "id", name="task_batch", condition=Q(batch__isnull=False)),
            models.Index(
                "batch", name="task_batch_live", condition=Q(batch__isnull=False, finished_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.function} {self.pk}"


class TaskBatch(models.Model):
    """Tasks that were submitted together: those with its id as their ``batch``, ``size`` of them.

    ``then_task`` is held until all of them have ended, see ``tasks_app.batches``.
    """

    id = models.UUIDField(primary_key=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    size = models.IntegerField()
    then_task = models.OneToOneField(
        Task, models.DO_NOTHING, null=True, blank=True, db_constraint=False, related_name="then_of"
    )

    class Meta:
        db_table = "taskdeck_batch"
        verbose_name = "batch"
        verbose_name_plural = "batches"

    def __str__(self) -> str:
        return str(self.pk)


class TaskAttempt(models.Model):
    """An attempt that ended badly: with an error, or with its worker."""

    task = models.ForeignKey(Task, models.CASCADE, db_constraint=False, related_name="attempts")
    attempt = models.IntegerField()
    worker_name = models.TextField(default="")
    kind = models.TextField(choices=[("failure", "failure"), ("loss", "loss")])
    error_class = models.TextField(default="")
    message = models.TextField(default="")
    traceback = models.TextField(default="")
    place = models.TextField(default="", db_default="")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField()

    class Meta:
        db_table = "taskdeck_task_attempt"
        constraints = [models.UniqueConstraint(fields=["task", "attempt"], name="task_attempt_once")]

    def __str__(self) -> str:
        return f"attempt {self.attempt} of {self.task_id}"


class TaskLive(models.Model):
    """Progress of the running attempt and the steps to stop it: the task row changes by transitions only."""

    task = models.OneToOneField(
        Task, models.CASCADE, primary_key=True, db_constraint=False, related_name="live"
    )
    attempt = models.IntegerField()
    seq = models.IntegerField(default=0)
    done = models.FloatField(null=True)
    total = models.FloatField(null=True)
    stage = models.TextField(default="")
    rate = models.FloatField(null=True)
    metadata = models.JSONField(default=dict)
    steps = models.JSONField(default=list)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "taskdeck_task_live"

    def __str__(self) -> str:
        return f"progress of {self.task_id}"


class TaskLog(models.Model):
    """One line that an attempt logged or printed. Without a constraint on the task: it would lock its row."""

    task = models.ForeignKey(Task, models.CASCADE, db_constraint=False, db_index=False, related_name="logs")
    attempt = models.IntegerField()
    seq = models.IntegerField()
    at = models.DateTimeField()
    level = models.TextField()
    text = models.TextField()

    class Meta:
        db_table = "taskdeck_task_log"
        constraints = [models.UniqueConstraint(fields=["task", "attempt", "seq"], name="task_log_once")]

    def __str__(self) -> str:
        return f"line {self.seq} of attempt {self.attempt} of {self.task_id}"


class Tally(models.Model):
    """What one worker ended in one span of time, see ``tasks_app.tallies``. For display."""

    worker_id = models.UUIDField()
    span_seconds = models.IntegerField()
    at = models.DateTimeField()
    subject = models.TextField(choices=[(s, s) for s in ("all", "function", "queue")])
    name = models.TextField(default="", blank=True)
    succeeded = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    cancelled = models.IntegerField(default=0)
    retried = models.IntegerField(default=0)
    waits = models.JSONField(default=list)
    runs = models.JSONField(default=list)
    depth = models.IntegerField(null=True)

    class Meta:
        db_table = "taskdeck_tally"
        constraints = [
            models.UniqueConstraint(
                fields=["span_seconds", "subject", "at", "name", "worker_id"], name="tally_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.name} at {self.at}"


class IdempotencyKey(models.Model):
    """A key sent with a request, and the answer. ``digest`` is of owner and key, ``body`` of the request."""

    digest = models.TextField(primary_key=True)
    body = models.TextField()
    answer = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "taskdeck_idempotency_key"

    def __str__(self) -> str:
        return self.digest

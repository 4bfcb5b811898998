"""Errors as classes: a sentence, facts, a stable code and the HTTP status they map to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault and the field it belongs to, such as ``arguments.number``."""

    field: str
    message: str


class TaskdeckError(Exception):
    code = "error"
    status = 500
    title = "Internal error"

    @property
    def field_errors(self) -> list[FieldError]:
        return []


class InvalidArguments(TaskdeckError):
    code = "invalid_arguments"
    status = 400
    title = "Invalid arguments"

    def __init__(self, errors: list[FieldError]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{e.field}: {e.message}" for e in errors))

    @property
    def field_errors(self) -> list[FieldError]:
        return self.errors


class InvalidDocument(TaskdeckError):
    """A JSON body, argument or result that cannot be stored or would be changed by a browser."""

    code = "invalid_document"
    status = 400
    title = "Invalid document"

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(f"{field}: {message}" if field else message)

    @property
    def field_errors(self) -> list[FieldError]:
        return [FieldError(self.field, self.message)]


class BodyTooLarge(TaskdeckError):
    code = "body_too_large"
    status = 413
    title = "Body too large"

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"the body may have at most {limit_bytes} bytes")

    @property
    def field_errors(self) -> list[FieldError]:
        return [FieldError("body", str(self))]


class InvalidOptions(TaskdeckError):
    """Options of a task function that cannot be honoured; ``faults`` has a sentence for each."""

    code = "invalid_options"
    title = "Invalid options of a task function"

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


class InvalidSignature(TaskdeckError):
    """A task function whose arguments can have no form; ``faults`` has a sentence for each."""

    code = "invalid_signature"
    title = "Invalid signature of a task function"

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


class UnknownFunction(TaskdeckError):
    code = "unknown_function"
    status = 404
    title = "Unknown function"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"no task function is named {name!r}")

    @property
    def field_errors(self) -> list[FieldError]:
        return [FieldError("function", str(self))]


class TaskNotFound(TaskdeckError):
    code = "not_found"
    status = 404
    title = "Task not found"

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        super().__init__(f"there is no task {task_id}")


class BatchNotFound(TaskdeckError):
    code = "not_found"
    status = 404
    title = "Batch not found"

    def __init__(self, batch_id: str) -> None:
        self.batch_id = batch_id
        super().__init__(f"there is no batch {batch_id}")


class WorkerNotFound(TaskdeckError):
    code = "not_found"
    status = 404
    title = "Worker not found"

    def __init__(self, worker_id: str) -> None:
        self.worker_id = worker_id
        super().__init__(f"there is no live worker {worker_id}")


class NotAllowed(TaskdeckError):
    code = "not_allowed"
    status = 403
    title = "Not allowed"

    def __init__(self, action: str) -> None:
        self.action = action
        super().__init__(f"you may not {action}")


class WorkerLost(TaskdeckError):
    """Stands in ``TaskResult.errors`` for an attempt that ended with its worker. Never raised."""

    code = "worker_lost"
    title = "Worker lost"


class StateConflict(TaskdeckError):
    status = 409
    title = "The task's state does not allow this"

    def __init__(self, state: str, action: str) -> None:
        self.state, self.action = state, action
        self.code = {"cancel": "not_cancellable", "retry": "not_retryable"}[action]
        super().__init__(
            f"a task that is {state} cannot be {'cancelled' if action == 'cancel' else 'retried'}"
        )


class IdempotencyConflict(TaskdeckError):
    """Another request was sent under this idempotency key before."""

    code = "idempotency_key_reused"
    status = 409
    title = "Idempotency key reused"

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"another request was sent under the key {key!r}")


class UniqueConflict(TaskdeckError):
    """A live task holds the unique key."""

    code = "not_unique"
    status = 409
    title = "Another such task is live"

    def __init__(self) -> None:
        super().__init__("another task of this unique function has the same key and has not ended")


class ResultExpired(TaskdeckError):
    """The file of a result was pruned."""

    code = "result_expired"
    status = 410
    title = "Result expired"

    def __init__(self) -> None:
        super().__init__("the file of this result was kept for some days and is gone")


class DatabaseUnavailable(TaskdeckError):
    code = "database_unavailable"
    status = 503
    title = "Database unavailable"


class RedisUnavailable(TaskdeckError):
    code = "redis_unavailable"
    status = 503
    title = "Redis unavailable"


class BrokerUnavailable(TaskdeckError):
    code = "broker_unavailable"
    status = 503
    title = "RabbitMQ unavailable"


class QueueRefused(TaskdeckError):
    """RabbitMQ lets this user neither find nor make a queue; other queues are not concerned."""

    code = "queue_refused"
    status = 503
    title = "Queue refused by RabbitMQ"

    def __init__(self, queue: str, reason: str) -> None:
        self.queue, self.reason = queue, reason
        super().__init__(f"RabbitMQ refuses queue {queue}: {reason}")


class StatementRefused(TaskdeckError):
    """The database will never take this statement with these values."""

    code = "statement_refused"


class StatementConflict(TaskdeckError):
    """Two transactions met, this one was rolled back whole."""

    code = "statement_conflict"

"""The message of one waiting task: what travels through RabbitMQ, and the queue it travels to.

Body ``{"v":1,"id":"<uuid>"}``; the properties repeat the id as ``message_id`` and name the function as
``type``. Arguments stay in the row, so a message can be stale or doubled but never wrong.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

VERSION = 1
MOST_NAME_BYTES = 255  # AMQP's short strings: queue names, routing keys and types
_PREFIX = "task_queue."
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Message(NamedTuple):
    """A task that waits: ``queue`` without prefix, ``function`` as a module path."""

    id: str
    queue: str
    function: str


class MalformedMessage(ValueError):
    """The body is not one that Taskdeck writes."""


def encode(task_id: str) -> bytes:
    return b'{"v":1,"id":"%s"}' % task_id.encode()


def decode(body: bytes) -> str:
    """The task id of a message's body. Raises MalformedMessage."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedMessage("the body is not JSON") from None
    if not isinstance(document, dict) or document.keys() != {"v", "id"} or document["v"] != VERSION:
        raise MalformedMessage("the body is not a message of version 1")
    task_id = document["id"]
    if not isinstance(task_id, str) or not _UUID.fullmatch(task_id):
        raise MalformedMessage("the id is not a UUID in lower case")
    return task_id


def broker_queue(queue: str) -> str:
    """The name in RabbitMQ of a queue."""
    return _PREFIX + queue


def fits(queue: str, function: str = "") -> bool:
    """Whether both names are short enough for AMQP; what is not waits for the direct claim."""
    names = (broker_queue(queue), function)
    return all(len(name.encode()) <= MOST_NAME_BYTES for name in names)

"""Messages as the bytes that travel: of one queue and one function they differ in the task's id alone.

pika makes objects of each message, 25 µs, and three writes to the socket. Here it makes one, with a stand-in
for the id; those that follow are copies of its bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

from pika import BasicProperties
from pika.frame import Body, Header, Method
from pika.spec import Basic

from tasks_app.messages import Message, broker_queue, encode

STAND_IN = "\x01" * 36
"""As long as an id. No name of a queue or a function contains it."""


class Frames:
    """For one channel: the frames of messages, persistent and mandatory, by the default exchange."""

    def __init__(self, channel_number: int) -> None:
        self._channel = channel_number
        self._around: dict[tuple[str, str], tuple[bytes, bytes, bytes]] = {}
        """Of a queue and a function: what stands before, between and after the two places of the id."""

    def of(self, messages: Iterable[Message]) -> bytes:
        """All frames of all messages in one piece."""
        pieces: list[bytes] = []
        for task_id, queue, function in messages:
            around = self._around.get((queue, function)) or self._learn(queue, function)
            written = task_id.encode()
            pieces += (around[0], written, around[1], written, around[2])
        return b"".join(pieces)

    def _learn(self, queue: str, function: str) -> tuple[bytes, bytes, bytes]:
        body = encode(STAND_IN)
        properties = BasicProperties(delivery_mode=2, message_id=STAND_IN, type=function)
        frames = (
            Method(self._channel, Basic.Publish(routing_key=broker_queue(queue), mandatory=True)),
            Header(self._channel, len(body), properties),
            Body(self._channel, body),
        )
        head, between, end = b"".join(frame.marshal() for frame in frames).split(STAND_IN.encode())
        self._around[queue, function] = around = (head, between, end)
        return around

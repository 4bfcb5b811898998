"""Deliveries read from bytes: whole or in pieces, between other frames, and only the usual ones."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pika
import pytest
from pika.frame import Body, Header, Heartbeat, Method
from pika.spec import Basic

from tasks_app.incoming import ReadingConnection

Delivery = tuple[int, str, bytes]
TAG = "ctag1.3f9c"


def frames(tag: int, kind: str, body: bytes, **more: object) -> bytes:
    """As RabbitMQ sends what the product published."""
    properties = pika.BasicProperties(delivery_mode=2, message_id="x" * 36, type=kind, **more)
    parts = (
        Method(1, Basic.Deliver(TAG, tag, redelivered=False, exchange="", routing_key="taskdeck.default")),
        Header(1, len(body), properties),
        Body(1, body),
    )
    return b"".join(part.marshal() for part in parts)


async def read(pieces: Sequence[bytes]) -> tuple[list[Delivery], ReadingConnection]:
    """What a consumer hears, and the connection that was never opened."""
    heard: list[Delivery] = []
    connection = ReadingConnection(
        pika.ConnectionParameters(),
        custom_ioloop=asyncio.get_running_loop(),
        internal_connection_workflow=False,
    )
    connection.consumers[TAG.encode()] = lambda *delivery: heard.append(delivery)
    for piece in pieces:
        connection._on_data_available(piece)
    return heard, connection


SENT: list[Delivery] = [(1, "shop.tasks.pay", b"one"), (2, "märchen", b"{}" * 50), (300, "", b"\xce\xce")]


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_each_delivery_is_heard_once_and_in_order_however_it_is_cut(size: int) -> None:
    stream = Heartbeat().marshal().join(frames(*delivery) for delivery in SENT)
    heard, connection = asyncio.run(read([stream[at : at + size] for at in range(0, len(stream), size)]))
    assert heard == SENT
    assert connection.bytes_received == len(stream)
    assert connection.frames_received == 3 * len(SENT) + len(SENT) - 1


def test_text_that_is_no_utf8_ends_nothing() -> None:
    stream = frames(1, "x" * 7, b"one").replace(b"x" * 7, b"\xff" * 7) + frames(2, "next", b"two")
    heard, _ = asyncio.run(read([stream]))
    assert heard == [(1, "\ufffd" * 7, b"one"), (2, "next", b"two")]


def test_a_message_without_anything_is_not_waited_for() -> None:
    deliver = Method(1, Basic.Deliver(TAG, 1, redelivered=False, exchange="", routing_key="taskdeck.default"))
    stream = deliver.marshal() + Header(1, 0, pika.BasicProperties()).marshal()
    heard, connection = asyncio.run(read([stream]))
    assert heard == []
    assert connection.bytes_received == len(stream)


@pytest.mark.parametrize("more", [{"headers": {"x-delivery-count": 1}}, {"priority": 3}])
def test_what_is_not_usual_is_left_to_pika(more: dict[str, object]) -> None:
    """Which knows no channel of this connection, and drops it."""
    stream = frames(1, "first", b"one") + frames(2, "again", b"two", **more) + frames(3, "last", b"three")
    heard, connection = asyncio.run(read([stream]))
    assert heard == [(1, "first", b"one"), (3, "last", b"three")]
    assert connection.frames_received == 9

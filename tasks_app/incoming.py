"""Deliveries read from the socket's bytes: of messages that are made as ``frames`` makes them.

pika makes nine objects of each delivery and copies the rest of what it read three times. What looks in any
way different, such as a redelivered message, whose headers count its deliveries, is left to pika.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any

from pika.adapters.asyncio_connection import AsyncioConnection
from pika.frame import decode_frame

OnDelivery = Callable[[int, str, bytes], None]
"""``(delivery tag, type, body)``"""
DELIVER = 60 << 16 | 60
"""Class and method of Basic.Deliver (AMQP 0-9-1)."""
METHOD_FRAME, HEADER_FRAME, BODY_FRAME, FRAME_END = 1, 2, 3, 0xCE
PROPERTIES = 0x1000 | 0x0080 | 0x0020
"""Delivery mode, message id and type, and no other."""
FRAME_START = 7  # bytes before a frame's payload
MOST_BODY_BYTES = 1024  # the product's own have fewer; an empty body has no frame
OTHER, MORE = 0, -1

_method = Struct(">BHIIB")
"""Kind, channel and size of a frame; class and method; the length of the consumer's tag."""
_header = Struct(">BHIHHQH")
"""Kind, channel and size; class, weight and the body's size; which properties follow."""
_start = Struct(">BHI")
_tag = Struct(">Q")


class ReadingConnection(AsyncioConnection):  # type: ignore[misc]  # pika has no types
    """pika's connection; deliveries to ``consumers``, named by their tags (pika's, unique), are read here."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.consumers: dict[bytes, OnDelivery] = {}
        self._frame_buffer = b""
        super().__init__(*args, **options)

    def write_now(self) -> None:
        """Send what was put out. pika first asks the loop whether the socket takes it: a turn of the loop."""
        transport = self._transport
        if transport is not None and transport.get_write_buffer_size():
            transport._on_socket_writable()

    def _on_data_available(self, data_in: bytes) -> None:
        if not self.consumers:
            super()._on_data_available(data_in)
            return
        data = bytes(self._frame_buffer) + data_in
        at = 0
        while at < len(data):
            end = self._delivered(data, at)
            if end == MORE:
                break
            if end == OTHER:
                size, frame = decode_frame(data[at:])
                if not frame:
                    break
                end = at + size
                self._process_frame(frame)
            at = end
        self._frame_buffer = data[at:]
        self.bytes_received += at  # by which pika's heartbeat knows that the broker lives

    def _delivered(self, data: bytes, at: int) -> int:
        """Hand on one delivery: where the next frame begins. OTHER: it is not a usual one; MORE: it has not
        come in full."""
        if len(data) < at + _method.size:
            return OTHER
        kind, _, size, method, length = _method.unpack_from(data, at)
        header = at + FRAME_START + size + 1
        if kind != METHOD_FRAME or method != DELIVER or len(data) < header:
            return OTHER
        start = at + _method.size
        on_delivery = self.consumers.get(data[start : start + length])
        if on_delivery is None:
            return OTHER
        if len(data) < header + _header.size:
            return MORE
        kind, _, size, _, _, body_size, flags = _header.unpack_from(data, header)
        if kind != HEADER_FRAME or flags != PROPERTIES or not 0 < body_size <= MOST_BODY_BYTES:
            return OTHER
        body = header + FRAME_START + size + 1
        end: int = body + FRAME_START + body_size + 1
        if len(data) < end:
            return MORE
        if _start.unpack_from(data, body)[::2] != (BODY_FRAME, body_size):
            return OTHER
        if not (data[header - 1] == data[body - 1] == data[end - 1] == FRAME_END):
            return OTHER
        self.frames_received += 3
        identified = header + _header.size + 1  # after the delivery mode
        named = identified + 1 + data[identified]
        name = data[named + 1 : named + 1 + data[named]].decode(errors="replace")
        (delivery_tag,) = _tag.unpack_from(data, start + length)
        on_delivery(delivery_tag, name, data[body + FRAME_START : end - 1])
        return end

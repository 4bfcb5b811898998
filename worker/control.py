"""Messages between the guard and the supervisor: msgpack maps, with descriptors beside them."""

from __future__ import annotations

import array
import collections
import os
import socket
from collections.abc import Iterable, Mapping
from typing import Any

import msgpack

MESSAGE_LIMIT_BYTES = 65536
FDS_PER_MESSAGE = 16


def send_message(end: socket.socket, message: Mapping[str, Any], fds: tuple[int, ...] = ()) -> None:
    """Send without waiting. OSError when the buffer is full or the other side is gone."""
    control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    end.sendmsg([msgpack.packb(dict(message))], control, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)


def receive_message(end: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The next message and its descriptors, which now belong to the caller.

    Raises BlockingIOError when none waits, EOFError when the other side is gone, OSError when
    descriptors were dropped because this process may open no more.
    """
    data, control, told, _ = end.recvmsg(
        MESSAGE_LIMIT_BYTES,
        socket.CMSG_SPACE(FDS_PER_MESSAGE * 4),
        socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT,
    )
    fds = descriptors(control)
    if told & (socket.MSG_CTRUNC | socket.MSG_TRUNC):
        close_all(fds)
        raise OSError("a message to or from the guard lost descriptors")
    if not data:
        raise EOFError
    return msgpack.unpackb(data), fds


def descriptors(control: Iterable[tuple[int, int, bytes]]) -> list[int]:
    """Every descriptor in the ancillary data of one recvmsg."""
    fds = array.array("i")
    for level, kind, piece in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(piece[: len(piece) - len(piece) % fds.itemsize])
    return list(fds)


def close_all(fds: Iterable[int]) -> None:
    for fd in fds:
        os.close(fd)


class Control:
    """The guard's end: messages that find no room wait here, together with their descriptors."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self._outbox: collections.deque[tuple[Mapping[str, Any], tuple[int, ...]]] = collections.deque()

    def tell(self, message: Mapping[str, Any], fds: tuple[int, ...] = ()) -> None:
        """Queue a message; its descriptors belong to the queue from here on."""
        self._outbox.append((message, fds))
        self.flush()

    def flush(self) -> None:
        while self._outbox:
            message, fds = self._outbox[0]
            try:
                send_message(self.end, message, fds)
            except OSError:
                return  # full, or the supervisor is dying: tried again next turn, dropped with it
            self._outbox.popleft()
            close_all(fds)

    def close(self) -> None:
        self.end.close()
        for _message, fds in self._outbox:
            close_all(fds)
        self._outbox.clear()

"""Frames between the supervisor and one executor, over a SOCK_SEQPACKET pair.

A frame is one packet: msgpack ``[kind, rows]``, each row ``[serial, word, body]``.
A body over BODY_LIMIT_BYTES travels as a sealed memfd beside the packet; its row then
holds the position of the descriptor instead of the bytes.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgpack

from worker.control import close_all, descriptors

FRAME_LIMIT_BYTES = 128 * 1024
BODY_LIMIT_BYTES = 32 * 1024
ROW_OVERHEAD_BYTES = 32
FRAME_OVERHEAD_BYTES = 64
FDS_PER_FRAME = 32
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
TOO_MANY_IN_FLIGHT = (errno.ETOOMANYREFS, errno.ENOBUFS)  # the kernel returns these even to who would wait
FULL = (errno.EAGAIN, *TOO_MANY_IN_FLIGHT)
# As plain integers: an operation on the socket module's enums costs a microsecond, for every packet.
SEND = int(socket.MSG_NOSIGNAL)
SEND_NOW = SEND | int(socket.MSG_DONTWAIT)
RECEIVE = int(socket.MSG_CMSG_CLOEXEC)
RECEIVE_NOW = RECEIVE | int(socket.MSG_DONTWAIT)
CUT_SHORT = int(socket.MSG_CTRUNC) | int(socket.MSG_TRUNC)


class ChannelBroken(Exception):
    """The other side sent something that cannot be a frame, or descriptors were dropped."""


class Row(NamedTuple):
    """``serial`` is the task's position in this executor: it counts from 1 and only rises."""

    serial: int
    word: str
    body: bytes


class Packet(NamedTuple):
    """A frame ready to send. It owns its descriptors until ``close``."""

    data: bytes
    fds: tuple[int, ...]

    def kind(self) -> str:
        return str(msgpack.unpackb(self.data)[0])

    def serials(self) -> list[int]:
        return [row[0] for row in msgpack.unpackb(self.data)[1]]

    def close(self) -> None:
        close_all(self.fds)


def pair() -> tuple[socket.socket, socket.socket]:
    """A connected pair whose buffers hold at least one whole frame. ChannelBroken when the kernel refuses."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, FRAME_LIMIT_BYTES)  # the kernel doubles it
        if end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) < FRAME_LIMIT_BYTES + FRAME_OVERHEAD_BYTES:
            raise ChannelBroken(f"net.core.wmem_max must be at least {FRAME_LIMIT_BYTES}")
    return ends


def seal(body: bytes) -> int:
    """Put a body into a sealed memfd and return the descriptor."""
    fd = os.memfd_create("body", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        view = memoryview(body)
        while view:
            view = view[os.write(fd, view) :]
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
    except BaseException:
        os.close(fd)
        raise
    return fd


def unseal(fd: int) -> bytes:
    """Read a body back. Reading, not mapping: a file that shrinks cannot kill the reader."""
    if fcntl.fcntl(fd, fcntl.F_GET_SEALS) & SEALS != SEALS:
        raise ChannelBroken("a body came in a memfd that is not sealed")
    size = os.fstat(fd).st_size
    pieces: list[bytes] = []
    offset = 0
    while offset < size:
        pieces.append(os.pread(fd, size - offset, offset))
        offset += len(pieces[-1])
    return b"".join(pieces)


def frames(kind: str, rows: Iterable[Row]) -> Iterator[Packet]:
    """Cut rows into packets that respect both limits."""
    group: list[tuple[int, str, bytes | int]] = []
    fds: list[int] = []
    size = 0
    for serial, word, body in rows:
        large = len(body) > BODY_LIMIT_BYTES
        weight = ROW_OVERHEAD_BYTES + len(word.encode()) + (0 if large else len(body))
        is_full = size + weight > FRAME_LIMIT_BYTES - FRAME_OVERHEAD_BYTES
        if group and (is_full or (large and len(fds) == FDS_PER_FRAME)):
            yield Packet(msgpack.packb([kind, group]), tuple(fds))
            group, fds, size = [], [], 0
        if large:
            fds.append(seal(body))
        group.append((serial, word, len(fds) - 1 if large else body))
        size += weight
    if group:
        yield Packet(msgpack.packb([kind, group]), tuple(fds))


class Channel:
    """One end of the pair. It never sets O_NONBLOCK: the flag is shared by every copy of the end."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self._buffer = bytearray(FRAME_LIMIT_BYTES)
        self._ancillary = socket.CMSG_SPACE(FDS_PER_FRAME * 4)

    def send(self, packet: Packet, *, wait: bool) -> bool:
        """Send one packet and close its descriptors. False when there is no room and ``wait`` is not set."""
        flags = SEND if wait else SEND_NOW
        while True:
            try:
                if packet.fds:
                    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", packet.fds))
                    self.end.sendmsg([packet.data], [rights], flags)
                else:
                    self.end.send(packet.data, flags)
            except OSError as error:
                if error.errno in FULL and not wait:
                    return False
                if error.errno not in TOO_MANY_IN_FLIGHT:
                    raise
                time.sleep(0.001)
                continue
            packet.close()
            return True

    def receive(self, *, wait: bool) -> tuple[str, list[Row]] | None:
        """The next frame; None when nothing waits. EOFError when every copy of the other end is closed."""
        flags = RECEIVE if wait else RECEIVE_NOW
        try:
            size, control, told, _ = self.end.recvmsg_into([self._buffer], self._ancillary, flags)
        except BlockingIOError:
            return None
        fds = descriptors(control)
        try:
            if told & CUT_SHORT:
                raise ChannelBroken("a frame was cut short, or this process has no descriptors left")
            if not size:
                raise EOFError
            kind, rows = msgpack.unpackb(memoryview(self._buffer)[:size])
            return kind, [
                Row(serial, word, body if isinstance(body, bytes) else unseal(fds[body]))
                for serial, word, body in rows
            ]
        finally:
            close_all(fds)

    def close(self) -> None:
        self.end.close()

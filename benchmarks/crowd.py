"""Many open pages without a browser: sockets that watch the list of tasks and acknowledge each frame.

``python -m benchmarks.crowd PORT NUMBER``: prints ``ready`` when every socket has its snapshot. After SIGTERM
it stays until each socket has heard something since and nothing more comes, and prints as JSON what came:
frames by kind, bytes, sockets that the server closed, sockets that heard nothing, when the last frame came,
its own processor time. Plain sockets and single opcodes, so that the crowd leaves the processors to what it
watches.
"""

from __future__ import annotations

import collections
import json
import selectors
import signal
import socket
import sys
import time

PIECE_BYTES = 262_144
TEXT, CLOSE, PING = 1, 8, 9
FINAL, MASKED, PONG = 0x80, 0x80, 10
NO_MASK = bytes(4)
KIND_BYTES = 40
LOOK_SECONDS = 0.2
QUIET_SECONDS = 2.0
"""Longer than the frames of one socket are apart."""
MOST_SECONDS = 30.0
"""For all to hear of what has ended."""


def frame(opcode: int, payload: bytes) -> bytes:
    """From a client, so it has a mask (RFC 6455, section 5.2), whose zeros leave the payload as it is.

    ``payload``: fewer than 126 bytes.
    """
    return bytes([FINAL | opcode, MASKED | len(payload)]) + NO_MASK + payload


class Page:
    """One socket: what has come of the next frame."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        host = f"127.0.0.1:{port}"
        self.socket.sendall(
            f"GET /ws/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        self.heard = 0
        self._received = bytearray()
        while b"\r\n\r\n" not in self._received:
            if not (piece := self.socket.recv(PIECE_BYTES)):
                break
            self._received += piece
        if not self._received.startswith(b"HTTP/1.1 101 "):
            raise SystemExit(f"no websocket: {bytes(self._received[:300])!r}")
        del self._received[: self._received.index(b"\r\n\r\n") + 4]
        self.socket.sendall(frame(TEXT, b'{"type":"subscribe","topic":"tasks"}'))

    def frames(self, piece: bytes) -> list[tuple[int, bytes]]:
        """Opcode and payload of each frame that is whole now."""
        self._received += piece
        found = []
        while len(self._received) >= 2:
            short = self._received[1]
            head = 2 + {126: 2, 127: 8}.get(short, 0)
            size = short if short < 126 else int.from_bytes(self._received[2:head], "big")
            if len(self._received) < head + size:
                break
            found.append((self._received[0] & 15, bytes(self._received[head : head + size])))
            del self._received[: head + size]
        return found


class Crowd:
    def __init__(self) -> None:
        self.selector = selectors.EpollSelector()
        self.pages: list[Page] = []
        self.last_at = 0.0
        """By ``time.monotonic``, which all processes share."""
        self.kinds: collections.Counter[str] = collections.Counter()
        self.bytes = 0
        self.closed = 0

    def join(self, page: Page) -> None:
        self.pages.append(page)
        self.selector.register(page.socket, selectors.EVENT_READ, page)

    def read(self, seconds: float) -> None:
        for key, _ in self.selector.select(seconds):
            page: Page = key.data
            piece = page.socket.recv(PIECE_BYTES)
            self.bytes += len(piece)
            heard = page.frames(piece)
            for opcode, payload in heard:
                if opcode == TEXT:
                    page.heard += 1
                    self.last_at = time.monotonic()
                    self.kinds[payload[:KIND_BYTES].split(b'"', 4)[3].decode()] += 1
                    number = payload[payload.rindex(b":") + 1 : -1]  # "seq" ends the document
                    page.socket.sendall(frame(TEXT, b'{"type":"ack","seq":%b}' % number))
                elif opcode == PING:
                    page.socket.sendall(frame(PONG, payload))
            if not piece or any(opcode == CLOSE for opcode, _ in heard):
                self.closed += 1
                self.selector.unregister(page.socket)
                page.socket.close()


def main(port: int, number: int) -> None:
    ends: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: ends.append(1))
    crowd = Crowd()
    for _ in range(number):
        crowd.join(Page(port))
        crowd.read(0)
    while crowd.kinds["snapshot"] < number and not ends:
        crowd.read(LOOK_SECONDS)
    print("ready", flush=True)
    crowd.kinds.clear()
    for page in crowd.pages:
        page.heard = 0
    crowd.bytes, before = 0, time.process_time()
    while not ends:
        crowd.read(LOOK_SECONDS)
    ended_at = time.monotonic()
    while (now := time.monotonic()) < ended_at + MOST_SECONDS:
        if now - max(crowd.last_at, ended_at) > QUIET_SECONDS and all(page.heard for page in crowd.pages):
            break
        crowd.read(LOOK_SECONDS)
    document = {
        "kinds": crowd.kinds,
        "bytes": crowd.bytes,
        "closed": crowd.closed,
        "unheard": sum(not page.heard for page in crowd.pages),
        "fewest_frames": min(page.heard for page in crowd.pages),
        "last_at": crowd.last_at,
        "cpu_seconds": round(time.process_time() - before, 2),
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

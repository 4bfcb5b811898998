"""Post the same request over persistent connections, one at a time on each, for some seconds.

``python -m benchmarks.load_client PORT PATH TOKEN SECONDS BODY``: plain sockets and prepared bytes, so that
the client leaves the processors to what it measures. Prints as JSON how many were accepted (202), the seconds
from the first request to the last reply, and the client's own processor seconds.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time

CONNECTIONS = 8
ACCEPTED = b"HTTP/1.1 202 "
PIECE_BYTES = 65536


class Replies:
    """What one connection has received of the reply it waits for."""

    def __init__(self) -> None:
        self._received = b""

    def is_whole(self, piece: bytes) -> bool:
        """Raises SystemExit when the server closed, or answered with anything but 202."""
        self._received += piece
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not piece or (found and not head.startswith(ACCEPTED)):
            raise SystemExit(f"not accepted: {self._received[:600]!r}")
        if not found or len(body) < length_of(head):
            return False
        self._received = b""
        return True


def length_of(head: bytes) -> int:
    """Raises SystemExit where the server tells no length."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise SystemExit(f"a reply without a length: {head!r}")


def main(port: int, path: str, token: str, seconds: float, body: str) -> None:
    authorization = f"Authorization: Token {token}\r\n" if token else ""
    request = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    selector = selectors.EpollSelector()
    started, accepted, under_way = time.perf_counter(), 0, CONNECTIONS
    for _ in range(CONNECTIONS):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ, Replies())
        connection.sendall(request)
    while under_way:
        for key, _ in selector.select():
            connection = key.fileobj  # type: ignore[assignment]
            if not key.data.is_whole(connection.recv(PIECE_BYTES)):
                continue
            accepted += 1
            if time.perf_counter() - started < seconds:
                connection.sendall(request)
            else:
                under_way -= 1
                selector.unregister(connection)
                connection.close()
    took = time.perf_counter() - started
    print(json.dumps({"accepted": accepted, "seconds": took, "cpu_seconds": time.process_time()}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4]), sys.argv[5])

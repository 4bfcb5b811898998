"""A TCP proxy between the product and a real server, to break the network the way networks break."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, TypeVar

from tests.support.processes import LOOPBACK, free_port

T = TypeVar("T")
CHUNK_BYTES = 65_536
SLICES_PER_SECOND = 20
"""A slow proxy passes its bytes in so many portions."""
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER, on, zero seconds: close(2) sends RST instead of FIN (tcp(7), socket(7))."""
CALL_SECONDS = 20.0


@dataclasses.dataclass(eq=False)
class Link:
    """One client's connection and the one made for it."""

    client: socket.socket
    server: socket.socket | None = None
    task: asyncio.Task[None] | None = None


class Proxy:
    """Listens on `port` and passes everything to a server, until told otherwise. A context manager.

    Bytes and connections are counted. Whatever was done, `pass_on` brings the network back: what was held is
    passed then, as TCP would send it again.
    """

    def __init__(self, target_port: int, *, target_host: str = LOOPBACK, host: str = LOOPBACK) -> None:
        self.host, self.port = host, free_port()
        self.connections = self.bytes_to_server = self.bytes_to_client = 0
        self._target = (target_host, target_port)
        self._links: set[Link] = set()
        self._rate: int | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._open = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._listener: socket.socket | None = None

    def __enter__(self) -> Proxy:
        self._thread.start()
        self.pass_on()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._cut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_SECONDS)
        self._loop.close()

    @property
    def open_connections(self) -> int:
        return len(self._links)

    def pass_on(self) -> None:
        """The network is well."""
        self._call(self._listen(rate=None))

    def slow(self, bytes_per_second: int) -> None:
        """Each direction of each connection passes that much."""
        self._call(self._listen(rate=bytes_per_second))

    def cut(self) -> None:
        """Every connection is reset, further ones are refused: the server's process has died."""
        self._call(self._cut())

    def black_hole(self) -> None:
        """Connections stay and are accepted, and nothing passes: a firewall drops the packets."""
        self._call(self._hold())

    def half_open(self) -> None:
        """The server sees its connections closed, the clients hear nothing: the client's network was lost."""
        self._call(self._half_open())

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(CALL_SECONDS)

    # On the loop

    async def _listen(self, *, rate: int | None) -> None:
        self._rate = rate
        self._open.set()
        if self._listener is None:
            self._listener = socket.create_server((self.host, self.port), backlog=256)
            self._listener.setblocking(False)
            self._listening = asyncio.create_task(self._accept(self._listener))

    async def _hold(self) -> None:
        self._open.clear()

    async def _cut(self) -> None:
        if self._listener is not None and self._listening is not None:
            await cancelled(self._listening)
            self._listener.close()
            self._listener = None
        for link in list(self._links):
            if link.task is not None:
                await cancelled(link.task)
            self._reset(link)

    async def _half_open(self) -> None:
        self._open.clear()
        for link in self._links:
            if link.task is not None:
                await cancelled(link.task)
            if link.server is not None:
                link.server.close()

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            client, _ = await self._loop.sock_accept(listener)
            client.setblocking(False)
            self.connections += 1
            link = Link(client)
            self._links.add(link)
            link.task = asyncio.create_task(self._serve(link))

    async def _serve(self, link: Link) -> None:
        try:
            await self._open.wait()
            link.server = socket.socket()
            link.server.setblocking(False)
            await self._loop.sock_connect(link.server, self._target)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(link.client, link.server, "bytes_to_server"))
                pumps.create_task(self._pump(link.server, link.client, "bytes_to_client"))
        except* OSError:
            self._reset(link)
        else:
            self._links.discard(link)
            link.client.close()
            link.server.close()

    async def _pump(self, source: socket.socket, sink: socket.socket, counter: str) -> None:
        while True:
            size = CHUNK_BYTES if self._rate is None else max(1, self._rate // SLICES_PER_SECOND)
            data = await self._loop.sock_recv(source, size)
            await self._open.wait()
            if not data:
                sink.shutdown(socket.SHUT_WR)
                return
            if self._rate is not None:
                await asyncio.sleep(len(data) / self._rate)
            await self._loop.sock_sendall(sink, data)
            setattr(self, counter, getattr(self, counter) + len(data))

    def _reset(self, link: Link) -> None:
        self._links.discard(link)
        for end in (link.client, link.server):
            if end is not None and end.fileno() != -1:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
                end.close()


async def cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

"""The tests' TCP proxy, between real sockets and a real echo server."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.processes import LOOPBACK, wait_until
from tests.support.proxy import Proxy

SILENCE_SECONDS = 0.5


class Echo(socketserver.BaseRequestHandler):
    server: EchoServer

    def handle(self) -> None:
        try:
            while data := self.request.recv(65_536):
                self.request.sendall(data)
            self.server.ends.append("closed")
        except ConnectionResetError:
            self.server.ends.append("reset")


class EchoServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), Echo)
        self.ends: list[str] = []
        """How each connection ended, as the server saw it."""


@pytest.fixture
def echo() -> Iterator[EchoServer]:
    with EchoServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def proxy(echo: EchoServer) -> Iterator[Proxy]:
    with Proxy(echo.server_address[1]) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with connect(proxy) as client:
        yield client


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection((proxy.host, proxy.port), timeout=20)


def received(client: socket.socket, size: int) -> bytes:
    answer = b""
    while len(answer) < size and (more := client.recv(65_536)):
        answer += more
    return answer


def asked(client: socket.socket, question: bytes) -> bytes:
    sender = threading.Thread(target=client.sendall, args=(question,), daemon=True)
    sender.start()
    answer = received(client, len(question))
    sender.join()
    return answer


def assert_silent(client: socket.socket) -> None:
    client.settimeout(SILENCE_SECONDS)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.settimeout(20)


def test_everything_passes_and_is_counted(proxy: Proxy, client: socket.socket) -> None:
    question = bytes(range(256)) * 4000
    assert asked(client, question) == question
    wait_until(lambda: proxy.bytes_to_client == len(question), seconds=60, what="the last portion is counted")
    assert (proxy.bytes_to_server, proxy.connections) == (len(question), 1)


def test_an_end_passes_in_both_directions(proxy: Proxy, client: socket.socket, echo: EchoServer) -> None:
    assert asked(client, b"one") == b"one"
    client.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""
    wait_until(lambda: not proxy.open_connections, seconds=60, what="the connection is forgotten")
    assert echo.ends == ["closed"]


def test_a_cut_resets_and_refuses_until_the_network_is_back(
    proxy: Proxy, client: socket.socket, echo: EchoServer
) -> None:
    assert asked(client, b"one") == b"one"
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    wait_until(lambda: echo.ends == ["reset"], seconds=60, what="the server saw the reset")
    proxy.pass_on()
    with connect(proxy) as second:
        assert asked(second, b"two") == b"two"


def test_a_black_hole_keeps_connections_and_passes_what_it_held_later(
    proxy: Proxy, client: socket.socket, echo: EchoServer
) -> None:
    assert asked(client, b"one") == b"one"
    proxy.black_hole()
    client.sendall(b"two")
    with connect(proxy) as second:
        second.sendall(b"three")
        assert_silent(client)
        assert_silent(second)
        assert (proxy.bytes_to_server, echo.ends) == (3, [])
        proxy.pass_on()
        assert received(client, 3) == b"two"
        assert received(second, 5) == b"three"


def test_half_open_the_server_sees_an_end_and_the_client_nothing(
    proxy: Proxy, client: socket.socket, echo: EchoServer
) -> None:
    assert asked(client, b"one") == b"one"
    proxy.half_open()
    wait_until(lambda: len(echo.ends) == 1, seconds=60, what="the server saw an end")
    client.sendall(b"two")
    assert_silent(client)
    proxy.pass_on()
    assert_silent(client)
    with connect(proxy) as second:
        assert asked(second, b"three") == b"three"


def test_a_slow_network_takes_its_time_and_loses_nothing(proxy: Proxy, client: socket.socket) -> None:
    proxy.slow(bytes_per_second=1000)
    began_at = time.monotonic()
    assert asked(client, b"x" * 1000) == b"x" * 1000
    assert time.monotonic() - began_at >= 0.9  # a lower bound: load can only lengthen it


def test_a_server_that_is_gone_resets_the_client() -> None:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        with Proxy(probe.getsockname()[1]) as proxy:
            with pytest.raises(ConnectionResetError), connect(proxy) as client:
                client.recv(1)
            assert proxy.open_connections == 0

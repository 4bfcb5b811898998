"""An open page of the console, as far as the network goes: one websocket, and a refetch when it is silent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.machine import Machine
from tests.support.processes import wait_until

REFETCH_SECONDS = 4
ROWS = 200


@contextmanager
def open_page(machine: Machine) -> Iterator[Page]:
    """A page that reads until the end of the block."""
    url = machine.url.replace("http", "ws") + "/ws/"
    with connect(url, origin=machine.url, proxy=None) as socket:  # type: ignore[arg-type]
        socket.send(json.dumps({"type": "subscribe", "topic": "tasks"}))
        page = Page(machine, socket)
        reader = threading.Thread(target=page.read, name="page", daemon=True)
        reader.start()
        yield page
    reader.join(20)


class Page:
    """The list of tasks.

    It does what the console does: web process and workers send beside one another, so an older event may come
    after a newer one; the newest revision counts. Each frame is acknowledged, or the server would hang up.
    """

    def __init__(self, machine: Machine, socket: ClientConnection) -> None:
        self._machine, self._socket = machine, socket
        self._seen: dict[str, tuple[int, str]] = {}
        self.fetches = 0
        """How often it had to ask, because nothing had come for a while."""

    def read(self) -> None:
        """Take frames until the socket closes."""
        try:
            while True:
                try:
                    frame = json.loads(self._socket.recv(timeout=REFETCH_SECONDS))
                except TimeoutError:
                    self._fetch()
                    continue
                if "seq" in frame:
                    self._socket.send(json.dumps({"type": "ack", "seq": frame["seq"]}))
                self._learn([*frame.get("events", []), *frame.get("results", [])])
        except ConnectionClosed:
            return

    def wait_for_success(self, wanted: Iterable[str], *, seconds: float = 60) -> None:
        """Until the page shows that all these tasks succeeded."""
        ids = list(wanted)
        wait_until(
            lambda: all(self._seen.get(task_id, (0, ""))[1] == "succeeded" for task_id in ids),
            seconds=seconds,
            what="the page shows that every task succeeded",
        )

    def _learn(self, tasks: Iterable[dict[str, Any]]) -> None:
        for task in tasks:
            if task.get("revision", 0) > self._seen.get(task["id"], (0, ""))[0]:
                self._seen[task["id"]] = (task["revision"], task["state"])

    def _fetch(self) -> None:
        self.fetches += 1
        cursor: str | None = ""
        while cursor is not None:
            _, answer = self._machine.call(f"/api/tasks/?limit={ROWS}" + (cursor and f"&cursor={cursor}"))
            self._learn(answer["results"])
            cursor = answer["next"]

"""The broker's faults of a proof: doubled and malformed messages, a deleted queue, a restart."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import time
from collections.abc import Awaitable, Callable

from uuid_utils.compat import uuid7

from tasks_app.broker import Connection
from tasks_app.conf import get_conf
from tasks_app.errors import BrokerUnavailable
from tasks_app.messages import broker_queue, encode
from tasks_app.models import Task
from tasks_app.states import TERMINAL
from worker.board import boottime
from worker.prove.faults import Struck
from worker.prove.nodes import TooLate, wait_for
from worker.prove.user import User

DOUBLED_TASKS = 20
COPIES = 100
AGAIN_SECONDS = 0.5
TAKEN_SECONDS = 90.0
NAME = "taskdeck prove"


class Messages:
    def __init__(self, queue: str, user: User) -> None:
        self._queue, self._user = broker_queue(queue), user

    def send_doubles(self) -> Struck:
        """Each of some tasks, ended or not, named a hundred times."""
        ids = [one.id for one in random.sample(self._user.snapshot(), DOUBLED_TASKS)]
        names = dict(Task.objects.filter(pk__in=ids).values_list("pk", "function"))
        doubles = [(encode(str(pk)), str(pk), function) for pk, function in names.items()] * COPIES
        self._do(lambda connection: self._publish(connection, doubles))
        return Struck("messages doubled", detail=f"{len(doubles)} copies")

    def send_malformed(self) -> Struck:
        foreign = str(uuid7())
        bodies = [
            *(b"", b"{", b"\xff\x00", b"[]", b"null", b'{"v":1}', b'{"v":2,"id":"x"}'),
            json.dumps({"v": 1, "id": "not an id"}).encode(),
            json.dumps({"v": 1, "id": foreign, "function": "os.system"}).encode(),
            b"[" * 50_000,
            b"x" * 1_000_000,
            encode(foreign),  # well formed, of no task
        ]
        self._do(lambda connection: self._publish(connection, [(body, "", "") for body in bodies]))
        return Struck("messages malformed or foreign", detail=f"{len(bodies)} kinds")

    def delete_queue(self) -> Struck:
        """With whatever waits in it. A task submitted after that must run."""
        return self._struck("broker queue deleted", self.remove_queue)

    def restart_broker(self, command: str) -> Struck:
        def restart() -> None:
            ended = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
            if ended.returncode != 0:
                raise TooLate(f"{command!r} ended with {ended.returncode}: {ended.stderr.strip()}")

        return self._struck("broker restarted", restart)

    def remove_queue(self) -> None:
        if get_conf().rabbitmq_urls:
            self._do(lambda connection: connection.delete(self._queue))

    def _struck(self, kind: str, act: Callable[[], None]) -> Struck:
        began = boottime()
        act()
        acted = boottime()
        probe = self._user.probe()
        wait_for(
            lambda: Task.objects.filter(pk=probe.id, state__in=TERMINAL).exists(),
            seconds=TAKEN_SECONDS,
            what=f"{kind}: a task submitted after it has ended",
        )
        return Struck(
            kind, detail=f"took {acted - began:.1f} s, a new task ended {boottime() - acted:.1f} s later"
        )

    async def _publish(self, connection: Connection, messages: list[tuple[bytes, str, str]]) -> None:
        await connection.declare(self._queue)
        channel = await connection.channel()
        for body, message_id, kind in messages:
            channel.publish(self._queue, body, message_id, kind)
        await connection.count(self._queue)  # answered after what was sent before it

    def _do(self, act: Callable[[Connection], Awaitable[None]]) -> None:
        """With a connection of its own, tried again while the broker is away. Raises TooLate."""

        async def once() -> None:
            connection = await Connection.open(get_conf().rabbitmq_urls[0], NAME)
            try:
                await act(connection)
            finally:
                connection.close()

        deadline = time.monotonic() + TAKEN_SECONDS
        while True:
            try:
                asyncio.run(once())
                return
            except BrokerUnavailable as error:
                if time.monotonic() > deadline:
                    raise TooLate(f"RabbitMQ is away: {error}") from None
                time.sleep(AGAIN_SECONDS)

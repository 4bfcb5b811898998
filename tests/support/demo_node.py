"""A worker node without database or broker: a small supervisor that takes commands as JSON lines.

Run as ``python -m tests.support.demo_node --socket PATH``; ``guarded_node.Node`` is its driver.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import dataclasses
import itertools
import json
import logging
import os
import socket
import sys
import time
from typing import Any

from tests.support.demo_functions import run
from tests.support.node_mutations import RULES
from worker.birth import Birth, Kind
from worker.board import Board, Order, Slot
from worker.channel import Channel
from worker.control import receive_message, send_message
from worker.executor import Executor
from worker.guard import Guard, GuardOptions
from worker.remote import Remote

WINDOW = 256
LONG_SECONDS = 0.1


@dataclasses.dataclass(frozen=True)
class Job:
    serial: int
    word: str
    body: bytes


class DemoSupervisor:
    def __init__(self, control: socket.socket, board: Board, birth: Birth, args: argparse.Namespace) -> None:
        self.control, self.board, self.birth, self.args = control, board, birth, args
        self.loop = asyncio.get_running_loop()
        self.remotes: dict[int, Remote[Job]] = {}
        self.numbers, self.serials = itertools.count(1), itertools.count(1)
        self.queue: collections.deque[Job] = collections.deque()
        self.events: list[dict[str, Any]] = []
        self.count: collections.Counter[str] = collections.Counter()
        self.settled: set[int] = set()
        self.keeps_outcomes, self.at_once = False, 1
        self.is_stopping = self.is_ending_now = False
        self.ended: asyncio.Future[int] = self.loop.create_future()

    async def run(self) -> int:
        self.loop.add_reader(self.control, self.hear_guard)
        self.beat()
        self.look()
        for _ in range(self.args.executors):
            self.ask_for_executor()
        if os.path.exists(self.args.socket):
            os.unlink(self.args.socket)
        server = await asyncio.start_unix_server(self.serve, self.args.socket, limit=1 << 24)
        self.note("up", previous=self.birth.previous, incarnation=self.birth.incarnation)
        status = await self.ended
        server.close()
        return status

    def note(self, event: str, **facts: Any) -> None:
        self.events.append({"event": event, **facts})

    def beat(self) -> None:
        self.board.beat()
        self.loop.call_later(min(0.25, self.args.self_stop / 8), self.beat)

    def look(self) -> None:
        for remote in self.remotes.values():
            position, job, age = remote.now_running()
            if job is not None and age > LONG_SECONDS:
                back = remote.take_back()
                self.count["taken_back"] += len(back)
                self.queue.extend(back)
                if len(remote.given) > 1 and remote.nudged != position:
                    remote.nudged = position
                    remote.order(position, Order.NUDGE)
        self.deal()
        self.loop.call_later(0.02, self.look)

    # The guard

    def ask_for_executor(self) -> None:
        send_message(self.control, {"do": "fork", "number": next(self.numbers), "kind": "plain"})

    def hear_guard(self) -> None:
        while True:
            try:
                message, fds = receive_message(self.control)
            except BlockingIOError:
                return
            except EOFError:
                os._exit(1)
            getattr(self, "on_" + message["event"])(message, fds)

    def on_forked(self, message: dict[str, Any], fds: list[int]) -> None:
        line = self.board.line(message["line"])
        remote: Remote[Job] = Remote(message["number"], message["pid"], fds, line, self.loop)
        self.remotes[remote.number] = remote
        self.loop.add_reader(remote.channel.end, self.hear, remote)
        self.note("forked", pid=remote.pid)
        if self.is_ending_now:
            remote.kill()
        self.deal()

    def on_exited(self, message: dict[str, Any], _fds: list[int]) -> None:
        remote = self.remotes.pop(message["number"])
        self.hear(remote)  # what it sent before its death counts
        last = remote.slot.last
        back = remote.take_back()
        begun = [job.serial for position, job in remote.given.items() if position <= last]
        back += [job for position, job in remote.given.items() if position > last]
        self.note("exited", pid=remote.pid, how=message["how"], why=message["why"], begun=begun)
        for serial in begun:
            self.settle(serial, "lost")
        self.queue.extend(back)
        remote.close()
        if not self.is_stopping:
            self.ask_for_executor()
        self.deal()

    def on_stalled(self, message: dict[str, Any], _fds: list[int]) -> None:
        self.note("stalled", killed=message["killed"])

    def on_stop(self, message: dict[str, Any], _fds: list[int]) -> None:
        is_first, self.is_stopping = not self.is_stopping, True
        self.is_ending_now = message["now"]
        for remote in self.remotes.values():
            self.queue.extend(remote.take_back())
        if is_first:
            self.finish_stop()

    def finish_stop(self) -> None:
        if self.is_ending_now or not any(remote.given for remote in self.remotes.values()):
            for remote in self.remotes.values():
                remote.kill()
            if not self.remotes:
                print(json.dumps({"drained": self.count, "unstarted": len(self.queue)}), flush=True)
                self.ended.set_result(0)
                return
        self.loop.call_later(0.01, self.finish_stop)

    # The executors

    def deal(self) -> None:
        for remote in sorted(self.remotes.values(), key=lambda r: len(r.given)):
            room = WINDOW - len(remote.given)
            if self.is_stopping or not self.queue:
                return
            if room < WINDOW // 4 or remote.now_running()[2] > LONG_SECONDS:
                continue
            share = min(room, -(-len(self.queue) // len(self.remotes)))
            remote.give([self.queue.popleft() for _ in range(share)], at_once=self.at_once)

    def hear(self, remote: Remote[Job]) -> None:
        while frame := remote.channel.receive(wait=False):
            kind, rows = frame
            if kind == "unstarted":
                self.count["given_back"] += len(rows)
                self.queue.extend(remote.given.pop(row.serial) for row in rows)
                continue
            for row in rows:
                if kind == "progress":
                    self.note("progress", serial=remote.given[row.serial].serial, body=row.body.decode())
                    continue
                job = remote.given.pop(row.serial)
                self.settle(job.serial, row.word)
                self.count["bytes_back"] += len(row.body)
                if self.keeps_outcomes:
                    text = row.body[:500].decode(errors="replace")
                    facts = {"word": row.word, "body": text, "hex": row.body[:2000].hex()}
                    self.note("outcome", serial=job.serial, **facts)
        self.deal()

    def settle(self, serial: int, word: str) -> None:
        if serial in self.settled:
            self.count["twice"] += 1
        self.settled.add(serial)
        self.count[word] += 1

    # Commands

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            command = json.loads(line)
            answer = getattr(self, "do_" + command.pop("do"))(**command)
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    def do_submit(
        self,
        word: str,
        body: str = "",
        size: int = 0,
        count: int = 1,
        behind: int = 0,
        keep: bool = False,
        at_once: int = 1,
    ) -> int:
        """``behind``: no-ops that follow in the same portion. ``at_once``: tasks of a packet."""
        self.keeps_outcomes, self.at_once = keep, at_once
        payload = body.encode() or b"x" * size
        jobs = [Job(next(self.serials), word, payload) for _ in range(count)]
        jobs += [Job(next(self.serials), "noop", b"") for _ in range(behind)]
        self.queue.extend(jobs)
        self.deal()
        return jobs[0].serial

    def do_cancel(self, serial: int) -> bool:
        for remote in self.remotes.values():
            position, job, _ = remote.now_running()
            if job and job.serial == serial:
                remote.order(position, Order.CANCEL)
                return True
        return False

    def do_hang(self) -> None:
        """The event loop turns no more; the process lives."""
        self.loop.call_soon(time.sleep, 3600)

    def do_state(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "count": dict(self.count),
            "queue": len(self.queue),
            "settled": len(self.settled),
            "is_stopping": self.is_stopping,
            "executors": [
                {
                    "pid": r.pid,
                    "running": getattr(r.now_running()[1], "serial", 0),
                    "given": len(r.given),
                }
                for r in self.remotes.values()
            ],
        }

    def do_events(self) -> list[dict[str, Any]]:
        events, self.events = self.events, []
        return events


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", required=True)
    parser.add_argument("--executors", type=int, default=2)
    parser.add_argument("--lines", type=int, default=Board.EXECUTORS, help="of the board")
    parser.add_argument("--self-stop", type=float, default=2.0)
    parser.add_argument("--give-up", type=float, default=60.0)
    parser.add_argument("--stop-within", type=float, default=20.0)
    parser.add_argument("--without", default="", choices=["", *RULES], help="a rule that is taken away")
    args = parser.parse_args()
    if args.without:
        RULES[args.without]()
    logging.basicConfig(level=logging.INFO, format="%(process)d %(name)s %(message)s")

    def supervise(control: socket.socket, board: Board, birth: Birth) -> int:
        async def start() -> int:
            return await DemoSupervisor(control, board, birth, args).run()

        return asyncio.run(start())

    def execute(end: socket.socket, line: memoryview, _kind: Kind) -> int:
        return Executor(Channel(end), Slot(line), run).run()

    options = GuardOptions(self_stop=args.self_stop, give_up=args.give_up, stop_within=args.stop_within)
    guard = Guard(supervise, execute, options)
    guard._board = Board(args.lines)
    return guard.run()


if __name__ == "__main__":
    sys.exit(main())

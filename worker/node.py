"""What the processes of a node run: the guard, and its children the supervisor and the executors."""

from __future__ import annotations

import socket

import tasks_app.submit  # noqa: F401 - for task functions that enqueue: every executor shares it
from tasks_app import django_connections, log_capture
from tasks_app.execution import run_task
from tasks_app.loop_execution import run_async_task
from tasks_app.reporting import Line, LoopLine
from worker.birth import Birth, Kind
from worker.board import Board, LoopSlot, Slot
from worker.channel import Channel
from worker.executor import Executor
from worker.guard import Guard, GuardOptions
from worker.loop_executor import LoopExecutor
from worker.options import WorkerOptions
from worker.recycling import Limits
from worker.supervisor import supervise


def run_node(options: WorkerOptions, limits: Limits) -> int:
    """Until the node has drained; its exit status. The caller has no database connection open."""

    def start(control: socket.socket, board: Board, birth: Birth) -> int:
        return supervise(control, board, birth, options)

    def execute(end: socket.socket, line: memoryview, kind: Kind) -> int:
        log_capture.install()
        django_connections.watch()
        if kind == "loop":

            async def run_async(path: str, body: bytes, line: LoopLine) -> tuple[str, bytes]:
                await django_connections.renew_async()
                return await run_async_task(path, body, line, node=options.node)

            return LoopExecutor(Channel(end), LoopSlot(line), run_async, limits).run()

        def run(path: str, body: bytes, line: Line) -> tuple[str, bytes]:
            django_connections.renew()
            return run_task(path, body, line, node=options.node)

        return Executor(Channel(end), Slot(line), run, limits).run()

    return Guard(start, execute, GuardOptions(self_stop=options.self_stop_seconds)).run()

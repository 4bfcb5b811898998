"""The supervisor: the event loop of a worker node. It wires the parts and keeps the order of a drain (R9)."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from typing import Any
from uuid import UUID

from tasks_app import transitions
from tasks_app.conf import get_conf
from tasks_app.functions import registry
from tasks_app.live import News
from tasks_app.pruning import Retention
from tasks_app.publisher import Publisher
from tasks_app.redis_client import RedisLink
from worker.birth import Birth
from worker.board import Board
from worker.care import Care
from worker.claims import Claims
from worker.control import receive_message
from worker.crew import Calls, Crew, Nursery
from worker.deliveries import prefetch_for
from worker.endings import Endings
from worker.gauge import Gauge
from worker.held import Held
from worker.intake import Intake
from worker.lanes import Lane
from worker.lease import Lease
from worker.loops import Loops
from worker.options import WorkerOptions
from worker.pool import Pool
from worker.pruner import Pruner
from worker.reconcile import Reconcile
from worker.recorder import Recorder
from worker.tallying import Tallies
from worker.ticking import Tick
from worker.version import VERSION
from worker.watch import Watch

log = logging.getLogger("taskdeck.worker")
LAST_NEWS_SECONDS = 3.0
OVER = 75  # exit status: this incarnation was declared lost, start a new one


class Supervisor:
    def __init__(self, control: socket.socket, board: Board, birth: Birth, options: WorkerOptions) -> None:
        self._control, self._board, self._birth, self._options = control, board, birth, options
        self._loop = asyncio.get_running_loop()
        self._id = str(UUID(birth.incarnation))
        self._claims, self._finishes, self._slow = Lane("claim"), Lane("finish"), Lane("care")
        conf = get_conf()
        self._pruner = Pruner(Lane("prune"), Retention.of(conf))
        self._link = RedisLink(conf.redis_url) if conf.redis_url else None
        name = f"taskdeck worker {options.node}"
        self._publisher = Publisher(conf.rabbitmq_urls, name) if conf.rabbitmq_urls else None
        self._news = News(self._link, self._publisher)
        self._lease = Lease(options.self_stop_seconds)
        self._known: set[tuple[str, int]] = set()  # attempts from claim to recorded end
        self._recorder = Recorder(self._id, options.node, self._finishes, self._news, self._known)
        self._tallies = Tallies(self._id, self._slow)
        self._endings = Endings(self._recorder, self._tallies)
        self._watch = Watch()
        nursery = Nursery(control, board)
        self._pool = Pool(nursery, self._known, self._calls(self._plain_frame))
        self._loops = Loops(
            nursery,
            self._known,
            self._calls(self._endings.frame),
            positions=options.async_concurrency,
            on_blocked=self._endings.blocked,
        )
        self._crews: tuple[Crew[Any], ...] = (self._pool, self._loops)
        self._claiming = Claims(
            self._id,
            options,
            self._claims,
            self._lease,
            self._news,
            Reconcile(self._id, self._claims, self._lease, self._news, self._known, self._crews),
            [
                (crew, paths)
                for crew, is_async in ((self._pool, False), (self._loops, True))
                if (paths := [function.path for function in registry if function.is_async is is_async])
            ],
        )
        if conf.rabbitmq_urls:
            self._claiming.intake = Intake(
                conf.rabbitmq_urls,
                name,
                options.queues,
                [function.path for function in registry],
                prefetch=lambda: prefetch_for(options.concurrency, self._pool.times.ahead()),
                on_delivery=self._delivered,
            )
        self._care = Care(
            self._id,
            options,
            self._slow,
            self._lease,
            self._news,
            self._tallies,
            self._counts,
            self._over,
            self._claiming,
            watched=(self._claims, self._finishes),
        )
        self._gauge = Gauge([os.getpid(), os.getppid()])
        for watched in (*self._crews, self._claiming):
            self._watch.add(watched)
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._now = asyncio.Event()
        self._draining: asyncio.Task[None] | None = None
        self._tick = Tick(
            board,
            self._lease,
            options.self_stop_seconds,
            self._crews,
            (self._claims, self._finishes, self._slow),
            self._end_for_another,
        )

    async def run(self) -> int:
        self._loop.add_reader(self._control, self._hear_guard)
        self._tick.beat()
        await self._slow.run(
            transitions.register,
            worker_id=self._id,
            node=self._options.node,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=VERSION,
            queues=self._options.queues,
            concurrency=self._options.concurrency,
            async_concurrency=self._options.async_concurrency,
            lease_seconds=self._options.lease_seconds,
        )
        if self._birth.previous:
            await self._care.declare_lost(str(UUID(self._birth.previous["incarnation"])), None)
        self._pool.ask_for_executors(self._options.concurrency)
        if self._options.async_concurrency:
            self._loops.ask_for_executors(1)
        duties = [
            self._news.run(),
            self._recorder.run(),
            self._recorder.publish(),
            self._care.run(),
            self._pruner.run(),
            self._claiming.run(),
            self._watch.run(),
        ]
        if self._publisher:
            duties.append(self._publisher.run())
        if self._claiming.intake:
            duties.append(self._claiming.intake.run())
        if self._link:
            duties.append(self._claiming.listen(self._link))
        tasks = [asyncio.create_task(duty) for duty in duties]
        for task in tasks:
            task.add_done_callback(self._duty_ended)
        log.info("worker %s is ready: %d executors", self._options.node, self._options.concurrency)
        return await self._ended

    def _calls(self, on_frame: Callable[[Held, str, bytes], object]) -> Calls:
        return Calls(
            may_start=lambda: self._lease.is_fresh,
            on_frame=on_frame,
            on_step=self._endings.step,
            on_killed=self._endings.killed,
            on_lost=self._lost,
            on_unstarted=self._unstarted,
            on_room=lambda: self._claiming.room(),
            on_change=self._watch.news,
        )

    def _duty_ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self._ended.done():
            return
        if error := task.exception():
            log.critical("the supervisor cannot go on", exc_info=error)
            self._ended.set_result(70)

    def _delivered(self) -> None:
        self._claiming.delivered()
        self._watch.news()

    def _counts(self) -> dict[str, Any]:
        """For the worker's row."""
        intake, publisher = self._claiming.intake, self._publisher
        messages = (intake.counts() if intake else {}) | (publisher.counts() if publisher else {})
        return {
            **self._claiming.counts(),
            "messages": messages,
            "blocked_by": self._endings.blocked_by,
            "load": self._gauge.turn(pid for crew in self._crews for pid in crew.pids),
        }

    # From the guard

    def _hear_guard(self) -> None:
        while True:
            try:
                message, fds = receive_message(self._control)
            except BlockingIOError:
                return
            except EOFError:
                os._exit(1)
            self._told(message, fds)

    def _told(self, message: dict[str, Any], fds: list[int]) -> None:
        event = message["event"]
        if event in ("forked", "exited"):
            crew = next(crew for crew in self._crews if crew.owns(message["number"]))
            if event == "forked":
                crew.forked(message, fds)
            else:
                crew.exited(message)
        elif event == "stalled":
            for crew in self._crews:
                crew.stalled(message["killed"])
        elif event == "stop":
            if message["now"]:
                self._now.set()
            if self._draining is None:
                self._draining = asyncio.create_task(self._drain())
                self._draining.add_done_callback(self._duty_ended)

    # From the executors

    def _plain_frame(self, held: Held, kind: str, body: bytes) -> None:
        """How long functions take decides how far ahead they are claimed."""
        within = self._pool.gather_seconds(held)
        if (seconds := self._endings.frame(held, kind, body, within_seconds=within)) is not None:
            self._pool.times.learn(held.word, seconds)

    def _lost(self, begun: list[Held], counts: bool) -> None:
        self._recorder.give_back(begun, counts=counts)

    def _unstarted(self, tasks: list[Held]) -> None:
        if tasks:
            self._recorder.give_back(tasks, counts=False)

    # The end

    def _over(self) -> None:
        log.error("worker %s was declared lost: ending this incarnation", self._options.node)
        self._end_for_another()

    def _end_for_another(self) -> None:
        if not self._ended.done():
            self._ended.set_result(OVER)

    @property
    def _is_busy(self) -> bool:
        return any(crew.is_busy for crew in self._crews)

    async def _drain(self) -> None:
        """R9: stop claiming, let run, record, kill, and only then give back."""
        log.info("draining worker %s", self._options.node)
        await self._claiming.stop()
        for crew in self._crews:
            self._unstarted(crew.close())
        deadline = self._loop.time() + self._options.drain_seconds
        while self._is_busy and not self._now.is_set() and self._loop.time() < deadline:
            await asyncio.sleep(0.02)
        for crew in self._crews:
            crew.kill_all()
        while not all(crew.is_gone for crew in self._crews):
            await asyncio.sleep(0.01)
        while not self._recorder.is_empty:
            await asyncio.sleep(0.01)
        await self._slow.run(transitions.heartbeat, worker_id=self._id, **self._counts())
        await self._tallies.write()
        self._news.tell(await self._slow.run(transitions.drain, worker_id=self._id))
        await self._news.send_all(LAST_NEWS_SECONDS)
        log.info("worker %s has stopped", self._options.node)
        if not self._ended.done():
            self._ended.set_result(0)


def supervise(control: socket.socket, board: Board, birth: Birth, options: WorkerOptions) -> int:
    """The main function of a supervisor process, which ends when this returns.

    The duties are not cancelled and waited for, as ``asyncio.run`` would: a lost incarnation ends whatever
    they hang on.
    """

    async def main() -> int:
        return await Supervisor(control, board, birth, options).run()

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop.run_until_complete(main())

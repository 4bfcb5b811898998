"""The one module that knows redis-py: results, the doorbell, and its errors translated."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from functools import cache

import msgpack
import redis
import redis.asyncio

from tasks_app.conf import get_conf
from tasks_app.errors import RedisUnavailable
from tasks_app.wire import GroupMessage, Offer

BELL = "taskdeck:doorbell"
OFFERS = "taskdeck:offers"
COMMAND_ROWS = 500
COMMAND_CHARACTERS = 1_000_000
# One command a batch: of a pipeline, the client reads the answers ten times as long as the server writes.
STORE = "for i, key in ipairs(KEYS) do redis.call('SET', key, ARGV[i + 1], 'EX', ARGV[1]) end"


def result_key(task_id: str, attempt: int) -> str:
    return f"taskdeck:result:{task_id}:{attempt}"


def _commands(results: Iterable[tuple[str, int, str]]) -> Iterator[tuple[list[str], list[str]]]:
    """Keys and texts of one command each: the server keeps a whole command in its buffer before it runs."""
    keys: list[str] = []
    texts: list[str] = []
    size = 0
    for task_id, attempt, text in results:
        if keys and (len(keys) == COMMAND_ROWS or size + len(text) > COMMAND_CHARACTERS):
            yield keys, texts
            keys, texts, size = [], [], 0
        keys.append(result_key(task_id, attempt))
        texts.append(text)
        size += len(text)
    if keys:
        yield keys, texts


class RedisLink:
    """Redis as one event loop sees it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = redis.asyncio.from_url(url, socket_timeout=5, socket_connect_timeout=2)

    async def store_results(self, results: Iterable[tuple[str, int, str]], ttl_seconds: int) -> None:
        """Keep (task id, attempt, JSON text) for readers. Raises RedisUnavailable."""
        try:
            for keys, texts in _commands(results):
                await self._client.eval(STORE, len(keys), *keys, str(ttl_seconds), *texts)
        except (redis.RedisError, OSError) as error:
            raise RedisUnavailable(str(error)) from error

    async def ring(self, queues: Iterable[str]) -> None:
        """Wake idle workers of these queues. Raises RedisUnavailable."""
        try:
            await self._client.publish(BELL, "\n".join(queues))
        except (redis.RedisError, OSError) as error:
            raise RedisUnavailable(str(error)) from error

    async def offer(self, offer: Offer) -> None:
        """Let idle workers have what another cannot start soon. Raises RedisUnavailable."""
        try:
            await self._client.publish(OFFERS, json.dumps(offer))
        except (redis.RedisError, OSError) as error:
            raise RedisUnavailable(str(error)) from error

    async def send_to_group(self, group: str, message: GroupMessage) -> None:
        """What channels_redis's pub-sub layer sends to a group, byte for byte. Raises RedisUnavailable."""
        try:
            await self._client.publish(f"asgi__group__{group}", msgpack.packb(message))
        except (redis.RedisError, OSError) as error:
            raise RedisUnavailable(str(error)) from error

    async def bells(self) -> AsyncIterator[set[str] | Offer]:
        """Queues that were rung, and offers; reconnects by itself, and what rang meanwhile is lost."""
        while True:
            pubsub = self._client.pubsub()
            try:
                await pubsub.subscribe(BELL, OFFERS)
                while True:
                    message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=30)
                    if message and message["channel"] == OFFERS.encode():
                        if offer := _offer_of(message["data"]):
                            yield offer
                    elif message:
                        yield set(message["data"].decode(errors="replace").split("\n"))
            except (redis.RedisError, OSError):
                await asyncio.sleep(1)
            finally:
                await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        await self._client.aclose()


def _offer_of(data: bytes) -> Offer | None:
    """None for what no worker of this version said: nothing that arrives may end the one that listens."""
    try:
        found = json.loads(data)
        return {"sender": found["sender"], "queues": {name: int(n) for name, n in found["queues"].items()}}
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError):
        return None


@cache
def _reader() -> redis.Redis:
    return redis.Redis.from_url(get_conf().redis_url, socket_timeout=1, socket_connect_timeout=1)


def read_result(task_id: str, attempt: int) -> str | None:
    """The JSON text of a result; None when Redis is absent, away or does not have it."""
    if not get_conf().redis_url:
        return None
    try:
        found = _reader().get(result_key(task_id, attempt))
    except (redis.RedisError, OSError):
        return None
    return found.decode() if isinstance(found, bytes) else None


def forget_results(attempts: Iterable[tuple[str, int]]) -> int:
    """Delete the results of (task id, attempt) pairs; how many there were. Raises RedisUnavailable."""
    keys = [result_key(task_id, attempt) for task_id, attempt in attempts]
    if not keys or not get_conf().redis_url:
        return 0
    try:
        return int(str(_reader().delete(*keys)))
    except (redis.RedisError, OSError) as error:
        raise RedisUnavailable(str(error)) from error


def ping() -> None:
    """Raises RedisUnavailable."""
    if not get_conf().redis_url:
        raise RedisUnavailable("REDIS_URL is not set and no embedded Valkey is running")
    try:
        _reader().ping()
    except (redis.RedisError, OSError) as error:
        raise RedisUnavailable(str(error)) from error

"""Results in Redis: stored in batches, read one by one."""

from __future__ import annotations

import redis

from tasks_app.redis_client import COMMAND_CHARACTERS, COMMAND_ROWS, RedisLink, read_result, result_key


async def test_a_batch_larger_than_one_command_is_stored_whole_and_expires(redis_url: str) -> None:
    link = RedisLink(redis_url)
    rows = [(f"task-{number}", 1, f'"{number}"') for number in range(2 * COMMAND_ROWS + 1)]
    rows.append(("large", 2, "x" * COMMAND_CHARACTERS))
    rows.append(("after-the-large-one", 1, "7"))
    await link.store_results(iter(rows), ttl_seconds=60)
    await link.close()
    assert [read_result(task_id, attempt) for task_id, attempt, _ in rows] == [text for *_, text in rows]
    with redis.Redis.from_url(redis_url) as client:
        ttls = [client.ttl(result_key(task_id, attempt)) for task_id, attempt, _ in rows]
    assert all(0 < ttl <= 60 for ttl in ttls)


async def test_nothing_to_store_is_no_command(redis_url: str) -> None:
    link = RedisLink(redis_url)
    await link.store_results([], ttl_seconds=60)
    await link.close()

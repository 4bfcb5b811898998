"""What the pictures of the console show beside the examples."""

from __future__ import annotations

import asyncio

from tasks_app.compat import task

LONGER_THAN_THE_PICTURES_SECONDS = 3_600


@task()
async def watch_prices(shop: str) -> None:
    """Waits for news of a shop's prices, beside many others in one process."""
    await asyncio.sleep(LONGER_THAN_THE_PICTURES_SECONDS)

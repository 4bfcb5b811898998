"""An alarm: one coroutine of the event loop waits for news, or for a time that may be brought forward."""

from __future__ import annotations

import asyncio


class Alarm:
    """For one waiter; ``ring`` and ``within`` are called on its event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    def ring(self) -> None:
        """Now; before anybody waits as well."""
        self._event.set()

    def within(self, seconds: float) -> None:
        """After so many seconds, if it does not ring earlier."""
        at = self._loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._event.set)

    def left_seconds(self) -> float:
        """Until the time that is set; none is: 0."""
        return self._timer.when() - self._loop.time() if self._timer is not None else 0.0

    async def wait(self) -> None:
        """Until it rings."""
        await self._event.wait()

    def reset(self) -> None:
        """Forget what rang, and the time that was set."""
        self._event.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

"""Django's own connections in an executor: what a task left open must serve the next one, or be renewed.

Django does this around requests. An executor may be idle for hours, while the database restarts or a firewall
forgets. Where no task used the ORM yet, nothing is done.
"""

from __future__ import annotations

import threading
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections, connections
from django.db.backends.signals import connection_created

_opened_on: set[int] = set()
"""Threads: Django binds a connection to one. That of ``sync_to_async`` serves async functions."""


def watch() -> None:
    """Once in an executor, before its first connection: cut ones are noticed before a task's first query."""
    for alias in connections:
        connections.settings[alias]["CONN_HEALTH_CHECKS"] = True
    connection_created.connect(_opened)


def _opened(**_facts: Any) -> None:
    _opened_on.add(threading.get_ident())


def renew() -> None:
    """Before each plain function, on the thread that runs it."""
    if threading.get_ident() in _opened_on:
        close_old_connections()


async def renew_async() -> None:
    """Before each task of an event loop. The thread that serves them all runs one call at a time."""
    if _opened_on - {threading.get_ident()}:
        await sync_to_async(close_old_connections)()

"""Task functions of which one task may be live at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from tasks_app.compat import task


def by_shop(arguments: Mapping[str, Any]) -> str:
    return str(arguments["shop"])


@task(unique=True)
def rebuilds(index: str, deep: bool = False) -> str:
    return index


@task(unique=by_shop)
def bills(shop: int, month: int) -> int:
    return shop


@task()
def logs_in(user: str, password: SecretStr) -> int:
    return len(password.get_secret_value())

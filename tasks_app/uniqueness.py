"""The key under which one task at most may be live, for functions with ``unique``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tasks_app.functions import TaskFunction


def unique_key(function: TaskFunction, arguments: Mapping[str, Any]) -> str | None:
    """From arguments as they are stored; None where the function is not unique. A callable may raise."""
    unique = function.options.unique
    if not unique:
        return None
    complete = {**function.defaults, **arguments}
    told = unique(complete) if callable(unique) else json.dumps(complete, sort_keys=True)
    return hashlib.blake2b(f"{function.path}\n{told}".encode(), digest_size=16).hexdigest()

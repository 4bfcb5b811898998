"""What the guard tells its children at their birth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Birth:
    """What a new supervisor is told."""

    incarnation: str  # 32 hexadecimal digits
    previous: dict[str, str] | None  # {"incarnation", "how"} of the one that died


Kind = Literal["plain", "loop"]
"""Of an executor: whether it runs one task at a time, or many on an event loop."""

"""Taskdeck's settings, read once from Django's ``TASKDECK`` dictionary; all faults come in one report."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

MOST_DAYS = 36_500
ANONYMOUS_LEVELS = ("none", "view", "submit", "operate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conf:
    """Meaning and units of every setting. Times are seconds, sizes are bytes.

    ``rabbitmq_url``: an amqp:// or amqps:// URL for each host of a cluster, with commas between; empty: no
    broker.
    ``direct_claim_seconds``: how long a worker without news waits before it looks into the database. Always
    empty, it waits up to five times as long; while messages flow it looks every three times as long.
    ``keep_succeeded_days``, ``keep_failed_days``: when tasks that have ended are deleted, cancelled ones with
    the succeeded. 0: never.
    ``max_log_lines``, ``max_log_bytes``: what is kept of the log of one attempt.
    """

    anonymous: str = "none"
    redis_url: str = field(default="", repr=False)
    rabbitmq_url: str = field(default="", repr=False)
    direct_claim_seconds: float = 1.0
    data_dir: Path = Path("var")
    max_body_bytes: int = 256 * 1024
    max_bulk_bytes: int = 8 * 1024 * 1024
    max_result_bytes: int = 1024 * 1024
    max_file_bytes: int = 32 * 1024 * 1024
    max_log_lines: int = 10_000
    max_log_bytes: int = 1024 * 1024
    keep_succeeded_days: float = 7
    keep_failed_days: float = 30
    result_ttl_seconds: int = 24 * 3600
    lease_seconds: float = 15.0
    self_stop_seconds: float = 8.0
    heartbeat_seconds: float = 2.0

    @property
    def rabbitmq_urls(self) -> tuple[str, ...]:
        return tuple(url.strip() for url in self.rabbitmq_url.split(",") if url.strip())

    def faults(self) -> list[str]:
        found = [fault for url in self.rabbitmq_urls if (fault := _amqp_fault(url))]
        if self.redis_url and not _is_redis_url(self.redis_url):
            found.append(
                "REDIS_URL must be redis://host:port/number, rediss://... or unix:///path; "
                "a slash or @ inside a password is written in percent code"
            )
        if not self.direct_claim_seconds > 0:
            found.append("DIRECT_CLAIM_SECONDS must be above 0")
        if self.anonymous not in ANONYMOUS_LEVELS:
            found.append(f"ANONYMOUS must be one of {', '.join(ANONYMOUS_LEVELS)}, not {self.anonymous!r}")
        if not 0 < self.heartbeat_seconds < self.self_stop_seconds:
            found.append("HEARTBEAT_SECONDS must be above 0 and below SELF_STOP_SECONDS")
        if not self.self_stop_seconds + 1 <= self.lease_seconds:
            found.append("LEASE_SECONDS must be at least SELF_STOP_SECONDS + 1")
        least = {"max_body_bytes": 1024, "max_bulk_bytes": 1024, "max_result_bytes": 1, "max_file_bytes": 0}
        least |= {"max_log_lines": 0, "max_log_bytes": 0, "result_ttl_seconds": 1}
        found += [
            f"{name.upper()} must be at least {number}, not {getattr(self, name)}"
            for name, number in least.items()
            if getattr(self, name) < number
        ]
        for name, days in (("SUCCEEDED", self.keep_succeeded_days), ("FAILED", self.keep_failed_days)):
            if not 0 <= days <= MOST_DAYS:
                found.append(f"KEEP_{name}_DAYS must be from 0 (for ever) to {MOST_DAYS}, not {days}")
        return found


def _is_redis_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("redis", "rediss", "unix") and parts.port != 0
    except ValueError:  # a port that is none
        return False


def _amqp_fault(url: str) -> str | None:
    """What is wrong with a broker's URL, told without its password."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("amqp", "amqps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if is_good:
        return None
    return (
        "RABBITMQ_URL must be amqp://user:password@host:port/vhost or amqps://..., several separated by "
        "commas; a comma, slash or @ inside a password is written in percent code"
    )


def read_conf(given: dict[str, Any]) -> Conf:
    """Build the configuration. Raises ImproperlyConfigured with every fault in one message."""
    if faults := conf_faults(given):
        raise ImproperlyConfigured("TASKDECK: " + "; ".join(faults))
    return _conf_of(given)


def conf_faults(given: dict[str, Any]) -> list[str]:
    """One sentence for each fault; limits are looked at once every value has its type."""
    unknown = [f"unknown setting TASKDECK[{key!r}]" for key in given if key not in _KEYS]
    wrong = [
        f"{key} must be {_TYPES[_KEYS[key]].words}, not {value!r}"
        for key, value in given.items()
        if key in _KEYS and not _TYPES[_KEYS[key]].takes(value)
    ]
    return unknown + (wrong or _conf_of(given).faults())


def _conf_of(given: dict[str, Any]) -> Conf:
    known = {_KEYS[key]: value for key, value in given.items() if key in _KEYS}
    if "data_dir" in known:
        known["data_dir"] = Path(known["data_dir"])
    return Conf(**known)


@dataclass(frozen=True, slots=True)
class _Type:
    words: str
    classes: tuple[type, ...]

    def takes(self, value: object) -> bool:
        return isinstance(value, self.classes) and not isinstance(value, bool)


_KINDS = {
    "str": _Type("text", (str,)),
    "int": _Type("a whole number", (int,)),
    "float": _Type("a number", (int, float)),
    "Path": _Type("a path", (str, Path)),
}
_KEYS = {field.name.upper(): field.name for field in fields(Conf)}
_TYPES = {field.name: _KINDS[str(field.type)] for field in fields(Conf)}


@cache
def get_conf() -> Conf:
    return read_conf(dict(getattr(settings, "TASKDECK", {})))

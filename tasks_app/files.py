"""Bytes too large for a row: kept by Django's storage for some days, in one folder a day.

``STORAGES["taskdeck"]`` is used where it is configured, else the default storage. Workers and web processes
must reach the same one. Nobody serves these files but Taskdeck, which asks for the right to see the task.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from django.core.files.base import ContentFile
from django.core.files.storage import InvalidStorageError, Storage, storages
from uuid_utils.compat import uuid7

FOLDER = "taskdeck"


def storage() -> Storage:
    try:
        return storages["taskdeck"]
    except InvalidStorageError:
        return storages["default"]


def keep(data: bytes) -> str:
    """Store the bytes; the name to find them by. Raises OSError, or what the storage raises."""
    day = datetime.now(UTC).date()
    return storage().save(f"{FOLDER}/{day.isoformat()}/{uuid7()}", ContentFile(data))


def read(name: str) -> bytes | None:
    """None when the file was pruned."""
    try:
        with storage().open(name) as file:
            return bytes(file.read())
    except FileNotFoundError:
        return None


def prune(*, older_than: timedelta, today: date) -> int:
    """Delete the files of days that ended longer ago; how many."""
    kept, count = storage(), 0
    try:
        days, _ = kept.listdir(FOLDER)
    except FileNotFoundError:
        return 0
    for day in sorted(filter(_is_day, days)):
        if date.fromisoformat(day) + older_than >= today:
            break
        _, names = kept.listdir(f"{FOLDER}/{day}")
        for name in names:
            kept.delete(f"{FOLDER}/{day}/{name}")
        count += len(names)
        kept.delete(f"{FOLDER}/{day}")  # of a file system: the empty folder; elsewhere there is none
    return count


def _is_day(name: str) -> bool:
    """A file system or a bucket may have folders of its own there."""
    try:
        date.fromisoformat(name)
    except ValueError:
        return False
    return True

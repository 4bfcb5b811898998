"""Noticing changed source code, for `manage.py up --reload`."""

from __future__ import annotations

import sysconfig
import threading
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from django.apps import apps
from django.conf import settings
from watchfiles import PythonFilter, watch

INSTALLED = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib", "stdlib"))


def source_directories() -> list[Path]:
    """Where the project's own code lies: apps, settings and task modules, but not what is installed."""
    names = [settings.SETTINGS_MODULE, *getattr(settings, "TASKDECK_MODULES", [])]
    files = [spec.origin for name in names if (spec := find_spec(name)) and spec.origin]
    found = {Path(config.path).resolve() for config in apps.get_app_configs()}
    found |= {Path(file).resolve().parent for file in files}
    own = {path for path in found if not any(path.is_relative_to(place) for place in INSTALLED)}
    return sorted(path for path in own if not own.intersection(path.parents))


class SourceWatch:
    """Watches directories on a thread of its own; several changes at once are one."""

    def __init__(self, directories: Iterable[Path]) -> None:
        self._directories = tuple(directories)
        self._changed = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="source-watch", daemon=True).start()

    def take_change(self) -> bool:
        """Whether something changed since the last call."""
        if not self._changed.is_set():
            return False
        self._changed.clear()
        return True

    def _run(self) -> None:
        for _ in watch(*self._directories, watch_filter=PythonFilter(), raise_interrupt=False):
            self._changed.set()

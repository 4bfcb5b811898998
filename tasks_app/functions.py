"""The registered task functions: whatever ``@task`` made in an installed app's ``tasks`` module."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import module_has_submodule

from tasks_app.adapters import ArgumentAdapter, build_adapter
from tasks_app.compat import Task
from tasks_app.errors import InvalidOptions, InvalidSignature, UnknownFunction
from tasks_app.options import TaskOptions, read_options


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFunction:
    slug: str
    path: str
    title: str
    description: str
    queue: str
    priority: int
    is_async: bool
    takes_context: bool
    options: TaskOptions
    adapter: ArgumentAdapter
    django_task: Any

    @property
    def schema(self) -> dict[str, Any]:
        return self.adapter.schema

    @property
    def defaults(self) -> dict[str, Any]:
        return self.adapter.defaults


def options_of(task: Any) -> TaskOptions:
    """What the decorator was given, under what the settings say. Raises InvalidOptions for the settings."""
    declared = getattr(task, "options", TaskOptions())
    return read_options(given_in_settings(task.get_backend()).get(task.module_path, {}), base=declared)


def given_in_settings(backend: Any) -> dict[str, dict[str, Any]]:
    """``OPTIONS["FUNCTIONS"]`` of a backend: options by the path of a function, for functions of others."""
    given: dict[str, dict[str, Any]] = backend.options.get("FUNCTIONS", {})
    return given


def describe(task: Any) -> TaskFunction:
    """Raises InvalidOptions and InvalidSignature."""
    func, options = task.func, options_of(task)
    takes_context = bool(getattr(task, "takes_context", False))
    adapter = build_adapter(func, takes_context=takes_context)
    slug = options.name or func.__name__
    return TaskFunction(
        slug=slug,
        path=task.module_path,
        title=re.sub("[_-]+", " ", slug).strip().capitalize(),
        description=adapter.description,
        queue=task.queue_name,
        priority=task.priority,
        is_async=inspect.iscoroutinefunction(func),
        takes_context=takes_context,
        options=options,
        adapter=adapter,
        django_task=task,
    )


class Registry:
    """Only functions in here can be submitted or run; nothing is imported by a name from outside.

    A function with faults is left out; ``faults`` tells them by its path, ``manage.py check`` reports them.
    """

    def __init__(self) -> None:
        self.faults: dict[str, list[str]] = {}
        self._by_path: dict[str, TaskFunction] = {}
        self._by_slug: dict[str, TaskFunction] = {}

    def discover(self) -> None:
        for config in apps.get_app_configs():
            if module_has_submodule(config.module, "tasks"):
                self.add_module(f"{config.name}.tasks")
        for name in getattr(settings, "TASKDECK_MODULES", []):
            try:
                self.add_module(name)
            except ModuleNotFoundError as error:
                if f"{name}.".startswith(f"{error.name}."):  # not one that the module itself imports
                    raise ImproperlyConfigured(f"TASKDECK_MODULES: there is no module {name!r}.") from error
                raise

    def add_module(self, name: str) -> None:
        for value in vars(import_module(name)).values():
            if isinstance(value, Task):
                try:
                    self.add(describe(value))
                except (InvalidOptions, InvalidSignature) as error:
                    self.faults[value.module_path] = error.faults

    def add(self, function: TaskFunction) -> None:
        """Two functions cannot share one URL: the second one is a fault."""
        other = self._by_slug.get(function.slug)
        if other and other.path != function.path:
            self.faults[function.path] = [
                f"has the name {function.slug!r}, as has {other.path}; give one another by @task(name=...)"
            ]
            return
        self._by_slug[function.slug] = self._by_path[function.path] = function

    def by_slug(self, name: str) -> TaskFunction:
        if (function := self._by_slug.get(name)) is None:
            raise UnknownFunction(name)
        return function

    def by_path(self, path: str) -> TaskFunction:
        if (function := self._by_path.get(path)) is None:
            raise UnknownFunction(path)
        return function

    def slug_of(self, path: str) -> str:
        """The short name; the path itself for a function this deployment does not know."""
        function = self._by_path.get(path)
        return function.slug if function else path

    def all(self) -> list[TaskFunction]:
        return sorted(self._by_slug.values(), key=lambda f: f.slug)

    def __iter__(self) -> Iterator[TaskFunction]:
        return iter(self.all())


registry = Registry()

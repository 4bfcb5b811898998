"""The environment's values, each with its type; every wrong one is told, all in one report."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

TRUE = ("true", "on", "yes", "1")
FALSE = ("false", "off", "no", "0")
SCHEMES = ("sqlite", "postgres", "postgresql")


class Environment:
    """Reads variables; an empty one counts as unset, except where a list may be empty.

    django-environ's own reader takes a value that begins with ``$`` for the name of another variable, as a
    secret key may, and an unknown word for false.
    """

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        self._variables = variables
        self.faults: list[str] = []

    def text(self, name: str, *, default: str = "", among: Sequence[str] | None = None) -> str:
        value = self._variables.get(name) or default
        if among is not None and value not in among:
            self._refuse(name, "one of " + ", ".join(among))
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self._variables.get(name, "").strip().lower()
        if value and value not in TRUE + FALSE:
            self._refuse(name, "true or false")
        return value in TRUE if value else default

    def whole(self, name: str, *, default: int, within: range | None = None) -> int:
        try:
            value = int(self._variables.get(name) or default)
        except ValueError:
            self._refuse(name, "a whole number")
            return default
        if within is not None and value not in within:
            self._refuse(name, f"between {within[0]} and {within[-1]}")
        return value

    def number(self, name: str, *, default: float) -> float:
        try:
            return float(self._variables.get(name) or default)
        except ValueError:
            self._refuse(name, "a number")
            return default

    def names(self, name: str, *, default: list[str]) -> list[str]:
        """What stands between commas, without the spaces around it."""
        if name not in self._variables:
            return default
        return [part.strip() for part in self._variables[name].split(",") if part.strip()]

    def database(self, name: str, *, default: str) -> dict[str, Any]:
        """Django's settings of a database, by its URL, which may hold a password and is never shown."""
        url = self.text(name, default=default)
        try:
            if urlsplit(url).scheme in SCHEMES:
                found: dict[str, Any] = environ.Env.db_url_config(url)
                if found["NAME"] not in ("", ":memory:"):
                    return found
        except ValueError:
            pass  # a port that is none
        self.faults.append(
            f"{name} must be postgresql://user:password@host:port/name or sqlite:///path;"
            " a slash or @ inside a password is written in percent code"
        )
        return dict(environ.Env.db_url_config(default))

    def refuse_faults(self) -> None:
        """Raises ImproperlyConfigured with every fault found so far."""
        if self.faults:
            raise ImproperlyConfigured("The environment: " + "; ".join(self.faults) + ".")

    def _refuse(self, name: str, wanted: str) -> None:
        self.faults.append(f"{name} must be {wanted}, not {self._variables.get(name)!r}")

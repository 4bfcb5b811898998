"""docker-compose.yml and the Dockerfile as data, without a Docker engine."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.machine import ROOT

COMPOSE_FILE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"
CONSOLE = "tasks_app/static/console"
VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?:(?P<kind>:-|:\?)(?P<word>[^}]*))?\}")


class MissingVariable(Exception):
    """The file asks for a variable that has no value."""


def compose_services(variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The services, interpolated as the Compose specification says. Raises MissingVariable."""
    document = interpolated(yaml.safe_load(COMPOSE_FILE.read_text()), variables)
    services: dict[str, dict[str, Any]] = document["services"]
    return services


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """`${NAME}`, `${NAME:-default}`, `${NAME:?message}` and `$$` in every string below."""
    if isinstance(value, dict):
        return {key: interpolated(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolated(item, variables) for item in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        if match["name"] is None:
            return "$"
        given = variables.get(match["name"], "")
        if given or match["kind"] is None:
            return given
        if match["kind"] == ":?":
            raise MissingVariable(match["name"])
        return match["word"]

    return VARIABLE.sub(replace, value)


def seconds(duration: str) -> int:
    """`90s` or `2m`: all this file uses."""
    return int(duration[:-1]) * {"s": 1, "m": 60}[duration[-1]]


@dataclass(frozen=True, slots=True)
class Stage:
    base: str
    name: str
    instructions: tuple[tuple[str, str], ...]

    def arguments(self, instruction: str) -> list[str]:
        return [rest for word, rest in self.instructions if word == instruction]

    @property
    def copies(self) -> list[tuple[list[str], str]]:
        """Sources from the build context and their target; what comes from other stages is left out."""
        words = [rest.split() for rest in self.arguments("COPY") if not rest.startswith("--from=")]
        return [(copied[:-1], copied[-1]) for copied in words]

    @property
    def environment(self) -> dict[str, str]:
        pairs = " ".join(self.arguments("ENV")).split()
        return dict(pair.split("=", 1) for pair in pairs)


def dockerfile_stages() -> list[Stage]:
    """The stages in order; the last one is the image. The file has no continuation lines."""
    stages: list[Stage] = []
    for line in DOCKERFILE.read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base, name, ()))
        elif word and not word.startswith("#"):
            last = stages[-1]
            stages[-1] = Stage(last.base, last.name, (*last.instructions, (word, rest)))
    return stages


def assemble_image(target: Path) -> None:
    """Copy to ``target`` exactly what the image holds below its working directory."""
    for sources, copied_to in dockerfile_stages()[-1].copies:
        for source in sources:
            if (ROOT / source).is_dir():
                left_out = shutil.ignore_patterns("__pycache__", Path(CONSOLE).name)
                shutil.copytree(ROOT / source, target / copied_to, ignore=left_out)
            else:
                shutil.copy(ROOT / source, target / copied_to)
    shutil.copytree(ROOT / CONSOLE, target / CONSOLE)

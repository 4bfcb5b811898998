"""What a function says about its arguments: names, annotations, defaults, and its docstring."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

from docstring_parser import ParseError, parse

UNFIT_KINDS = {
    inspect.Parameter.VAR_POSITIONAL: "*{name} cannot be a task argument; name each argument",
    inspect.Parameter.VAR_KEYWORD: "**{name} cannot be a task argument; name each argument",
    inspect.Parameter.POSITIONAL_ONLY: "{name} is positional-only (/), but tasks get their arguments by name",
}


@dataclass(frozen=True, slots=True)
class Argument:
    name: str
    annotation: Any
    """Any where there is none."""
    default: Any
    """``inspect.Parameter.empty`` where there is none."""
    description: str

    @property
    def is_required(self) -> bool:
        return self.default is inspect.Parameter.empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    arguments: tuple[Argument, ...]
    description: str
    is_typed: bool
    """Every argument has an annotation."""


def parameters_of(func: Callable[..., Any], *, takes_context: bool) -> list[inspect.Parameter]:
    return list(inspect.signature(func).parameters.values())[1 if takes_context else 0 :]


def signature_faults(func: Callable[..., Any], *, takes_context: bool) -> list[str]:
    """Why the function can have no form and no endpoint; needs no annotation resolved."""
    parameters = parameters_of(func, takes_context=takes_context)
    return [UNFIT_KINDS[p.kind].format(name=p.name) for p in parameters if p.kind in UNFIT_KINDS]


def read_signature(func: Callable[..., Any], *, takes_context: bool) -> Signature:
    """Raises NameError for an annotation that names nothing at run time."""
    hints = get_type_hints(func, include_extras=True)
    parameters = parameters_of(func, takes_context=takes_context)
    description, described = read_docstring(func.__doc__)
    arguments = (
        Argument(p.name, hints.get(p.name, Any), p.default, described.get(p.name, "")) for p in parameters
    )
    return Signature(
        arguments=tuple(arguments),
        description=description,
        is_typed=all(p.name in hints for p in parameters),
    )


def read_docstring(text: str | None) -> tuple[str, dict[str, str]]:
    """The description, and that of each argument: Google, NumPy, Sphinx or Epytext style."""
    whole = inspect.cleandoc(text or "")
    try:
        parsed = parse(whole)
    except ParseError:
        return whole, {}
    described = {p.arg_name: " ".join(p.description.split()) for p in parsed.params if p.description}
    if not described:
        return whole, {}
    return (parsed.description or "").strip(), described

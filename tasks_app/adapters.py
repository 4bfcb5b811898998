"""From a signature to an argument adapter: JSON Schema, validation and decoding by pydantic."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import (
    Any,
    NotRequired,  # pydantic refuses typing's before Python 3.12
    get_type_hints,
)

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from tasks_app.documents import check_document, dump_json
from tasks_app.errors import FieldError, InvalidArguments, InvalidDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentAdapter:
    """Validates and decodes the arguments of one task function; strict, as JSON sees types."""

    adapter: TypeAdapter[Any]
    schema: dict[str, Any]
    defaults: dict[str, Any]
    names: tuple[str, ...]

    def validate(self, arguments: Mapping[str, Any], *, prefix: str = "") -> dict[str, Any]:
        """The arguments, checked, as JSON values. Raises InvalidArguments naming each field."""
        try:
            check_document(dict(arguments))
        except InvalidDocument as error:
            raise InvalidArguments([FieldError(_join(prefix, error.field), error.message)]) from None
        self.decode(dump_json(arguments), prefix=prefix)
        return dict(arguments)

    def decode(self, text: str, *, prefix: str = "") -> dict[str, Any]:
        """The arguments as the declared types, from their JSON text. Raises InvalidArguments."""
        try:
            decoded: dict[str, Any] = self.adapter.validate_json(text)
        except ValidationError as error:
            faults = [
                FieldError(_join(prefix, ".".join(map(str, fault["loc"]))), fault["msg"])
                for fault in error.errors(include_url=False, include_context=False)
            ]
            raise InvalidArguments(faults) from None
        return decoded

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Positional and keyword arguments as one mapping of JSON values, for ``enqueue()``."""
        if len(args) > len(self.names):
            raise InvalidArguments([FieldError("", f"takes at most {len(self.names)} positional arguments")])
        given = dict(zip(self.names, args, strict=False))
        if twice := given.keys() & kwargs.keys():
            raise InvalidArguments([FieldError(name, "given twice") for name in sorted(twice)])
        given.update(kwargs)
        try:
            plain: dict[str, Any] = TypeAdapter(dict[str, Any]).dump_python(given, mode="json")
        except ValueError as error:
            raise InvalidArguments([FieldError("", str(error))]) from None
        return plain


def _join(prefix: str, field: str) -> str:
    return ".".join(part for part in (prefix, field) if part)


def build_adapter(func: Callable[..., Any], *, takes_context: bool) -> ArgumentAdapter:
    """Raises TypeError for ``*args`` and ``**kwargs``: such a function has no form and no endpoint."""
    parameters = list(inspect.signature(func).parameters.values())[1 if takes_context else 0 :]
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(
                f"{func.__qualname__}: *{parameter.name} cannot be a task argument; name each argument"
            )
    hints = get_type_hints(func, include_extras=True)
    shape: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    for parameter in parameters:
        annotation = hints.get(parameter.name, Any)
        if parameter.default is parameter.empty:
            shape[parameter.name] = annotation
        else:
            shape[parameter.name] = NotRequired[annotation]
            defaults[parameter.name] = TypeAdapter(Any).dump_python(parameter.default, mode="json")
    # built from a signature, so the keys are not literals
    document = TypedDict(f"{func.__name__}_arguments", shape)  # type: ignore[misc]
    document.__pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # type: ignore[attr-defined]
    adapter: TypeAdapter[Any] = TypeAdapter(document)
    schema = adapter.json_schema()
    for name, default in defaults.items():
        schema["properties"][name]["default"] = default
    return ArgumentAdapter(
        adapter=adapter, schema=schema, defaults=defaults, names=tuple(p.name for p in parameters)
    )

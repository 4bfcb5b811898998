"""From a signature to an argument adapter: JSON Schema, validation and decoding by pydantic."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import (
    Any,
    NotRequired,  # pydantic refuses typing's before Python 3.12
)

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema, to_json
from typing_extensions import TypedDict

from tasks_app.conf import get_conf
from tasks_app.documents import check_document, dump_json
from tasks_app.errors import FieldError, InvalidArguments, InvalidDocument, InvalidSignature
from tasks_app.instances import MODEL_KEYWORD, Lookup, with_keys
from tasks_app.plain import to_plain
from tasks_app.sealing import has_keyword, has_secrets, keep_masked, masked_fields, seal, unseal
from tasks_app.signatures import Argument, Signature, read_signature, signature_faults

ONLY_MASKED = "This is the mask of a secret; enter the secret itself"


class ArgumentSchema(GenerateJsonSchema):
    """Tells a decimal from a union of number and text, so that a form can keep its digits."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        described = super().decimal_schema(schema)
        for branch in described.get("anyOf", []):
            if branch.get("type") == "string":
                branch["format"] = "decimal"
        return described


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentAdapter:
    """Validates and decodes the arguments of one task function; strict, as JSON sees types."""

    adapter: TypeAdapter[Any]
    schema: dict[str, Any]
    defaults: dict[str, Any]
    names: tuple[str, ...]
    description: str
    is_typed: bool
    has_instances: bool
    has_secrets: bool

    def validate(
        self, arguments: Mapping[str, Any], *, prefix: str = "", before: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The arguments, checked, as they are stored. Raises InvalidArguments naming each field.

        ``before``: stored arguments of which ``arguments`` is an edited copy, with secrets masked.
        """
        given = dict(arguments)
        try:
            check_document(given)
        except InvalidDocument as error:
            raise InvalidArguments([FieldError(_join(prefix, error.field), error.message)]) from None
        if not self.has_secrets:
            written = to_json(given)
            _check_size(written, given, prefix)
            self._decode(written, prefix)
            return given
        sealed: dict[str, Any] = seal(given, self.schema)
        if before is not None:
            sealed = keep_masked(sealed, before)
        masked = {_join(prefix, field) for field in masked_fields(sealed)}
        faults = [FieldError(field, ONLY_MASKED) for field in sorted(masked)]
        written = to_json(unseal(sealed, self.schema))
        try:
            _check_size(written, given, prefix)
            self._decode(written, prefix)
        except InvalidArguments as error:
            faults += [fault for fault in error.errors if fault.field not in masked]
        if faults:
            raise InvalidArguments(faults)
        return sealed

    def decode(self, text: str) -> dict[str, Any]:
        """Stored arguments as the declared types, from their JSON text. Raises InvalidArguments."""
        if self.has_secrets:
            text = dump_json(unseal(json.loads(text), self.schema))
        return self._decode(text, "")

    def _decode(self, text: str | bytes, prefix: str) -> dict[str, Any]:
        lookup = Lookup()
        try:
            decoded: dict[str, Any] = self.adapter.validate_json(text, strict=True, context=lookup)
            if self.has_instances:
                lookup.fetch()
                decoded = self.adapter.validate_json(text, strict=True, context=lookup)
        except ValidationError as error:
            faults = [
                FieldError(_join(prefix, ".".join(map(str, fault["loc"]))), fault["msg"])
                for fault in error.errors(include_url=False, include_context=False, include_input=False)
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
        plain, faults = {}, []
        for name, value in given.items():
            try:
                plain[name] = to_plain(value)
            except ValueError as error:
                faults.append(FieldError(name, str(error)))
        if faults:
            raise InvalidArguments(faults)
        return plain


def _check_size(written: bytes, arguments: Mapping[str, Any], prefix: str) -> None:
    """Whoever submits, the arguments of a task are no larger than a request may be."""
    limit = get_conf().max_body_bytes
    if len(written) <= limit:
        return
    largest = max(arguments, key=lambda name: len(to_json(arguments[name])))
    message = f"too large: the arguments of a task may have at most {limit} bytes as JSON"
    raise InvalidArguments([FieldError(_join(prefix, largest), message)])


def _join(prefix: str, field: str) -> str:
    return ".".join(part for part in (prefix, field) if part)


def build_adapter(func: Callable[..., Any], *, takes_context: bool) -> ArgumentAdapter:
    """Raises InvalidSignature for a function that can have no form and no endpoint."""
    if faults := signature_faults(func, takes_context=takes_context):
        raise InvalidSignature(faults)
    try:
        signature = read_signature(func, takes_context=takes_context)
        adapter = _type_adapter(func.__name__, signature)
        schema = adapter.json_schema(schema_generator=ArgumentSchema)
    except (NameError, TypeError, PydanticUserError) as error:
        first_line = str(error).partition("\n")[0]
        raise InvalidSignature([f"its annotations cannot be understood: {first_line}"]) from error
    defaults: dict[str, Any] = {}
    for argument in signature.arguments:
        described = schema["properties"][argument.name]
        if argument.description:
            described.setdefault("description", argument.description)
        if not argument.is_required and not has_secrets({**described, "$defs": schema.get("$defs", {})}):
            _add_default(argument, described, defaults)
    return ArgumentAdapter(
        adapter=adapter,
        schema=schema,
        defaults=defaults,
        names=tuple(argument.name for argument in signature.arguments),
        description=signature.description,
        is_typed=signature.is_typed,
        has_instances=has_keyword(schema, MODEL_KEYWORD),
        has_secrets=has_secrets(schema),
    )


def _type_adapter(name: str, signature: Signature) -> TypeAdapter[Any]:
    annotations = {argument.name: with_keys(argument.annotation) for argument in signature.arguments}
    shape = {
        argument.name: annotations[argument.name]
        if argument.is_required
        else NotRequired[annotations[argument.name]]
        for argument in signature.arguments
    }
    # built from a signature, so the keys are not literals
    document = TypedDict(f"{name}_arguments", shape)  # type: ignore[misc]
    document.__pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # type: ignore[attr-defined]
    return TypeAdapter(document)


def _add_default(argument: Argument, described: dict[str, Any], defaults: dict[str, Any]) -> None:
    """A default that JSON cannot hold is the function's own affair: it applies, but no form shows it."""
    try:
        plain = to_plain(argument.default)
        check_document(plain)
    except (ValueError, InvalidDocument):
        return
    described["default"] = defaults[argument.name] = plain

"""Secrets among the arguments: sealed when they are stored, opened in the executor, masked for readers.

A sealed value is ``{"$secret": value}``, so that whoever shows arguments can mask it without knowing the
function. It is hidden from readers, not encrypted: the row holds it.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tasks_app.documents import join_field

SECRET_KEY = "$secret"
MASK = "**********"

Schema = Mapping[str, Any]
Change = Callable[[Any], Any]


def seal(document: Any, schema: Schema) -> Any:
    """Hide the values that the JSON Schema calls ``writeOnly``, as pydantic does for SecretStr."""
    return _changed(document, schema, schema, lambda value: {SECRET_KEY: value})


def unseal(document: Any, schema: Schema) -> Any:
    """Undo ``seal``, with the same schema."""
    return _changed(document, schema, schema, lambda value: value[SECRET_KEY] if is_sealed(value) else value)


def mask(document: Any) -> Any:
    """What may be shown of a document."""
    if is_sealed(document):
        return MASK
    if isinstance(document, dict):
        return {key: mask(value) for key, value in document.items()}
    if isinstance(document, list):
        return [mask(value) for value in document]
    return document


def keep_masked(document: Any, before: Any) -> Any:
    """An edited copy of shown arguments, with what it only had masked taken from ``before``.

    In a list, from the element that was shown the same: elements may have been moved or taken out, and the
    secret of one must not get beside the name of another.
    """
    if is_sealed(document) and document[SECRET_KEY] == MASK and is_sealed(before):
        return before
    if isinstance(document, dict) and isinstance(before, dict):
        return {key: keep_masked(value, before.get(key)) for key, value in document.items()}
    if isinstance(document, list) and isinstance(before, list):
        sources = _sources(document, before)
        return [keep_masked(value, old) for value, old in zip(document, sources, strict=True)]
    return document


def _sources(document: list[Any], before: list[Any]) -> Iterator[Any]:
    """Of which old element each one is a copy; None where that cannot be told."""
    left: defaultdict[str, deque[Any]] = defaultdict(deque)
    for old in before:
        left[_shown(old)].append(old)
    for value in document:
        same = left[_shown(value)]
        is_told = len(same) == 1 or (same and len(document) == len(before))
        yield same.popleft() if is_told else None


def _shown(value: Any) -> str:
    return json.dumps(mask(value), sort_keys=True)


def masked_fields(document: Any, field: str = "") -> Iterator[str]:
    """Where a sealed value is only the mask that readers are shown."""
    if is_sealed(document):
        if document[SECRET_KEY] == MASK:
            yield field
    elif isinstance(document, dict):
        for key, value in document.items():
            yield from masked_fields(value, join_field(field, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from masked_fields(value, join_field(field, index))


def is_sealed(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {SECRET_KEY}


def has_keyword(schema: Schema, keyword: str) -> bool:
    """Whether any part of the schema has the keyword; a property of that name is none."""
    if keyword in schema and not isinstance(schema[keyword], Mapping):
        return True
    return any(has_keyword(part, keyword) for value in schema.values() for part in _schemas_in(value))


def has_secrets(schema: Schema) -> bool:
    return has_keyword(schema, "writeOnly")


def _schemas_in(value: Any) -> Iterator[Schema]:
    if isinstance(value, Mapping):
        yield value
    elif isinstance(value, list):
        yield from (part for part in value if isinstance(part, Mapping))


def _changed(value: Any, schema: Schema, root: Schema, change: Change) -> Any:
    if reference := schema.get("$ref"):
        schema = root["$defs"][reference.removeprefix("#/$defs/")]
    if value is None:
        return None
    if schema.get("writeOnly") is True:
        return change(value)
    if isinstance(value, dict) and not is_sealed(value):
        named = schema.get("properties", {})
        others = schema.get("additionalProperties")
        value = {
            key: _changed(item, named.get(key, others), root, change)
            if isinstance(named.get(key, others), Mapping)
            else item
            for key, item in value.items()
        }
    elif isinstance(value, list):
        first, others = schema.get("prefixItems", []), schema.get("items")
        parts = [first[index] if index < len(first) else others for index in range(len(value))]
        value = [
            _changed(item, part, root, change) if isinstance(part, Mapping) else item
            for item, part in zip(value, parts, strict=True)
        ]
    for branch in [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]:
        value = _changed(value, branch, root, change)
    return value

"""Django model instances as arguments: their primary key travels, the instance is looked up."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_origin

from django.db.models import BooleanField, CharField, Field, IntegerField, Model, TextField, UUIDField
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

MODEL_KEYWORD = "x-model"
KEY_TYPES: tuple[tuple[type[Field[Any, Any]], type], ...] = (
    (BooleanField, bool),
    (IntegerField, int),
    (UUIDField, uuid.UUID),
    (CharField, str),
    (TextField, str),
)


class Lookup:
    """One query per model, whatever the number of keys: note them in a first pass, find them in a second."""

    def __init__(self) -> None:
        self._keys: dict[type[Model], set[Any]] = {}
        self._found: dict[type[Model], Mapping[Any, Model]] | None = None

    def fetch(self) -> None:
        self._found = {model: model._default_manager.in_bulk(keys) for model, keys in self._keys.items()}

    def resolve(self, model: type[Model], key: Any) -> Any:
        """The key itself until ``fetch``, then its instance. PydanticCustomError for an unknown key."""
        if self._found is None:
            self._keys.setdefault(model, set()).add(key)
            return key
        if (instance := self._found[model].get(key)) is None:
            facts = {"model": str(model._meta.verbose_name), "key": str(key)}
            raise PydanticCustomError("not_found", "There is no {model} with the key {key}", facts)
        return instance


class ByKey:
    """Makes a model class fit for pydantic, as ``Annotated[Model, ByKey(Model)]``."""

    def __init__(self, model: type[Model]) -> None:
        self.model = model

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.with_info_after_validator_function(
            self._resolve, handler.generate_schema(_key_type(self.model))
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        name = self.model._meta.verbose_name
        return {
            "description": f"Primary key of a {name}",
            **handler(schema),
            MODEL_KEYWORD: self.model._meta.label,
        }

    def _resolve(self, key: Any, info: core_schema.ValidationInfo) -> Any:
        assert isinstance(info.context, Lookup)
        return info.context.resolve(self.model, key)


def _key_type(model: type[Model]) -> type:
    """Raises TypeError for a key that JSON does not know."""
    field: Any = model._meta.pk
    while field.remote_field:  # multi-table inheritance, or a one-to-one field as the key
        field = field.target_field
    for kind, python_type in KEY_TYPES:
        if isinstance(field, kind):
            return python_type
    raise TypeError(f"the primary key of {model._meta.label} is a {type(field).__name__}, which JSON has not")


def with_keys(annotation: Any) -> Any:
    """The annotation with every model class in it replaced by its key."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return Annotated[annotation, ByKey(annotation)]
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is None or not any(names_model(part) for part in parts):
        return annotation
    if origin is Annotated:
        return Annotated[with_keys(parts[0]), *annotation.__metadata__]
    inner = tuple(with_keys(part) for part in parts)
    if hasattr(annotation, "copy_with"):
        return annotation.copy_with(inner)
    result = inner[0]
    if origin in (list, dict, set, frozenset, tuple):
        return origin[inner]
    for part in inner[1:]:
        result = result | part
    return result


def names_model(annotation: Any) -> bool:
    """Whether a model class stands anywhere in the annotation."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return True
    return any(names_model(part) for part in get_args(annotation))

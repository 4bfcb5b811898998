"""From Python values to the JSON values that stand for them, secrets and model instances included."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from django.db.models import Model
from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic_core import to_jsonable_python


def to_plain(value: Any) -> Any:
    """Unmasks secrets, so only for what is stored. Raises ValueError for what JSON cannot hold."""
    if value is None or (isinstance(value, (str, bool, int, float)) and type(value).__module__ == "builtins"):
        return value
    if isinstance(value, (SecretStr, SecretBytes)):
        return to_plain(value.get_secret_value())
    if isinstance(value, Model):
        if value.pk is None:
            raise ValueError(f"this {value._meta.verbose_name} is not saved, so it has no key")
        return to_plain(value.pk)
    if isinstance(value, BaseModel):
        return to_plain(value.model_dump(by_alias=True))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {_key(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(item) for item in value]
    return to_jsonable_python(value)


def _key(key: Any) -> str:
    [text] = to_jsonable_python({key: None})
    return str(text)

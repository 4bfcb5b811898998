"""The gate for JSON that enters or leaves: what it refuses would be lost or changed on the way."""

from __future__ import annotations

import json
import math
from typing import Any

from tasks_app.errors import BodyTooLarge, InvalidDocument

MAX_DEPTH = 32
MAX_INTEGER = 2**53
TOO_DEEP = f"must not be nested deeper than {MAX_DEPTH} levels"


def join_field(field: str, key: str | int) -> str:
    return f"{field}.{key}" if field else str(key)


def check_text(text: str, field: str) -> None:
    if "\x00" in text:
        raise InvalidDocument(field, "must not contain the NUL character")
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidDocument(field, "must not contain lone surrogates") from None


def check_document(value: Any, *, field: str = "", depth: int = 0) -> None:
    """Refuse NUL, lone surrogates, non-finite numbers, integers outside ±2^53 and depth over 32.

    Integers beyond 2^53 are rounded silently by browsers (RFC 8259, section 6). Raises InvalidDocument.
    """
    if depth > MAX_DEPTH:
        raise InvalidDocument(field.split(".")[0], TOO_DEEP)
    if isinstance(value, str):
        check_text(value, field)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise InvalidDocument(field, "must be an integer between -2^53 and 2^53")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidDocument(field, "must be a finite number")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise InvalidDocument(field, f"has a key that is no string but of type {type(key).__name__}")
            check_text(key, field)
            if type(item) is int and -MAX_INTEGER <= item <= MAX_INTEGER:
                continue  # the usual argument, without putting its name together
            check_document(item, field=join_field(field, key), depth=depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            check_document(item, field=join_field(field, index), depth=depth + 1)
    else:
        raise InvalidDocument(field, f"{type(value).__name__} is not a JSON value")


def refuse_constant(name: str) -> None:
    raise InvalidDocument("body", f"{name} is not a JSON number")


def load_json(body: bytes, *, limit_bytes: int | None = None) -> Any:
    """Parse and check a JSON document. Raises InvalidDocument or BodyTooLarge."""
    if limit_bytes is not None and len(body) > limit_bytes:
        raise BodyTooLarge(limit_bytes)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise InvalidDocument("body", "must be UTF-8") from None
    try:
        value = json.loads(text, parse_constant=refuse_constant)
    except InvalidDocument:
        raise
    except RecursionError:  # the parser's own bound, far above ours
        raise InvalidDocument("body", TOO_DEEP) from None
    except ValueError as error:
        raise InvalidDocument("body", f"is not JSON: {error}") from None
    check_document(value)
    return value


# Kept: json.dumps with options makes an encoder for each call, which costs more than a small document.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def dump_json(value: Any) -> str:
    return _ENCODER.encode(value)

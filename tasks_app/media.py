"""Results that are more than JSON: pictures and files, and text with markup. How they stand in the result."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from tasks_app import files
from tasks_app.conf import get_conf
from tasks_app.documents import check_text
from tasks_app.errors import InvalidDocument, ResultExpired
from tasks_app.wire import MARKDOWN_KEY, MEDIA_KEY, ResultKind

MOST_INLINE_BYTES = 256 * 1024
"""What is larger is kept by the storage."""
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Shown in place; anything else could be a page with scripts."""
RESERVED = frozenset({MEDIA_KEY, MARKDOWN_KEY})


@dataclass(frozen=True, slots=True)
class Media:
    """Bytes with their media type, such as ``image/png``; ``name`` is offered for a download.

    Return one from a task function.
    """

    data: bytes
    media_type: str
    name: str = ""

    def to_document(self) -> dict[str, Any]:
        """Stores large data. Raises InvalidDocument, and what the storage raises."""
        check_text(self.media_type + self.name, "result")
        size, limit = len(self.data), get_conf().max_file_bytes
        if size > limit:
            raise InvalidDocument("result", f"has {size} bytes; at most {limit} can be stored")
        document = {MEDIA_KEY: self.media_type, "name": self.name, "size": size}
        if size > MOST_INLINE_BYTES:
            return document | {"file": files.keep(self.data)}
        return document | {"data": base64.b64encode(self.data).decode()}


@dataclass(frozen=True, slots=True)
class Markdown:
    """Text that the console shows as Markdown. Return one from a task function."""

    text: str

    def to_document(self) -> dict[str, str]:
        """Raises InvalidDocument."""
        check_text(self.text, "result")
        return {MARKDOWN_KEY: self.text}


def is_media(document: Any) -> bool:
    return isinstance(document, dict) and MEDIA_KEY in document and ("data" in document or "file" in document)


def from_document(document: dict[str, Any]) -> Media:
    """Raises ResultExpired."""
    if "data" in document:
        data: bytes | None = base64.b64decode(document["data"])
    else:
        data = files.read(document["file"])
    if data is None:
        raise ResultExpired
    return Media(data, document[MEDIA_KEY], document.get("name", ""))


def shown_result(result: Any) -> tuple[ResultKind, Any]:
    """How a result is best shown, and what a document tells of it: of media all but the bytes."""
    if is_media(result):
        kind: ResultKind = "picture" if result[MEDIA_KEY] in PICTURES else "file"
        return kind, {key: value for key, value in result.items() if key not in ("data", "file")}
    if isinstance(result, dict) and result.keys() == {MARKDOWN_KEY}:
        return "markdown", result[MARKDOWN_KEY]
    return ("table" if _is_table(result) else "json"), result


def _is_table(result: Any) -> bool:
    """A list of flat objects."""
    return (
        isinstance(result, list)
        and bool(result)
        and all(isinstance(row, dict) and row for row in result)
        and not any(isinstance(cell, (dict, list)) for row in result for cell in row.values())
    )

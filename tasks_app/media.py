"""A result that is a picture or a file: how it is stored inside the JSON result."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from tasks_app.wire import MEDIA_KEY


@dataclass(frozen=True, slots=True)
class Media:
    """Bytes with their media type, such as ``image/png``. Return one from a task function."""

    data: bytes
    media_type: str

    def to_document(self) -> dict[str, str]:
        return {MEDIA_KEY: self.media_type, "data": base64.b64encode(self.data).decode()}


def is_media(document: Any) -> bool:
    return isinstance(document, dict) and MEDIA_KEY in document and "data" in document


def from_document(document: dict[str, str]) -> Media:
    return Media(base64.b64decode(document["data"]), document[MEDIA_KEY])

"""The parser of request bodies; apart from the middleware because DRF imports it while it starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from tasks_app.conf import get_conf
from tasks_app.documents import load_json
from tasks_app.errors import InvalidDocument

BULK_PATH = "/api/tasks/bulk/"


def most_body_bytes(path: str) -> int:
    """What a request to this path may weigh."""
    conf = get_conf()
    return conf.max_bulk_bytes if path == BULK_PATH else conf.max_body_bytes


class JSONParser(BaseParser):
    """The only parser. Raises InvalidDocument and BodyTooLarge, which name the field."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit = most_body_bytes((parser_context or {})["request"].path)
        try:
            return load_json(stream.read(limit + 1), limit_bytes=limit)
        except InvalidDocument as error:
            if error.field:
                raise
            raise InvalidDocument("body", error.message) from None

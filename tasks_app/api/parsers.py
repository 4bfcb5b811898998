"""The parser of request bodies; apart from the middleware because DRF imports it while it starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from tasks_app.conf import get_conf
from tasks_app.documents import load_json
from tasks_app.errors import InvalidDocument


class JSONParser(BaseParser):
    """The only parser. Raises InvalidDocument and BodyTooLarge, which name the field."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit = get_conf().max_body_bytes
        try:
            return load_json(stream.read(limit + 1), limit_bytes=limit)
        except InvalidDocument as error:
            if error.field:
                raise
            raise InvalidDocument("body", error.message) from None

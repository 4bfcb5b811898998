"""Changes of the finished OpenAPI document."""

from __future__ import annotations

from typing import Any


def require_bodies(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """A body with required keys is itself required; spectacular cannot tell for raw schemas."""
    for path in result["paths"].values():
        for operation in path.values():
            body = operation.get("requestBody", {})
            if any(media["schema"].get("required") for media in body.get("content", {}).values()):
                body["required"] = True
    return result

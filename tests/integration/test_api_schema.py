"""What the API says about itself."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.test import Client


def test_the_schema_has_a_path_for_each_function(api: Client) -> None:
    names = [entry["name"] for entry in api.get("/api/functions/").json()["results"]]
    assert "fibonacci" in names
    schema = api.get("/api/schema/").json()
    assert schema["openapi"].startswith("3.1")
    for name in names:
        body = schema["paths"][f"/api/functions/{name}/"]["post"]["requestBody"]
        assert body["content"]["application/json"]["schema"]["type"] == "object"
    assert api.get("/api/docs/").status_code == 200


def test_the_schema_is_valid_and_complete(tmp_path: Any) -> None:
    written = tmp_path / "schema.yml"
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(written))
    assert "nullable" not in written.read_text()


def test_the_probes_answer(api: Client) -> None:
    assert api.get("/healthz").json() == {"status": "ok"}
    assert api.get("/readyz").json()["checks"]["database"] == "ok"

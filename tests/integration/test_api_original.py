"""The two calls of the original system, kept exactly."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.support.api import UNKNOWN_ID, finished, post


def test_the_original_calls_answer_as_before(api: Client) -> None:
    accepted = post(api, "/task", {"number": 35})
    assert accepted.status_code == 202
    assert accepted.json().keys() == {"task_id"}
    path = f"/task/{accepted.json()['task_id']}"
    assert api.get(path).json() == {"status": "pending"}
    assert api.get(f"/task/{finished(result=2).pk}").json() == {"status": "complete", "result": 2}
    failed = finished("failed", error="ValueError: no")
    assert api.get(f"/task/{failed.pk}").json() == {"status": "failed", "error": "ValueError: no"}
    assert api.get(f"/task/{finished('cancelled').pk}").json()["status"] == "failed"


@pytest.mark.parametrize("task_id", [UNKNOWN_ID, "nonsense", "%00", "a" * 3000])
def test_an_unknown_id_is_not_found_in_both_interfaces(api: Client, task_id: str) -> None:
    original = api.get(f"/task/{task_id}")
    assert (original.status_code, original.json()) == (404, {"status": "not_found"})
    for call in (api.get(f"/api/tasks/{task_id}/"), post(api, f"/api/tasks/{task_id}/cancel/")):
        assert (call.status_code, call.json()["code"]) == (404, "not_found")

"""The console's types are generated from the API's own description, which must be the current one."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import get_args

from django.core.management import call_command

from tasks_app.states import State
from tasks_app.wire import StateWord

KEPT = Path(__file__).resolve().parents[2] / "frontend" / "openapi.json"


def test_the_kept_openapi_document_is_current() -> None:
    out = StringIO()
    call_command("spectacular", "--format", "openapi-json", "--fail-on-warn", stdout=out)
    assert json.loads(KEPT.read_text()) == json.loads(out.getvalue()), "run: make openapi"


def test_the_wire_knows_every_state() -> None:
    assert set(get_args(StateWord)) == {state.value for state in State}

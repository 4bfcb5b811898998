"""Results that are more than JSON: from what a function returns to what a client gets."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from tasks_app import files
from tasks_app.conf import get_conf
from tasks_app.errors import InvalidDocument
from tasks_app.execution import result_text
from tasks_app.media import MOST_INLINE_BYTES, Markdown, Media
from tests.support.api import finished

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """Where the storage keeps files."""
    storage = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(tmp_path)},
    }
    settings.STORAGES = {**settings.STORAGES, "taskdeck": storage}
    return tmp_path / "taskdeck"


def stored(returned: Any) -> str:
    """The path of a task whose function returned this."""
    return f"/api/tasks/{finished(result=json.loads(result_text(returned))).pk}/"


ROWS = [{"word": "a", "count": 3}, {"word": "b", "count": None}]


@pytest.mark.parametrize(
    ("returned", "kind", "shown"),
    [
        (3, "json", 3),
        ([], "json", []),
        (ROWS, "table", ROWS),
        ([*ROWS, {"word": ["c"]}], "json", [*ROWS, {"word": ["c"]}]),
        ([*ROWS, 1], "json", [*ROWS, 1]),
        (Markdown("# Done"), "markdown", "# Done"),
        (Media(b"GIF", "image/gif"), "picture", {"$media": "image/gif", "name": "", "size": 3}),
        (Media(b"a,b", "text/csv", "x.csv"), "file", {"$media": "text/csv", "name": "x.csv", "size": 3}),
    ],
)
def test_a_result_says_how_it_is_best_shown(api: Client, returned: Any, kind: str, shown: Any) -> None:
    task = api.get(stored(returned)).json()
    assert (task["result_kind"], task["result"]) == (kind, shown)
    assert (task["result_url"] is not None) == (kind in ("picture", "file"))


def test_a_task_without_a_result_has_no_kind(api: Client) -> None:
    assert api.get(f"/api/tasks/{finished('failed', error='E').pk}/").json()["result_kind"] is None


def test_a_file_is_downloaded_under_its_name(api: Client) -> None:
    response = api.get(stored(Media(b"a,b", "text/csv", 'ö"x.csv')) + "result/")
    assert (response.content, response["Content-Type"]) == (b"a,b", "application/octet-stream")
    assert response["Content-Disposition"] == "attachment; filename*=utf-8''%C3%B6%22x.csv"


def test_a_large_file_is_kept_by_the_storage_for_some_days(api: Client, folder: Path) -> None:
    data = os.urandom(MOST_INLINE_BYTES + 1)
    path = stored(Media(data, "application/zip", "x.zip"))
    task = api.get(path).json()
    assert task["result"] == {"$media": "application/zip", "name": "x.zip", "size": len(data)}
    assert api.get(f"{path}result/").content == data
    [kept] = [file for file in folder.rglob("*") if file.is_file()]
    assert kept.read_bytes() == data

    today = datetime.now(UTC).date()
    assert files.prune(older_than=timedelta(days=2), today=today + timedelta(days=2)) == 0
    assert kept.exists()
    assert files.prune(older_than=timedelta(days=2), today=today + timedelta(days=3)) == 1
    assert not any(folder.iterdir())
    gone = api.get(f"{path}result/")
    assert (gone.status_code, gone.json()["code"]) == (410, "result_expired")
    assert api.get(path).json()["state"] == "succeeded"


def test_the_prune_command_counts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("prune")
    files.keep(b"new")
    (folder / ".snapshot").mkdir()
    old = folder / date(2020, 1, 31).isoformat()
    old.mkdir()
    (old / "a").write_bytes(b"old")
    call_command("prune", "--file-days", "1")
    assert capsys.readouterr().out == "0 tasks deleted, 0 files deleted\n0 tasks deleted, 1 files deleted\n"
    assert not old.exists()


def test_more_than_the_limit_is_refused(settings: Any) -> None:
    settings.TASKDECK = {**settings.TASKDECK, "MAX_FILE_BYTES": 1000}
    get_conf.cache_clear()
    try:
        with pytest.raises(InvalidDocument, match="has 1001 bytes; at most 1000"):
            result_text(Media(b"x" * 1001, "application/zip"))
    finally:
        get_conf.cache_clear()


@pytest.mark.parametrize("forged", [{"$media": "image/png", "file": "/etc/passwd"}, {"$markdown": "x"}])
def test_a_result_cannot_pose_as_a_file(forged: dict[str, str]) -> None:
    with pytest.raises(InvalidDocument, match="is reserved"):
        result_text(forged)

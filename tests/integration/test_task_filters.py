"""The list's filters, its counts, and acts on many tasks at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tasks_app import bulk, filters, selectors
from tasks_app.models import Task
from tests.support.api import Level, fields_of, finished, post


def waiting(**values: Any) -> Task:
    return Task.objects.create(
        function="tasks_app.examples.tasks.fibonacci",
        state="queued",
        created_at=datetime.now(UTC),
        **{"arguments": {"number": 3}, **values},
    )


def listed(api: Client, query: str) -> list[str]:
    response = api.get(f"/api/tasks/?{query}")
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


def ids(*tasks: Task) -> list[str]:
    return [str(task.pk) for task in tasks]


def test_each_filter_keeps_what_matches(api: Client) -> None:
    primes = finished(function="tasks_app.examples.tasks.count_primes", queue="slow", last_worker="n1")
    failed = finished("failed", last_worker="n2")
    queued = waiting(queue="slow")
    assert listed(api, "state=failed&state=queued") == ids(queued, failed)
    assert listed(api, "function=count_primes") == ids(primes)
    assert listed(api, "queue=slow") == ids(queued, primes)
    assert listed(api, "worker=n2") == ids(failed)
    assert listed(api, "queue=slow&state=queued") == ids(queued)
    assert listed(api, f"newer_than={failed.pk}") == ids(queued)


def test_the_newest_of_each_function_are_told(
    api: Client, anonymous: Level, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rare = finished("failed", function="tasks_app.examples.tasks.count_primes")
    many = [finished() for _ in range(7)]
    with django_assert_max_num_queries(2):
        found = recent(api)
    assert found == {"count_primes": ids(rare), "fibonacci": ids(*reversed(many[2:]))}
    monkeypatch.setattr(selectors, "RECENT_WINDOW", 7)
    assert list(recent(api)) == ["fibonacci"]
    anonymous("none")
    assert api.get("/api/tasks/recent/").status_code == 401
    user = User.objects.create_user("ada", password="x")
    user.user_permissions.add(Permission.objects.get(codename="view_task"))
    api.force_login(user)
    own = finished(owner=user)
    assert recent(api) == {"fibonacci": ids(own)}


def recent(api: Client) -> dict[str, list[str]]:
    results = api.get("/api/tasks/recent/").json()["results"]
    return {entry["name"]: [task["id"] for task in entry["tasks"]] for entry in results}


def test_a_range_of_creation_is_kept(api: Client) -> None:
    task = finished()
    created = task.created_at
    before = (created - timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    after = (created + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    assert listed(api, f"created_after={before}&created_before={after}") == ids(task)
    assert listed(api, f"created_after={after}") == []
    assert listed(api, f"created_before={before}") == []


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ({"text": "Größe 42"}, "Größe"),
        ({"text": 'a "quoted" word'}, '"quoted"'),
        ({"text": "100%_sure"}, "%_"),
        ({"number": 12345}, "1234"),
        ({"needle": 1}, "needle"),
        ({"text": "Größe of a Needle"}, "NEEDLE"),
    ],
)
def test_a_search_finds_text_in_the_arguments(api: Client, argument: dict[str, Any], text: str) -> None:
    found = finished(arguments=argument)
    finished(arguments={"other": "thing"})
    assert [row["id"] for row in api.get("/api/tasks/", {"search": text}).json()["results"]] == ids(found)


def test_a_search_finds_the_characters_that_were_submitted(api: Client) -> None:
    submitted = api.post(
        "/api/functions/text_report/", {"text": "Bäng 日本語"}, content_type="application/json"
    ).json()["task_id"]
    for text in ("Bäng", "bäng", "日本"):
        assert [row["id"] for row in api.get("/api/tasks/", {"search": text}).json()["results"]] == [
            submitted
        ]


def test_a_search_for_an_id_finds_the_task(api: Client) -> None:
    task = finished()
    finished()
    assert listed(api, f"search={task.pk}") == ids(task)


def pages(api: Client, query: str) -> list[list[str]]:
    """Every page until the last one."""
    found, cursor = [], None
    while len(found) < 20:
        answer = api.get(f"/api/tasks/?{query}" + (f"&cursor={cursor}" if cursor else "")).json()
        found.append([row["id"] for row in answer["results"]])
        cursor = answer["next"]
        if cursor is None:
            assert answer["searched_all"] is True
            return found
    raise AssertionError(f"no end of pages: {found}")


def spread(number: int, **values: Any) -> list[Task]:
    """Tasks of milliseconds of their own, newest first."""
    first = datetime.now(UTC) - timedelta(hours=1)
    return [
        finished(id=UUID(int=filters.first_id_at(first + timedelta(seconds=n)).int + 7), **values)
        for n in reversed(range(number))
    ]


@pytest.mark.parametrize("query", ["search=needle", "queue=needles", "worker=needle", "owner=needle"])
def test_what_no_index_answers_is_looked_for_window_by_window(
    api: Client, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(filters, "WINDOW", 2)
    tasks = spread(7)
    owner = User.objects.create_user("needle")
    for task in (tasks[0], tasks[5]):
        task.arguments, task.queue, task.last_worker, task.owner = {"a": "needle"}, "needles", "needle", owner
        task.save()
    answer = api.get(f"/api/tasks/?{query}").json()
    assert ([row["id"] for row in answer["results"]], answer["searched_all"]) == (ids(tasks[0]), False)
    assert pages(api, query) == [ids(tasks[0]), ids(tasks[5]), []]
    counted = api.get(f"/api/tasks/counts/?{query}").json()
    assert (counted["counts"]["succeeded"], counted["is_complete"]) == (1, False)


@pytest.mark.parametrize(
    ("window", "cap", "succeeded", "is_complete"),
    [(4, 9, 2, True), (3, 9, 1, False), (3, 1, 1, True), (2, 9, 0, False)],
)
def test_succeeded_tasks_are_counted_among_the_newest(
    api: Client, monkeypatch: pytest.MonkeyPatch, window: int, cap: int, succeeded: int, is_complete: bool
) -> None:
    monkeypatch.setattr(filters, "SUCCEEDED_AMONG", window)
    monkeypatch.setattr(selectors, "COUNT_CAP", cap)
    for state in ("succeeded", "succeeded", "failed", "failed"):
        finished(state)
    counted = api.get("/api/tasks/counts/").json()
    assert (counted["counts"]["succeeded"], counted["is_complete"]) == (succeeded, is_complete)
    assert counted["counts"]["failed"] == min(cap, 2)


def test_a_full_page_ends_where_it_is_full(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "WINDOW", 3)
    tasks = spread(5, queue="needles")
    answer = api.get("/api/tasks/?queue=needles&limit=2").json()
    assert ([row["id"] for row in answer["results"]], answer["searched_all"]) == (ids(*tasks[:2]), True)
    assert [found for page in pages(api, "queue=needles&limit=2") for found in page] == ids(*tasks)


@pytest.mark.parametrize("query", ["", "state=failed", "state=succeeded&state=failed"])
def test_an_unfiltered_list_and_one_indexed_state_need_no_window(
    api: Client, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(filters, "WINDOW", 2)
    failed = spread(4, state="failed")
    answer = api.get(f"/api/tasks/?{query}").json()
    is_windowed = query.count("state") > 1
    assert ([row["id"] for row in answer["results"]] == ids(*failed)) is not is_windowed
    assert answer["searched_all"] is not is_windowed


def test_somebodys_own_tasks_do_not_hide_behind_those_of_others(
    api: Client, anonymous: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "WINDOW", 2)
    anonymous("none")
    user = User.objects.create_user("ada", password="x")
    user.user_permissions.add(Permission.objects.get(codename="view_task"))
    tasks = spread(7)
    own = [tasks[5], tasks[6]]
    Task.objects.filter(pk__in=[task.pk for task in own]).update(owner=user, queue="needles")
    api.force_login(user)
    for query in ("", "queue=needles", f"search={own[1].pk}"):
        answer = api.get(f"/api/tasks/?{query}").json()
        assert [row["id"] for row in answer["results"]] == ids(*own[query.startswith("search") :]), query
        assert (answer["next"], answer["searched_all"]) == (None, True)
    counted = api.get("/api/tasks/counts/").json()
    assert (counted["counts"]["succeeded"], counted["is_complete"]) == (2, True)


def test_a_page_that_is_no_longer_the_last_is_told_anew(api: Client) -> None:
    older = finished("cancelled")
    for _ in range(2):
        finished("failed")
    first = api.get("/api/tasks/?state=failed&limit=2")
    assert first.json()["next"] is None
    again = {"If-None-Match": first["ETag"]}
    assert api.get("/api/tasks/?state=failed&limit=2", headers=again).status_code == 304
    Task.objects.filter(pk=older.pk).update(state="failed")
    now = api.get("/api/tasks/?state=failed&limit=2", headers=again)
    assert (now.status_code, now.json()["results"]) == (200, first.json()["results"])
    assert now.json()["next"] is not None


def test_an_act_goes_on_behind_the_window(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "WINDOW", 2)
    spread(6)
    finished("failed", queue="needles", id=filters.first_id_at(datetime(2020, 1, 1, tzinfo=UTC)))
    body = {"action": "retry", "filter": {"queue": "needles"}}
    assert post(api, "/api/tasks/actions/", body).json() == {"changed": 1, "next": None}


def test_counts_follow_the_filter(api: Client) -> None:
    finished(queue="slow")
    finished("failed")
    counts = api.get("/api/tasks/counts/?queue=slow").json()["counts"]
    assert (counts["succeeded"], counts["failed"]) == (1, 0)
    assert api.get("/api/tasks/counts/?state=failed").json()["counts"] == {"failed": 1}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("created_after=yesterday", "created_after"),
        ("created_before=2030-01-01T00:00:00", "created_before"),
        ("newer_than=7", "newer_than"),
        ("search=" + "a" * 201, "search"),
        ("worker=%00", "worker"),
    ],
)
def test_a_bad_filter_is_named(api: Client, query: str, field: str) -> None:
    for path in ("/api/tasks/", "/api/tasks/counts/"):
        response = api.get(f"{path}?{query}")
        assert response.status_code == 400
        assert fields_of(response) == [field]


# --- acts


def states() -> list[str]:
    return sorted(Task.objects.values_list("state", flat=True))


def test_named_tasks_are_retried_and_others_left_alone(api: Client) -> None:
    first, second, third = finished("failed"), finished(), finished("failed")
    answer = post(api, "/api/tasks/actions/", {"action": "retry", "ids": ids(first, second)})
    assert (answer.status_code, answer.json()) == (200, {"changed": 2, "next": None})
    third.refresh_from_db()
    assert third.state == "failed"
    assert states() == ["failed", "queued", "queued"]


def test_a_filter_acts_on_all_that_match_in_bounded_calls(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH_ROWS", 2)
    monkeypatch.setattr(bulk, "MOST_BATCHES", 2)
    for _ in range(7):
        finished("failed")
    finished()
    body: dict[str, Any] = {"action": "retry", "filter": {"state": ["failed"]}, "cursor": None}
    changed = []
    while True:
        answer = post(api, "/api/tasks/actions/", body).json()
        changed.append(answer["changed"])
        if answer["next"] is None:
            break
        body["cursor"] = answer["next"]
    assert changed == [4, 3]
    assert states() == ["queued"] * 7 + ["succeeded"]


def test_a_task_that_matches_again_is_not_acted_on_twice(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH_ROWS", 1)
    monkeypatch.setattr(bulk, "MOST_BATCHES", 1)
    tasks = [finished("failed"), finished("failed")]
    body = {"action": "retry", "filter": {"state": ["failed"]}}
    first = post(api, "/api/tasks/actions/", body).json()
    Task.objects.filter(pk=tasks[1].pk).update(state="failed", finished_at=datetime.now(UTC))
    second = post(api, "/api/tasks/actions/", {**body, "cursor": first["next"]}).json()
    assert (first["changed"], second["changed"]) == (1, 1)
    assert states() == ["failed", "queued"]


def test_a_cancel_of_everything_leaves_what_has_ended(api: Client) -> None:
    waiting()
    finished()
    assert post(api, "/api/tasks/actions/", {"action": "cancel", "filter": {}}).json()["changed"] == 1
    assert states() == ["cancelled", "succeeded"]
    nothing = post(api, "/api/tasks/actions/", {"action": "cancel", "filter": {"state": ["failed"]}})
    assert nothing.json() == {"changed": 0, "next": None}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ids": []}, "action"),
        ({"action": "delete", "ids": []}, "action"),
        ({"action": "retry"}, "ids"),
        ({"action": "retry", "ids": [], "filter": {}}, "ids"),
        ({"action": "retry", "ids": ["x"]}, "ids.0"),
        ({"action": "retry", "ids": ["x"] * 1001}, "ids"),
        ({"action": "retry", "filter": []}, "filter"),
        ({"action": "retry", "filter": {"colour": "red"}}, "filter.colour"),
        ({"action": "retry", "filter": {"queue": 7}}, "filter.queue"),
        ({"action": "retry", "filter": {"created_after": "x"}}, "filter.created_after"),
        ({"action": "retry", "filter": {}, "cursor": "x"}, "cursor"),
        ({"action": "retry", "filter": {}, "surprise": 1}, "surprise"),
    ],
)
def test_a_bad_act_is_named_and_changes_nothing(api: Client, body: dict[str, Any], field: str) -> None:
    finished("failed")
    response = post(api, "/api/tasks/actions/", body)
    assert response.status_code == 400
    assert fields_of(response) == [field]
    assert states() == ["failed"]


def test_acts_need_the_right_and_reach_own_tasks_only(api: Client, anonymous: Level) -> None:
    anonymous("none")
    user = User.objects.create_user("ada", password="x")
    mine, other = finished("failed", owner=user), finished("failed")
    api.force_login(user)
    body = {"action": "retry", "filter": {}}
    user.user_permissions.add(Permission.objects.get(codename="view_task"))
    assert post(api, "/api/tasks/actions/", body).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="retry_task"))
    assert post(api, "/api/tasks/actions/", body).json()["changed"] == 1
    assert post(api, "/api/tasks/actions/", {"action": "retry", "ids": ids(other)}).json()["changed"] == 0
    mine.refresh_from_db()
    other.refresh_from_db()
    assert (mine.state, other.state) == ("queued", "failed")

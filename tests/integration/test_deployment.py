"""The compose file's commands, run as written against real servers, behind the real nginx."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tasks_app.media import MOST_INLINE_BYTES
from tests.support.deployment import Deployment, fetch
from tests.support.processes import wait_until
from tests.support.servers import RabbitMQ
from tests.support.servers.common import program
from tests.support.servers.rabbitmq import FOLDER

JSON = {"Content-Type": "application/json"}


def post(deployment: Deployment, path: str, document: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    status, _, answer = fetch(deployment.url("nginx") + path, body=body, headers={**JSON, **headers})
    return status, json.loads(answer)


def get(deployment: Deployment, path: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(fetch(deployment.url("nginx") + path)[2])
    return answer


def socket(deployment: Deployment) -> ClientConnection:
    url = deployment.url("nginx")
    return connect(url.replace("http", "ws") + "/ws/", origin=url, proxy=None)  # type: ignore[arg-type]


def result_of(deployment: Deployment, number: int) -> dict[str, Any]:
    status, submitted = post(deployment, "/task", {"number": number})
    assert status == 202, submitted
    path = f"/task/{submitted['task_id']}"
    return wait_until(
        lambda: (answer := get(deployment, path))["status"] != "pending" and answer,
        seconds=60,
        what=f"the task ends\n{deployment.log('worker').read_text()}",
    )


def test_a_task_submitted_through_nginx_is_computed(deployment: Deployment) -> None:
    assert result_of(deployment, 35) == {"status": "complete", "result": 9227465}


def test_all_parts_are_ready(deployment: Deployment) -> None:
    answer = get(deployment, "/readyz")
    assert answer["status"] == "ready"
    assert answer["checks"] == {"database": "ok", "redis": "ok", "rabbitmq": "ok"}


def test_tasks_are_handed_over_by_rabbitmq(deployment: Deployment) -> None:
    def claimed_by_message() -> int:
        result_of(deployment, 5)
        return int(get(deployment, "/api/workers/")["results"][0]["claims_by_message"])

    wait_until(claimed_by_message, seconds=60, what="a task is claimed by its message")


@pytest.mark.parametrize("name", ["web", "live", "worker", "nginx", "valkey", "postgres"])
def test_the_health_check_passes(deployment: Deployment, name: str) -> None:
    assert deployment.health(name) == 0


def test_the_health_check_of_rabbitmq_passes(deployment: Deployment, rabbitmq: RabbitMQ) -> None:
    kind, diagnostics, *words = deployment.services["rabbitmq"]["healthcheck"]["test"]
    assert kind == "CMD"
    found = program(diagnostics, "rabbitmq-server", FOLDER)
    ended = subprocess.run([found, *words], env=rabbitmq.environment, cwd=rabbitmq.directory, timeout=60)
    assert ended.returncode == 0


def test_the_console_comes_with_its_policy_and_its_cached_assets(deployment: Deployment) -> None:
    status, headers, page = fetch(deployment.url("nginx") + "/console/")
    assert status == 200
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-cache"
    asset = re.search(rb'src="(/static/console/assets/[^"]+\.js)"', page)
    assert asset
    status, headers, script = fetch(
        deployment.url("nginx") + asset[1].decode(), headers={"Accept-Encoding": "gzip"}
    )
    assert status == 200
    assert "immutable" in headers["Cache-Control"]
    assert headers["Content-Encoding"] == "gzip"
    assert script[:2] == b"\x1f\x8b"


def test_the_admin_has_its_styles(deployment: Deployment) -> None:
    assert fetch(deployment.url("nginx") + "/static/admin/css/base.css")[0] == 200


def test_a_socket_through_nginx_hears_of_a_task(deployment: Deployment) -> None:
    with socket(deployment) as live:
        live.send(json.dumps({"type": "subscribe", "topic": "tasks"}))
        assert json.loads(live.recv(timeout=30))["type"] == "snapshot"
        _, submitted = post(deployment, "/task", {"number": 20})
        states: set[str] = set()
        while "succeeded" not in states:
            frame = json.loads(live.recv(timeout=30))
            live.send(json.dumps({"type": "ack", "seq": frame["seq"]}))
            states |= {e["state"] for e in frame["events"] if e["id"] == submitted["task_id"]}


@pytest.mark.parametrize("path", ["/task", "/api/tasks/"])
def test_the_site_itself_refuses_a_body_above_its_limit(deployment: Deployment, path: str) -> None:
    for size in (257 * 1024, 1024 * 1024):
        status, answer = post(deployment, path, b"x" * size)
        assert status == 413
        assert "262144 bytes" in (answer.get("detail") or answer["error"])


def test_nginx_refuses_a_larger_one_in_json_too(deployment: Deployment) -> None:
    status, answer = post(deployment, "/api/tasks/", b"x" * (1024 * 1024 + 1))
    assert (status, answer["code"]) == (413, "body_too_large")


def test_a_thousand_tasks_pass_in_one_body(deployment: Deployment) -> None:
    text = "x" * 2_000
    tasks = [{"function": "text_report", "arguments": {"text": text}, "queue": "nobody"}] * 1_000
    status, answer = post(deployment, "/api/tasks/bulk/", {"tasks": tasks})
    assert status == 202, answer


def test_a_large_result_of_a_worker_is_served_by_web(deployment: Deployment) -> None:
    size = MOST_INLINE_BYTES + 1
    _, submitted = post(deployment, "/api/functions/large_file/", {"size": size})
    path = f"/api/tasks/{submitted['task_id']}/"
    wait_until(
        lambda: get(deployment, path)["state"] == "succeeded",
        seconds=60,
        what=f"the file is made\n{deployment.log('worker').read_text()}",
    )
    status, _, body = fetch(f"{deployment.url('nginx')}{path}result/")
    assert (status, len(body)) == (200, size)


def test_a_page_behind_tls_may_write_and_a_foreign_one_may_not(deployment: Deployment) -> None:
    """A TLS proxy in front keeps the Host and says https; the cookie makes the client a browser."""
    browser = {
        "Host": "tasks.example.com",
        "Origin": "https://tasks.example.com",
        "Cookie": "csrftoken=x",
    }
    tls = {"X-Forwarded-Proto": "https"}
    assert post(deployment, "/task", {"number": 1}, **browser, **tls)[0] == 202
    assert post(deployment, "/task", {"number": 1}, **browser)[0] == 403
    foreign = {**browser, "Origin": "https://elsewhere.example.com"}
    assert post(deployment, "/task", {"number": 1}, **foreign, **tls)[0] == 403


def test_an_unknown_host_name_is_refused(deployment: Deployment) -> None:
    assert fetch(deployment.url("nginx") + "/api/tasks/", headers={"Host": "elsewhere.example.com"})[0] == 400


def test_without_daphne_only_the_socket_is_missing(deployment: Deployment) -> None:
    deployment.stop("live")
    try:
        assert deployment.health("live") != 0
        with pytest.raises(InvalidStatus) as refused:
            socket(deployment)
        assert refused.value.response.status_code == 503
        assert result_of(deployment, 10) == {"status": "complete", "result": 55}
    finally:
        deployment.start("live")
    with socket(deployment) as live:
        assert live.ping().wait(30)


def test_without_gunicorn_nginx_says_so_in_json(deployment: Deployment) -> None:
    deployment.stop("web")
    try:
        assert deployment.health("web") != 0
        assert deployment.health("nginx") == 0
        status, headers, body = fetch(deployment.url("nginx") + "/api/tasks/")
        assert (status, headers["Retry-After"]) == (503, "5")
        assert json.loads(body)["code"] == "site_unavailable"
    finally:
        deployment.start("web")
    assert get(deployment, "/readyz")["status"] == "ready"


def test_a_worker_that_stands_still_is_unhealthy_and_one_that_is_stopped_drains(
    deployment: Deployment,
) -> None:
    supervisor = get(deployment, "/api/workers/")["results"][0]["pid"]
    os.kill(supervisor, signal.SIGSTOP)
    assert deployment.health("worker") != 0
    os.kill(supervisor, signal.SIGCONT)
    assert deployment.stop("worker") == 0
    deployment.start("worker")

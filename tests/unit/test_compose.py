"""docker-compose.yml is valid, refuses to start without secrets, and keeps its promises."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.compose import COMPOSE_FILE, MissingVariable, compose_services, dockerfile_stages, seconds
from tests.support.machine import ROOT

SECRETS = ("SECRET_KEY", "POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "VALKEY_PASSWORD")
GIVEN = dict.fromkeys(SECRETS, "a" * 64) | {"ALLOWED_HOSTS": "tasks.example.com"}
HEALTHY = {"condition": "service_healthy"}
OURS = ("web", "live", "worker", "migrate")
EXAMPLE = (ROOT / ".env.example").read_text()


def refusal(document: Path) -> str:
    """What check-jsonschema, with the Compose specification's own schema, finds wrong; empty if nothing."""
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    ended = subprocess.run([*checker, str(document)], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode in (0, 1), ended.stderr
    return ended.stdout if ended.returncode else ""


@pytest.fixture
def services() -> dict[str, dict[str, Any]]:
    return compose_services(GIVEN)


def test_the_file_follows_the_compose_specification() -> None:
    assert refusal(COMPOSE_FILE) == ""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("condition: service_healthy", "condition: service_fine"),
        ("stop_grace_period: 90s", "stop_grace_periode: 90s"),
        ("read_only: true", "read_only: {}"),
    ],
)
def test_a_broken_copy_is_refused(tmp_path: Path, right: str, wrong: str) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(COMPOSE_FILE.read_text().replace(right, wrong, 1))
    assert refusal(broken)


@pytest.mark.parametrize("name", GIVEN)
def test_nothing_starts_without_a_secret_or_a_host_name(name: str) -> None:
    with pytest.raises(MissingVariable, match=name):
        compose_services({**GIVEN, name: ""})


def test_the_example_names_every_variable_and_gives_no_secret() -> None:
    used = set(re.findall(r"\$\{(\w+)", COMPOSE_FILE.read_text()))
    assert set(re.findall(r"^(?:# )?([A-Z_]+)=", EXAMPLE, re.MULTILINE)) == used
    filled = dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert filled == dict.fromkeys(GIVEN, "")


def test_every_lasting_service_has_a_health_check_and_every_image_a_version(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert ("healthcheck" in service) == (name != "migrate"), name
        assert re.search(r":\d+\.\d+", service["image"]), service["image"]


def test_containers_wait_for_what_they_need(services: dict[str, Any]) -> None:
    for name in ("web", "live", "worker"):
        waits = services[name]["depends_on"]
        assert waits.pop("migrate") == {"condition": "service_completed_successfully"}
        assert waits == dict.fromkeys(("postgres", "rabbitmq", "valkey"), HEALTHY)
    assert set(services["nginx"]["depends_on"]) == {"web", "live"}


def test_a_worker_has_longer_to_stop_than_to_drain(services: dict[str, Any]) -> None:
    command = services["worker"]["command"]
    drain_seconds = float(command[command.index("--drain-seconds") + 1])
    assert seconds(services["worker"]["stop_grace_period"]) >= drain_seconds + 20
    web = services["web"]
    graceful = next(word for word in web["command"] if word.startswith("--graceful-timeout="))
    assert seconds(web["stop_grace_period"]) > int(graceful.partition("=")[2])


def test_our_containers_can_write_to_tmp_and_volumes_only_and_gain_no_rights(
    services: dict[str, Any],
) -> None:
    for name in (*OURS, "nginx"):
        service = services[name]
        assert (service["read_only"], service["tmpfs"]) == (True, ["/tmp"]), name
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_loopback_addresses_are_published(services: dict[str, Any]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert len(published) == 2
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_data_that_is_the_truth_lies_on_named_volumes(services: dict[str, Any]) -> None:
    named = set(yaml.safe_load(COMPOSE_FILE.read_text())["volumes"])
    used = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    assert used - {"./deploy/nginx.conf"} == named == {"postgres", "rabbitmq", "files"}


def test_large_results_lie_where_workers_and_web_meet(services: dict[str, Any]) -> None:
    target = dockerfile_stages()[-1].environment["TASKDECK_FILES_DIR"]
    for name in ("web", "worker"):
        assert services[name]["volumes"] == [f"files:{target}"]
    made = next(run for run in dockerfile_stages()[-1].arguments("RUN") if run.startswith("install -d"))
    assert made.endswith(f"-o taskdeck -g taskdeck -m 0700 {target}")

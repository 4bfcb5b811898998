"""The disk under the database is full, and later has space again."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.conftest import StartSite
from tests.chaos.site import NUMBER, RUN, SECONDS, Site
from tests.support.processes import wait_until
from tests.support.servers import Home, PostgreSQL, Redis
from tests.support.small_disk import SmallDisk

PATIENT = {"TASKDECK_LEASE_SECONDS": "60", "TASKDECK_SELF_STOP_SECONDS": "40"}
LETTERS = 200_000
MOST_SUBMITS = 200


@pytest.fixture
def disk(home: Home) -> Iterator[SmallDisk]:
    with SmallDisk(home.directory / f"disk-{secrets.token_hex(4)}", mebibytes=64) as disk:
        yield disk


def large() -> dict[str, object]:
    """A document that needs space of its own."""
    return {"run": RUN, "number": NUMBER, "text": secrets.token_hex(LETTERS // 2)}


def submit_until_refused(site: Site, disk: SmallDisk) -> None:
    """There may be space left within the files of the database; what is accepted counts."""
    for _ in range(MOST_SUBMITS):
        disk.fill()
        status, answer = site.call("/api/functions/measures/", large())
        if status != 202:
            return
        site.submitted.append(answer["task_id"])
    raise AssertionError("the database found space on a full disk")


def fill_and_empty(site: Site, disk: SmallDisk, gate: Path) -> None:
    site.wait_for_workers(1)
    before = site.worker_states()
    task_id = site.submit("produces", path=str(gate), letters=LETTERS)
    site.wait_until_begun(task_id)

    submit_until_refused(site, disk)
    status, problem = site.refused("/api/functions/measures/", large())
    assert (status, problem["code"]) == (503, "database_unavailable")
    gate.touch()
    wait_until(lambda: site.executions(task_id)[0].ended_at, seconds=SECONDS, what="it ends meanwhile")
    wait_until(
        lambda: "outcomes wait for the database" in site.log.read_text(),
        seconds=SECONDS,
        what=f"its outcome is held\n{site.tail()}",
    )

    disk.empty()
    for _ in range(5):
        site.submit_when_accepted()
    site.audit()
    assert len(site.task(task_id)["result"]) == LETTERS
    assert site.worker_states() == before


def test_a_full_disk_under_sqlite_holds_what_ends_and_loses_nothing(
    disk: SmallDisk, start_site: StartSite, tmp_path: Path
) -> None:
    site = start_site(DATABASE_URL=f"sqlite:///{disk.path}/taskdeck.sqlite3", **PATIENT)
    fill_and_empty(site, disk, tmp_path / "gate")
    told = site.log.read_text()
    assert "database or disk is full" in told or "disk I/O error" in told


@pytest.fixture
def url_on_disk(disk: SmallDisk, postgresql: PostgreSQL) -> Iterator[str]:
    """A database of PostgreSQL whose files lie on the disk; the server's log of writes does not."""
    with postgresql.tablespace(disk.path / "postgresql") as space:
        url = postgresql.fresh_database(tablespace=space)
        yield url
        postgresql.drop(url)


@pytest.mark.long
def test_a_full_disk_under_postgresql_holds_what_ends_and_loses_nothing(
    disk: SmallDisk, url_on_disk: str, redis_server: Redis, start_site: StartSite, tmp_path: Path
) -> None:
    site = start_site(DATABASE_URL=url_on_disk, REDIS_URL=redis_server.url, **PATIENT)
    fill_and_empty(site, disk, tmp_path / "gate")
    assert "No space left on device" in site.log.read_text()

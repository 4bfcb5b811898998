"""Every protocol test runs on each supported database, unless it names one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import databases, history
from tests.support.databases import Database


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return databases.migrated_file(tmp_path_factory.mktemp("template"))


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> Database:
    return _recorded(databases.copy_of(sqlite_template, tmp_path))


@pytest.fixture
def postgres(database_url: str) -> Database:
    return _recorded(Database("postgresql", database_url))


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """Migrated, empty, with a history."""
    found: Database = request.getfixturevalue(request.param)
    return found


def _recorded(database: Database) -> Database:
    with database.session() as session:
        history.install(session)
    return database

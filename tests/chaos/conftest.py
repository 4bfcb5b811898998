"""Sites that are judged at their end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.site import Site

StartSite = Callable[..., Site]


@pytest.fixture
def start_site(tmp_path: Path) -> Iterator[StartSite]:
    """Start a site, ready and recorded; the rules of the row are judged when the test is over."""
    started: list[Site] = []

    def start(**settings: str) -> Site:
        site = Site(tmp_path, **settings)
        started.append(site)
        site.wait_until_ready()
        return site

    yield start
    faults = [fault for site in started for fault in site.judged()]
    for site in started:
        site.end()
    assert faults == []

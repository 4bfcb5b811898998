"""What a short run is compared with: each ratio with the newest kept results that have it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import kept as kept_results
from benchmarks import pages
from benchmarks.headline import LINES, headline
from benchmarks.report import Report
from benchmarks.workload import Found

MACHINE = {"cores": 2, "cpu": "Somebody's"}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ratio of one workload was kept again later, without the other's."""
    monkeypatch.setattr(kept_results, "RESULTS", tmp_path)
    keep(tmp_path, "2026-01-09", drain=10.0, cpu=100.0)
    keep(tmp_path, "2026-01-10", drain=4.0)
    keep(tmp_path, "2026-01-08", drain=99.0, cpu=1.0)
    return tmp_path


def keep(folder: Path, day: str, **ratios: float) -> None:
    facts = {"at": f"{day}T00:00:00+00:00", "commit": f"of {day}", "ratios": ratios, "machine": MACHINE}
    (folder / f"{day}-of.json").write_text(json.dumps(facts))


def found(**ratios: float) -> Report:
    one = Report("command", 1, commit="now")
    one.ended("drains", 1.0, Found(facts={}, ratios=ratios, lines=[], ceilings={"cpu": 90.0}))
    return one


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("ratios", "fallen"),
    [
        ({"drain": 3.5, "cpu": 117.0}, set()),
        ({"drain": 3.3, "cpu": 117.0}, {"drain"}),
        ({"drain": 3.5, "cpu": 119.0}, {"cpu"}),
        ({"drain": 4.0, "new": 0.0}, set()),
    ],
)
def test_a_ratio_that_fell_by_more_than_its_share_is_named(
    ratios: dict[str, float], fallen: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert found(**ratios).compare() == bool(fallen)
    told = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in told if line.endswith("FELL")} == fallen


@pytest.mark.usefixtures("kept")
def test_each_ratio_is_compared_with_the_newest_results_that_have_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found(drain=4.0, cpu=100.0).compare()
    drain, cpu, *_ = capsys.readouterr().out.splitlines()
    assert "of 2026-01-10" in drain
    assert "of 2026-01-09" in cpu


def test_a_run_with_nothing_to_compare_with_does_not_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_results, "RESULTS", tmp_path)
    assert found(drain=4.0).compare() == 1


def test_the_page_has_the_newest_results_of_each_workload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_results, "RESULTS", tmp_path)
    for day, what, tables in (
        ("2026-01-08", "make bench", {"idle": ["old idle"], "drains": ["drain", "rows"], "mixed": ["mixed"]}),
        ("2026-01-09", "idle again", {"idle": ["new idle"]}),
    ):
        facts = {"at": day, "what": what, "rounds": 3, "loads": [0.5, 2.0], "errors": {}, "tables": tables}
        facts["machine"] = MACHINE
        (tmp_path / f"{day}-of.json").write_text(json.dumps(facts))
    page = kept_results.tables(("drains", "idle", "mixed", "growth"))
    assert [part for part in page.split("\n\n") if "`" not in part] == ["drain\nrows", "mixed", "new idle"]
    assert page.startswith("`make bench`, medians of 3 alternating rounds, load 0.5 to 2.0, raw results in ")
    assert page.index("2026-01-08-of.json") < page.index("`idle again`") < page.index("2026-01-09-of.json")


@pytest.mark.parametrize("name", pages.NAMES)
def test_a_page_tells_the_results_that_are_kept(name: str) -> None:
    page = (pages.ROOT / name).read_text()
    assert page == pages.written(page, pages.PARTS[name]()), "python -m benchmarks.pages writes it anew"


def test_the_readme_says_which_aim_is_missed() -> None:
    kept = kept_results.last_kept()
    rows = headline().splitlines()[2 : 2 + len(LINES)]
    for line, row in zip(LINES, rows, strict=True):
        found = kept[line.ratio]
        assert (found.floor is None) == ("≥" not in row)
        assert (found.ceiling is None) == ("≤" not in row)
        assert (found.is_below or found.is_above) == ("missed" in row)

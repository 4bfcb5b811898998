"""The page of holes and invariants names tests: they exist, and none of those for holes is left out."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / "docs" / "explanation" / "protocol" / "holes.md"
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
ROW = re.compile(r"^\| (H?\d+) \|.*$", re.M)


def defined(path: Path) -> set[str]:
    return set(re.findall(r"^(?:async )?def (test_\w+)\(", path.read_text(), re.M))


def test_every_hole_and_every_invariant_has_a_test_that_exists() -> None:
    rows = {row[1]: NAMED.findall(row[0]) for row in ROW.finditer(PAGE.read_text())}
    assert list(rows) == [*(f"H{n}" for n in range(1, 27)), *(str(n) for n in range(1, 31))]
    for number, named in rows.items():
        assert named, f"{number} names no test"
        missing = [f"{path}::{name}" for path, name in named if name not in defined(TESTS / path)]
        assert missing == [], number


def test_every_test_of_a_hole_stands_in_the_page() -> None:
    text = PAGE.read_text()
    listed = {name for _, name in NAMED.findall(text)}
    files = [*(TESTS / "protocol").glob("test_holes_*.py"), TESTS / "integration" / "test_holes_reads.py"]
    left_out = {name for path in files for name in defined(path)} - listed
    by_file = {"test_a_reap_is_several_statements_of_one_transaction"}  # the page names the file as a whole
    model = {"test_with_the_rule_the_same_faults_are_safe_and_every_task_ends"}  # the second half of its pair
    assert left_out == by_file | model


def test_every_case_of_the_model_stands_in_the_page() -> None:
    cases = re.findall(
        r'^        name="(.*)",$', (TESTS / "protocol" / "test_holes_model.py").read_text(), re.M
    )
    assert len(cases) == 17
    text = PAGE.read_text()
    assert [case for case in cases if case not in text] == []

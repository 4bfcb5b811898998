"""The generated parts of README.md and docs/explanation/performance.md, made of the kept results.

``python -m benchmarks.pages`` writes them anew, for results that came by another way than a run here.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.headline import headline
from benchmarks.kept import tables
from benchmarks.services import ROOT
from benchmarks.workload import WORKLOADS

BEGIN, END = "<!-- benchmark table -->", "<!-- end of the benchmark table -->"
PARTS: dict[str, Callable[[], str]] = {
    "README.md": headline,
    "docs/explanation/performance.md": lambda: tables(WORKLOADS),
}
NAMES = tuple(PARTS)


def written(page: str, part: str) -> str:
    """The text of a page with this part between its two marks. Raises ValueError where they are missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"a page needs the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{part}\n{END}{after}"


def write() -> None:
    for name, part in PARTS.items():
        path = ROOT / name
        path.write_text(written(path.read_text(), part()))


if __name__ == "__main__":
    write()

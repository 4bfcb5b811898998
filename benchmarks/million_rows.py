"""A million tasks in PostgreSQL: what each page of the console costs the server, cold and warm.

``python -m benchmarks.million_rows`` fills a private server, asks the REST API in this process, and exits 1
when an answer takes longer than CEILING_MS or looks at more rows than it may, a count differs from SQL's own,
or a statement of a task's life reads the whole table. Cold is the first answer of a server that was started
anew; warm is the median of WARM further ones. ``--rows`` fills it with more, ``--explain`` prints the plans,
``--write-plans`` keeps them in the docs, ``--write-answers`` what the answers and the table took.
``--kept DIRECTORY`` fills a server once and asks it again in later runs; with ``--fill-only`` nothing is
asked yet.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks import full_table, plans
from benchmarks.filled_table import client_of_the_api, fill, filled, in_process
from benchmarks.report import commit_now, machine
from benchmarks.services import Services, services

ROWS = 1_000_000
WARM = 7
CEILING_MS = 100.0


@dataclass(frozen=True, slots=True)
class Answer:
    page: str
    path: str
    cold_ms: float
    warm_ms: float

    @property
    def slowest_ms(self) -> float:
        return max(self.cold_ms, self.warm_ms)


def pages(session: Any) -> dict[str, str]:
    """What a page asks, by what a reader would call it."""

    def end(order: str) -> str:
        return str(session.rows(f"SELECT id::text FROM taskdeck_task ORDER BY id {order} LIMIT 1", {})[0][0])

    newest, oldest = (int(end(order).replace("-", "")[:12], 16) for order in ("DESC", "ASC"))

    def id_at(share: float) -> str:
        """Of the task that is older than this share of all; ids begin with their time in milliseconds."""
        at = UUID(hex=f"{newest - round(share * (newest - oldest)):012x}" + "f" * 20)
        query = "SELECT id::text FROM taskdeck_task WHERE id <= %(at)s::uuid ORDER BY id DESC LIMIT 1"
        return str(session.rows(query, {"at": str(at)})[0][0])

    return {
        "list": "/api/tasks/",
        "list, 200 rows": "/api/tasks/?limit=200",
        "deep page, half way": f"/api/tasks/?cursor={id_at(0.5)}",
        "deep page, the end": f"/api/tasks/?cursor={id_at(0.9999)}",
        "failed": "/api/tasks/?state=failed",
        "failed, deep": f"/api/tasks/?state=failed&cursor={id_at(0.7)}",
        "running": "/api/tasks/?state=running",
        "waiting": "/api/tasks/?state=queued",
        "two states": "/api/tasks/?state=failed&state=cancelled",
        "one function": "/api/tasks/?function=count_primes",
        "a function that ran long ago": "/api/tasks/?function=mandelbrot",
        "a queue that nobody uses": "/api/tasks/?queue=rare",
        "a worker that is gone": "/api/tasks/?worker=old",
        "failed of one function": "/api/tasks/?state=failed&function=count_primes",
        "text in arguments, found": "/api/tasks/?search=c4ca",
        "text in arguments, not there": "/api/tasks/?search=nowhere",
        "counts": "/api/tasks/counts/",
        "counts of one function": "/api/tasks/counts/?function=count_primes",
        "counts of a text": "/api/tasks/counts/?search=c4ca",
        "recent tasks of each function": "/api/tasks/recent/",
        "one task": f"/api/tasks/{id_at(0.3)}/",
        "overview": "/api/overview/",
        "charts, 7 days": "/api/trends/?range=7d",
        "totals by function": "/api/trends/totals/?by=function",
        "queues": "/api/queues/",
        "workers": "/api/workers/",
    }


def ask(client: Any, path: str) -> float:
    """Milliseconds of one answer."""
    started = time.perf_counter()
    response = client.get(path)
    spent = (time.perf_counter() - started) * 1000
    if response.status_code != 200:
        raise SystemExit(f"{path}: {response.status_code} {response.content[:300]!r}")
    return spent


def check_counts(client: Any, session: Any) -> None:
    shown = client.get("/api/tasks/counts/").json()
    exact = dict(session.rows("SELECT state, count(*) FROM taskdeck_task GROUP BY state", {}))
    for state, number in exact.items():
        if shown["counts"][state] != min(number, shown["cap"]):
            raise SystemExit(f"{state}: {shown['counts'][state]} counted, {number} are there")


def measure() -> Iterator[Answer]:
    client, session = client_of_the_api()
    check_counts(client, session)
    for page, path in pages(session).items():
        warm = [ask(client, path) for _ in range(WARM)]
        yield Answer(page, path, 0.0, round(statistics.median(warm), 1))


def first_answers() -> dict[str, float]:
    """Of a server that was started anew; the process itself is warm by then."""
    client, session = client_of_the_api()
    client.get("/api/functions/")
    asked = pages(session)
    return {page: round(ask(client, path), 1) for page, path in asked.items()}


def explain(_rows: int) -> None:
    client, session = client_of_the_api()
    for page, path in pages(session).items():
        print(f"\n== {page}: {path}")
        for sql, plan in plans.plans_of(client, path):
            print(sql[:400], *plan, sep="\n  ")


def sections(_rows: int) -> None:
    """What the docs keep."""
    client, session = client_of_the_api()
    asked = pages(session)
    for page, path in asked.items():
        found = plans.plans_of(client, path)
        if page in plans.SHOWN:
            print(plans.section(page, path, found))


def table(rows: int) -> None:
    """Its size, then the statements of a task's life: they change some rows."""
    _, session = client_of_the_api()
    print(*full_table.sizes(session, rows), *full_table.hot_path(session), sep="\n")


PRINTED = {"fill": fill, "explain": explain, "sections": sections, "table": table}
"""The steps that print for people, or nothing."""


@dataclass(frozen=True, slots=True)
class Asked:
    answers: list[Answer]
    plans: str
    """Those the docs keep."""
    table: str


def told() -> str:
    found = machine(())
    return (
        f"Written at commit {commit_now()} on {found['cores']} cores ({found['cpu']}), PostgreSQL package "
        f"{found['servers']['postgresql']}, load {os.getloadavg()[0]:.1f}; times are of this loaded machine."
    )


def written(asked: Asked) -> str:
    """For the docs."""
    lines = [f"| {one.page} | {one.cold_ms:.1f} | {one.warm_ms:.1f} |" for one in asked.answers]
    return "\n".join(
        ["| answer, ms | cold | warm |", "|---|---|---|", *lines, "", "```", asked.table, "```", ""]
    )


def million_rows(servers: Services, rows: int, *, kept: Path | None, explained: bool) -> Asked:
    with filled(servers, rows, kept) as env:
        if explained:
            print(in_process(env, "explain", rows))
        sections = in_process(env, "sections", rows)
        warm = [Answer(**one) for one in json.loads(in_process(env, "measure", rows))]
        servers.postgresql.stop()
        servers.postgresql.start()
        cold = json.loads(in_process(env, "cold", rows))
        answers = [Answer(one.page, one.path, cold[one.page], one.warm_ms) for one in warm]
        return Asked(answers, sections, in_process(env, "table", rows).strip())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--explain", action="store_true")
    parser.add_argument("--write-plans", action="store_true", help="into docs/explanation")
    parser.add_argument("--write-answers", action="store_true", help="likewise; on a quiet machine")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument(
        "--kept", type=Path, metavar="DIRECTORY", help="of a server that later runs use again"
    )
    parser.add_argument("--fill-only", action="store_true", help="ask nothing yet; needs --kept")
    parser.add_argument("--step", choices=[*PRINTED, "measure", "cold"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if (given.write_plans or given.write_answers) and given.rows not in plans.PAGES:
        parser.error(f"the docs keep those of {' or '.join(map(str, plans.PAGES))} rows")
    if given.step in PRINTED:
        PRINTED[given.step](given.rows)
    elif given.step == "measure":
        print(json.dumps([asdict(one) for one in measure()]))
    elif given.step == "cold":
        print(json.dumps(first_answers()))
    elif given.fill_only:
        if given.kept is None:
            parser.error("--fill-only needs --kept")
        with services(given.kept) as servers, filled(servers, given.rows, given.kept):
            print(f"{given.kept} holds {given.rows} rows")
    else:
        with services(given.kept) as servers:
            asked = million_rows(servers, given.rows, kept=given.kept, explained=given.explain)
        print(asked.table)
        for one in asked.answers:
            figures = f"cold {one.cold_ms:7.1f} ms  warm {one.warm_ms:7.1f} ms"
            print(f"{one.page:32} {figures}{'  ABOVE' if one.slowest_ms > CEILING_MS else ''}")
        print(f"load {os.getloadavg()[0]:.1f}")
        if given.write_answers:
            plans.write(given.rows, "answers", written(asked), told=told())
        if given.write_plans:
            plans.write(given.rows, "plans", asked.plans, told=told())
        return int(any(one.slowest_ms > CEILING_MS for one in asked.answers))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""One task function for each kind of result."""

from __future__ import annotations

from typing import Any

from tasks_app.compat import task
from tasks_app.examples.tasks import mandelbrot
from tasks_app.media import Markdown, Media


@task()
def gives_json() -> dict[str, Any]:
    return {"shop": {"name": "Elm", "open": True}}


@task()
def gives_table() -> list[dict[str, Any]]:
    return [{"word": "elm", "count": 3}, {"word": "oak", "count": None}]


@task(takes_context=True)
def gives_picture(context: Any) -> Media:
    picture: Media = mandelbrot.func(context, width=32, iterations=10)
    return picture


@task()
def gives_file() -> Media:
    return Media(b"word,count\nelm,3\n", "text/csv", "words.csv")


@task()
def gives_archive() -> Media:
    return Media(b"PK\x05\x06" + bytes(18), "application/zip", "nothing.zip")


@task()
def gives_markdown() -> Markdown:
    return Markdown("# Trees\n\n- **Elm**\n- Oak\n\n<script>alert(1)</script>")


@task()
def gives_text() -> str:
    return "# no heading"


@task()
def gives_nothing() -> None: ...

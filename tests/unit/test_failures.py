"""What is kept of an error: where it was raised, and what it says."""

from __future__ import annotations

import json
import re

import msgpack

from tasks_app.failures import MESSAGE_LIMIT, failure_body, place_of


def error_of(text: str) -> ValueError:
    try:
        json.loads(text)
    except ValueError as error:
        return error
    raise AssertionError(f"{text} can be parsed")


def test_the_place_is_the_innermost_line_of_ones_own_code() -> None:
    place = place_of(error_of("no json"))
    assert re.fullmatch(rf"{re.escape(__name__)}:\d+ in error_of", place), place


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert place_of(ValueError("made, not raised")) == ""


def test_where_no_line_is_ones_own_the_innermost_of_all_is_told() -> None:
    error = error_of("no json")
    assert error.__traceback__ is not None
    error.__traceback__ = error.__traceback__.tb_next
    assert place_of(error).startswith("json.")


class Speechless(ValueError):
    def __str__(self) -> str:
        raise AttributeError("there is no message")


def test_an_error_without_a_text_is_kept_under_its_own_name() -> None:
    told = msgpack.unpackb(failure_body(Speechless(), run_seconds=0.0, delay_seconds=2.0))
    assert told["error"] == "Speechless: (its text cannot be told: AttributeError)"
    assert (told["error_class"], told["delay_seconds"]) == (f"{__name__}.Speechless", 2.0)


def test_of_a_message_without_end_the_beginning_is_kept() -> None:
    told = msgpack.unpackb(failure_body(ValueError("x" * 10_000_000), run_seconds=0.0))
    assert told["message"] == "x" * MESSAGE_LIMIT
    assert len(told["error"]) <= 500


def test_an_error_that_python_cannot_print_is_told_all_the_same() -> None:
    """traceback raises where the text of a SyntaxError is bytes."""
    body = msgpack.unpackb(failure_body(SyntaxError("odd", ("page", 1, 1, b"{%")), run_seconds=0.0))
    assert body["error"] == "SyntaxError: odd (page, line 1)"
    assert body["traceback"] == "(its traceback cannot be told: TypeError)"


def test_no_part_of_an_error_holds_what_no_database_stores() -> None:
    odd = type("Odd", (ValueError,), {"__module__": "a\0b"})
    body = msgpack.unpackb(failure_body(odd("a\0b"), run_seconds=0.0))
    assert not any("\0" in text for text in body.values() if isinstance(text, str))

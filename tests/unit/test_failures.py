"""Where an error was raised, in the words of the overview."""

from __future__ import annotations

import json
import re

from tasks_app.failures import place_of


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

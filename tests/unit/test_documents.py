from __future__ import annotations

import pytest

from tasks_app.documents import check_document, load_json
from tasks_app.errors import BodyTooLarge, InvalidDocument


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"number": "\\u0000"}', "number"),
        (b'{"number": "\\ud800"}', "number"),
        (b'{"number": 1e400}', "number"),
        (b'{"number": 9007199254740993}', "number"),
        (b'{"a": {"b": [1, "\\u0000"]}}', "a.b.1"),
        (b'{"number": NaN}', "body"),
        (b"[" * 100_000, "body"),
        (b"{not json", "body"),
        (b"\xff", "body"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_field(body: bytes, field: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        load_json(body)
    assert caught.value.field == field


@pytest.mark.parametrize("depth", [33, 500, 5_000, 200_000])
def test_deep_nesting_is_refused_however_deep_it_is(depth: int) -> None:
    """Beyond some depth the parser itself gives up, and then the whole body is named."""
    with pytest.raises(InvalidDocument, match="deeper than 32") as caught:
        load_json(b'{"number": ' + b"[" * depth + b"]" * depth + b"}")
    assert caught.value.field in ("number", "body")


def test_nesting_within_the_bound_passes() -> None:
    assert load_json(b'{"number": ' + b"[" * 32 + b"]" * 32 + b"}")


def test_brackets_in_strings_do_not_count_as_nesting() -> None:
    assert load_json(b'["' + b"[" * 1000 + b'"]') == ["[" * 1000]


def test_a_large_body_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(BodyTooLarge):
        load_json(b"{" * 11, limit_bytes=10)


def test_the_bounds_themselves_pass() -> None:
    check_document({"a": [2**53, -(2**53), 1.5, None, True, "é"]})


def test_a_key_that_is_no_string_is_named_by_its_type() -> None:
    with pytest.raises(InvalidDocument, match="a key that is no string but of type int") as caught:
        check_document({"by_status": {200: 5}}, field="result")
    assert caught.value.field == "result.by_status"

"""Secrets among arguments: sealed by the schema, masked without it."""

from __future__ import annotations

from typing import Any

import pytest

from tasks_app.sealing import MASK, has_secrets, keep_masked, mask, seal, unseal

SECRET = {"type": "string", "format": "password", "writeOnly": True}
SCHEMA: dict[str, Any] = {
    "$defs": {
        "Login": {
            "properties": {"user": {"type": "string"}, "word": SECRET, "next": {"$ref": "#/$defs/Login"}}
        }
    },
    "properties": {
        "plain": {"type": "string"},
        "word": {"anyOf": [SECRET, {"type": "null"}]},
        "login": {"$ref": "#/$defs/Login"},
        "pair": {"prefixItems": [{"type": "integer"}, SECRET]},
        "all": {"items": SECRET},
        "named": {"additionalProperties": SECRET},
    },
}
DOCUMENT = {
    "plain": "p",
    "word": "s1",
    "login": {"user": "u", "word": "s2", "next": {"user": "v", "word": "s3"}},
    "pair": [1, "s4"],
    "all": ["s5", "s6"],
    "named": {"a": "s7"},
    "unknown": {"word": "not a secret"},
}


def test_what_is_sealed_is_masked_and_comes_back() -> None:
    sealed = seal(DOCUMENT, SCHEMA)
    assert mask(sealed) == {
        "plain": "p",
        "word": MASK,
        "login": {"user": "u", "word": MASK, "next": {"user": "v", "word": MASK}},
        "pair": [1, MASK],
        "all": [MASK, MASK],
        "named": {"a": MASK},
        "unknown": {"word": "not a secret"},
    }
    assert unseal(sealed, SCHEMA) == DOCUMENT


def test_an_absent_secret_is_no_secret() -> None:
    assert seal({"word": None}, SCHEMA) == {"word": None}


def test_an_edited_copy_keeps_the_secrets_it_only_saw_masked() -> None:
    before = seal(DOCUMENT, SCHEMA)
    edited = {**mask(before), "plain": "q", "all": ["new", MASK]}
    kept = unseal(keep_masked(seal(edited, SCHEMA), before), SCHEMA)
    assert kept == {**DOCUMENT, "plain": "q", "all": ["new", "s6"]}


LOGINS = {"items": {"properties": {"word": SECRET}}}
ADA, BOB = {"user": "ada", "word": "s1"}, {"user": "bob", "word": "s2"}


@pytest.mark.parametrize(
    ("edit", "kept"),
    [
        (lambda shown: shown[::-1], [BOB, ADA]),
        (lambda shown: shown[1:], [BOB]),
        (lambda shown: [{"user": "eve", "word": MASK}, shown[1]], [{"user": "eve", "word": MASK}, BOB]),
        (lambda shown: [{"user": "eve", "word": "s3"}, *shown], [{"user": "eve", "word": "s3"}, ADA, BOB]),
    ],
    ids=["moved", "taken out", "renamed", "added"],
)
def test_in_a_list_a_secret_goes_with_its_own_element(edit: Any, kept: Any) -> None:
    before = seal([ADA, BOB], LOGINS)
    edited = edit(mask(before))
    assert unseal(keep_masked(seal(edited, LOGINS), before), LOGINS) == kept


def test_of_secrets_that_were_shown_alike_none_is_guessed() -> None:
    schema = {"items": SECRET}
    before = seal(["s1", "s2"], schema)
    assert unseal(keep_masked(seal([MASK], schema), before), schema) == [MASK]


def test_a_long_list_of_plain_values_is_looked_through_once() -> None:
    """One look at each pair of 100,000 would take hours."""
    numbers = list(range(100_000))
    assert keep_masked(numbers[::-1], numbers) == numbers[::-1]


def test_secrets_are_found_wherever_they_stand() -> None:
    assert has_secrets(SCHEMA)
    assert has_secrets({"properties": {"a": {"anyOf": [{"items": SECRET}]}}})
    assert not has_secrets({"properties": {"a": {"type": "string"}}})

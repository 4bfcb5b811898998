"""The message's shape, and the settings that lead it."""

from __future__ import annotations

import pytest

from tasks_app.conf import Conf, conf_faults
from tasks_app.hosts import FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS, Hosts
from tasks_app.messages import MalformedMessage, decode, encode, fits

TASK_ID = "01a20c86-97dc-75c0-bbd6-1b74873bca8a"


def test_a_message_is_read_as_it_was_written() -> None:
    assert decode(encode(TASK_ID)) == TASK_ID


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"\xff\xfe",
        b"[]",
        b'"x"',
        b"{}",
        b"[" * 100_000,
        b'{"v":1,"id":"%s","more":1}' % TASK_ID.encode(),
        b'{"v":2,"id":"%s"}' % TASK_ID.encode(),
        b'{"v":1,"id":"%s"}' % TASK_ID.upper().encode(),
        b'{"v":1,"id":"%s"}' % TASK_ID[:-1].encode(),
        b'{"v":1,"id":"%s\\n"}' % TASK_ID.encode(),
        b'{"v":1,"id":7}',
    ],
)
def test_anything_else_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode(body)


def test_names_longer_than_amqp_allows_do_not_fit() -> None:
    assert fits("q" * 100, "package.tasks.function")
    assert not fits("é" * 123)
    assert not fits("default", "p" * 256)


def test_several_hosts_are_read_and_a_bad_one_is_told_without_its_password() -> None:
    assert Conf(rabbitmq_url="amqp://a, amqps://b:1/v").rabbitmq_urls == ("amqp://a", "amqps://b:1/v")
    for bad in ("http://u:secret@h/", "amqp://", "amqp://h:0/", "amqp://h:port/", "amqp://u:secret@h:99999/"):
        faults = conf_faults({"RABBITMQ_URL": f"amqp://good,{bad}"})
        assert len(faults) == 1
        assert faults[0].startswith("RABBITMQ_URL must be amqp://")
        assert "secret" not in faults[0]


def test_passwords_are_not_shown_with_the_configuration() -> None:
    assert "secret" not in repr(Conf(rabbitmq_url="amqp://u:secret@h", redis_url="redis://:secret@h"))


def test_hosts_come_in_turn_after_pauses_that_grow_up_to_a_limit() -> None:
    hosts = Hosts(["a", "b", "c"], uniform=lambda low, high: high)
    assert {hosts.next_url() for _ in range(3)} == {"a", "b", "c"}
    pauses = [hosts.pause_seconds() for _ in range(20)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS)
    hosts.worked()
    assert hosts.pause_seconds() == FIRST_PAUSE_SECONDS

"""Frames: what one packet carries, and what the receiver refuses."""

from __future__ import annotations

import array
import os
import socket
from collections.abc import Iterator

import msgpack
import pytest

from worker.channel import (
    BODY_LIMIT_BYTES,
    FDS_PER_FRAME,
    FRAME_LIMIT_BYTES,
    Channel,
    ChannelBroken,
    Row,
    frames,
    pair,
)

Ends = tuple[Channel, Channel]


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = pair()
    yield Channel(ours), Channel(theirs)
    ours.close()
    theirs.close()


def pass_through(ends: Ends, rows: list[Row]) -> list[Row]:
    received: list[Row] = []
    for packet in frames("run", rows):
        assert len(packet.data) <= FRAME_LIMIT_BYTES
        assert len(packet.fds) <= FDS_PER_FRAME
        assert ends[0].send(packet, wait=False)
        frame = ends[1].receive(wait=False)
        assert frame is not None
        assert frame[0] == "run"
        received += frame[1]
    return received


@pytest.mark.parametrize("size", [0, 1, BODY_LIMIT_BYTES, BODY_LIMIT_BYTES + 1, 3_000_000])
def test_a_body_of_any_size_arrives_unchanged(ends: Ends, size: int) -> None:
    rows = [Row(number, "word", os.urandom(size)) for number in range(1, 40)]
    assert pass_through(ends, rows) == rows


def test_no_frame_waits_and_a_closed_end_are_told_apart(ends: Ends) -> None:
    assert ends[1].receive(wait=False) is None
    ends[0].close()
    with pytest.raises(EOFError):
        ends[1].receive(wait=False)


def test_a_full_channel_says_so_and_loses_nothing(ends: Ends) -> None:
    sent = 0
    body = bytes(BODY_LIMIT_BYTES)
    [packet] = frames("run", [Row(1, "", body)])
    while ends[0].send(packet, wait=False):
        sent += 1
    assert sent > 0
    for _ in range(sent):
        assert ends[1].receive(wait=False) == ("run", [Row(1, "", body)])
    assert ends[1].receive(wait=False) is None


def test_a_body_that_is_not_sealed_is_refused(ends: Ends) -> None:
    fd = os.memfd_create("body")
    data = msgpack.packb(["run", [(1, "", 0)]])
    ends[0].end.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
    os.close(fd)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ChannelBroken):
        ends[1].receive(wait=False)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_frame_over_the_limit_is_refused(ends: Ends) -> None:
    ends[0].end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * FRAME_LIMIT_BYTES)
    ends[0].end.sendmsg([bytes(FRAME_LIMIT_BYTES + 1)])
    with pytest.raises(ChannelBroken):
        ends[1].receive(wait=False)

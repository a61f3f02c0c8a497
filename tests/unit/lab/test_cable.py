"""A line that the lab can cut, or whose connections it can end."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from lab.cable import Cable

SOON_S = 5.0


@pytest.fixture
def pbx() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(SOON_S)
        yield listening


@contextlib.contextmanager
def _joined(cable: Cable, pbx: socket.socket) -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_connection(("127.0.0.1", cable.port), SOON_S) as near:
        far, _ = pbx.accept()
        with far:
            far.settimeout(SOON_S)
            near.sendall(b"hello")
            assert far.recv(5) == b"hello"
            yield near, far


def test_a_dropped_connection_ends_for_both_and_the_next_gets_through(pbx: socket.socket) -> None:
    with Cable(pbx.getsockname()[1]) as cable:
        with _joined(cable, pbx) as (near, far):
            cable.drop()
            assert near.recv(1) == far.recv(1) == b""
        with _joined(cable, pbx):
            pass


def test_a_cut_cable_refuses_until_it_is_mended(pbx: socket.socket) -> None:
    with Cable(pbx.getsockname()[1]) as cable:
        with _joined(cable, pbx) as (near, far):
            cable.cut()
            assert near.recv(1) == far.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", cable.port), SOON_S)
        cable.mend()
        with _joined(cable, pbx):
            pass

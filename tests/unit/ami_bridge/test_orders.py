"""Orders wait on disk until their job has ended well."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rq.job import JobStatus
from structlog.testing import capture_logs

from ami_bridge import orders as module
from ami_bridge.orders import Orders
from hushtape import handoff_names as names
from hushtape.errors import Unreachable
from hushtape.recordings.foreign import Order
from tests.samples import START

ID = "20261121-130500-abcdefgh"
ORDER = Order(pbx="town-hall", call=ID, since=START, until=START + timedelta(seconds=2))
NAME = names.destroy_foreign_job_id(ID, ORDER.since.timestamp(), ORDER.until.timestamp())


class Bell:
    """Keeps what was rung for, and says how it goes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rung: list[tuple[str, Order]] = []
        self.status: JobStatus | None = None
        self.away = False
        self.now_s = 0.0
        monkeypatch.setattr(module, "_status", lambda *_: self.status)
        monkeypatch.setattr(module, "_enqueue", lambda _, name, order: self.ring(name, order))

    def ring(self, name: str, order: Order) -> None:
        self.rung.append((name, order))

    def connect(self) -> Any:
        if self.away:
            raise Unreachable("Redis is away")
        return object()


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> Bell:
    return Bell(monkeypatch)


@pytest.fixture
def orders(bell: Bell, tmp_path: Path) -> Orders:
    return Orders(tmp_path / "orders", bell.connect, lambda: bell.now_s)


def test_an_order_is_rung_for_until_it_is_done(bell: Bell, orders: Orders, tmp_path: Path) -> None:
    orders.put(ORDER)
    (path,) = (tmp_path / "orders").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [orders.drain(), orders.drain()] == [1, 1]
    assert bell.rung == [(NAME, ORDER)], "once"
    bell.now_s += 61
    assert orders.drain() == 1
    assert len(bell.rung) == 2, "Redis has lost it"
    bell.status = JobStatus.FINISHED
    assert orders.drain() == 0
    assert list((tmp_path / "orders").iterdir()) == []


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.STARTED, JobStatus.SCHEDULED])
def test_one_that_is_under_way_is_let_be(bell: Bell, orders: Orders, status: JobStatus) -> None:
    bell.status = status
    orders.put(ORDER)
    bell.now_s += 61
    assert orders.drain() == 1
    assert bell.rung == []


def test_one_that_failed_is_rung_for_again(bell: Bell, orders: Orders) -> None:
    bell.status = JobStatus.FAILED
    orders.put(ORDER)
    orders.drain()
    bell.now_s += 61
    orders.drain()
    assert len(bell.rung) == 2


def test_the_next_bridge_finds_it(bell: Bell, orders: Orders, tmp_path: Path) -> None:
    orders.put(ORDER)
    Orders(tmp_path / "orders", bell.connect).drain()
    assert bell.rung == [(NAME, ORDER)]


def test_what_a_killed_bridge_only_intended_is_an_order_to_the_next(
    bell: Bell, orders: Orders, tmp_path: Path
) -> None:
    orders.intend(ORDER)
    assert orders.drain() == 0
    assert bell.rung == [], "nothing is known to be there"
    Orders(tmp_path / "orders", bell.connect).drain()
    assert bell.rung == [(NAME, ORDER)]


def test_what_was_withdrawn_is_none(bell: Bell, orders: Orders, tmp_path: Path) -> None:
    orders.intend(ORDER)
    orders.withdraw(ORDER)
    orders.withdraw(ORDER)
    assert list((tmp_path / "orders").iterdir()) == []
    assert Orders(tmp_path / "orders", bell.connect).drain() == 0


def test_of_two_that_begin_together_both_are_carried_out(bell: Bell, orders: Orders) -> None:
    """As when a payment is looked through once more, by a bridge that was restarted."""
    orders.put(ORDER)
    orders.put(msgspec.structs.replace(ORDER, until=ORDER.until + timedelta(seconds=5)))
    orders.drain()
    assert len({name for name, _ in bell.rung}) == 2


def test_one_that_the_disk_does_not_give_keeps_no_other(
    bell: Bell, orders: Orders, tmp_path: Path
) -> None:
    other = tmp_path / "orders" / "a.json"
    other.mkdir()
    orders.put(ORDER)
    with capture_logs() as logs:
        assert [orders.drain(), orders.drain()] == [2, 2]
    assert bell.rung == [(NAME, ORDER)]
    assert other.exists(), "it waits: the disk may give it later"
    (line,) = logs  # once
    assert (line["event"], line["order"]) == ("alarm", "a")


def test_while_redis_is_away_nothing_is_lost(bell: Bell, orders: Orders) -> None:
    assert orders.drain() == 0
    bell.away = True
    assert orders.drain() == 0, "nothing to ask it"
    orders.put(ORDER)
    with pytest.raises(Unreachable):
        orders.drain()
    bell.away = False
    assert orders.drain() == 1


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"\xff", msgspec.json.encode(ORDER).replace(ID.encode(), b"../../etc")]
)
def test_what_is_no_order_is_put_aside(
    bell: Bell, orders: Orders, tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "orders" / f"{NAME}.json").write_bytes(data)
    assert orders.drain() == 0
    assert bell.rung == []
    assert [each.suffix for each in (tmp_path / "orders").iterdir()] == [".damaged"]

"""Orders to destroy a stranger's recording, with a real Redis."""

from __future__ import annotations

from pathlib import Path

import redis
from rq.job import Job

from ami_bridge.orders import Orders
from hushtape import handoff_names
from tests.integration.conftest import RedisServer
from tests.unit.ami_bridge.test_orders import NAME, ORDER

QUEUE = f"rq:queue:{handoff_names.spool_queue(ORDER.pbx)}"


def test_a_job_that_cant_be_read_keeps_nobodys_order(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    with redis.Redis.from_url(redis_server.url) as connection:
        orders = Orders(tmp_path / "orders", lambda: connection)
        orders.put(ORDER)
        connection.hset(Job.key_for(NAME), mapping={"data": "", "status": "?"})
        assert orders.drain() == 1
        assert connection.lrange(QUEUE, 0, -1) == [NAME.encode()], "rung for all the same"
        assert orders.drain() == 1
        assert connection.llen(QUEUE) == 1, "once"
        connection.hset(Job.key_for(NAME), "status", "finished")
        assert orders.drain() == 0
        assert list((tmp_path / "orders").iterdir()) == []

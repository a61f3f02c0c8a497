"""Orders to destroy what something else recorded during a payment: on disk until they are done.

Redis is only the door-bell, as in the outbox: an order goes when its job has ended well, and it is
rung for again until then.

What something else records is stopped first, and what it was is known only by stopping it. So that
a bridge that is killed in between forgets nothing, the order is *intended* before: its successor
takes what was still intended for an order.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import redis
from rq import Queue, Retry
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from ami_bridge.files import Unusable, clear_parts, write_private
from hushtape import handoff_names as names
from hushtape.alarms import Kind
from hushtape.errors import RecordingError
from hushtape.ids import is_call_id
from hushtape.recordings.foreign import ORDER_LIMIT_BYTES, Order

RING_AGAIN_S = 60.0  # after a job that failed
DONE_TTL_S = 86_400  # for so long a job that ended well can be asked about; it names nobody
MOST_ORDERS = 1000
SUFFIX = ".json"
INTENDED = ".intended"
WHAT = "an order to destroy what something else recorded during a payment"


class Orders:
    """A folder of orders.

    Args:
        folder: made if it isn't there; readable by its owner only.
        connect: gives a connection to Redis, or raises ``Unreachable``.
        clock_s: a monotonic clock, seconds.
    """

    def __init__(
        self,
        folder: Path,
        connect: Callable[[], redis.Redis],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._connect = connect
        self._clock_s = clock_s
        self._connection: redis.Redis | None = None
        self._rung_at_s: dict[str, float] = {}
        self._unusable = Unusable(Kind.FOREIGN, WHAT, "order")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        clear_parts(folder)
        for path in folder.glob(f"*{INTENDED}"):
            path.replace(path.with_suffix(SUFFIX))

    def intend(self, order: Order) -> None:
        """Keep what will be an order unless it is withdrawn. It survives the end of the process;
        with the power, what records is gone, too.

        Raises:
            OSError: the disk is full or not writable.
        """
        write_private(self._path(order, INTENDED), msgspec.json.encode(order), durable=False)

    def withdraw(self, order: Order) -> None:
        """Forget an order that was only intended.

        Raises:
            OSError: the disk is not writable: the next bridge will take it for an order.
        """
        self._path(order, INTENDED).unlink(missing_ok=True)

    def put(self, order: Order) -> None:
        """Keep an order. When this returns it survives a crash and a power cut.

        Raises:
            OSError: the disk is full or not writable.
        """
        write_private(self._path(order, SUFFIX), msgspec.json.encode(order), durable=True)

    def _path(self, order: Order, suffix: str) -> Path:
        times_s = (order.since.timestamp(), order.until.timestamp())
        return self._folder / f"{names.destroy_foreign_job_id(order.call, *times_s)}{suffix}"

    def drain(self) -> int:
        """Forget the orders that are carried out, and ring for the rest; return how many that is.

        Raises:
            Unreachable, redis.RedisError: Redis is away; nothing is lost, call again later.
            OSError: the folder can't be read.
        """
        waiting = sorted(self._folder.glob(f"*{SUFFIX}"))[:MOST_ORDERS]
        if waiting and self._connection is None:
            self._connection = self._connect()
        return sum(
            self._ring(self._connection, path) for path in waiting if self._connection is not None
        )

    def _ring(self, connection: redis.Redis, path: Path) -> bool:
        """Ring for one; False: it is done, or none."""
        try:
            order = _read(path)
        except FileNotFoundError:
            return False  # somebody took it away this moment
        except OSError as error:  # one that the disk doesn't give must not keep the others
            self._unusable.tell(path, f"can't be read, and waits: {error.strerror}")
            return True
        except RecordingError as error:
            self._unusable.tell_damaged(path, error)
            return False
        status = _status(connection, path.stem)
        if status is JobStatus.FINISHED:
            path.unlink(missing_ok=True)
            self._rung_at_s.pop(path.stem, None)
            return False
        rung_at_s = self._rung_at_s.get(path.stem)
        due = rung_at_s is None or self._clock_s() - rung_at_s >= RING_AGAIN_S
        if due and status in (None, JobStatus.FAILED):
            self._rung_at_s[path.stem] = self._clock_s()
            _enqueue(connection, path.stem, order)
        return True


def _read(path: Path) -> Order:
    """Read an order.

    Raises:
        OSError: the disk doesn't give it.
        RecordingError: it is none.
    """
    with path.open("rb") as stream:
        data = stream.read(ORDER_LIMIT_BYTES)
    try:
        order = msgspec.json.decode(data, type=Order)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecordingError(str(error)) from None
    if not is_call_id(order.call):
        raise RecordingError("it names no call")
    return order


def _status(connection: redis.Redis, job_id: str) -> JobStatus | None:
    """How far RQ is with a job; None: it has none, or one that can't be read."""
    said: Any = connection.hget(Job.key_for(job_id), "status")
    try:
        return JobStatus((said or b"").decode())
    except ValueError:
        return None


def _enqueue(connection: redis.Redis, job_id: str, order: Order) -> None:
    queue = Queue(names.spool_queue(order.pbx), connection=connection, serializer=JSONSerializer)
    queue.enqueue(
        names.DESTROY_FOREIGN_JOB,
        msgspec.json.encode(order).decode(),
        job_id=job_id,
        description=f"a stranger's recording in {order.call}",
        retry=Retry(max=names.ARCHIVE_RETRIES_MAX),
        result_ttl=DONE_TTL_S,
        failure_ttl=names.FAILURE_TTL_S,
    )

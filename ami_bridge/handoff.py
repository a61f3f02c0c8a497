"""The outbox: finished recordings wait here, on disk, until the workers have taken them.

``put`` is durable before it returns. ``drain`` rings for what waits: one JSON job for each
recording, in the queue of the PBX's spool. Redis is only the door-bell: a recording leaves the
outbox when a worker has said that it holds the hand-off on its own disk, never because a job was
accepted. Until then it is rung for again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import redis
from rq import Queue, Retry
from rq.serializers import JSONSerializer

from ami_bridge.files import Unusable, clear_parts, write_private
from hushtape import handoff_names as names
from hushtape import metrics
from hushtape.alarms import Kind
from hushtape.errors import RecordingError, TooBig
from hushtape.ids import is_call_id
from hushtape.recordings.manifest import HANDOFF_LIMIT_BYTES, Handoff

RING_AGAIN_S = 60.0  # a worker that runs takes a hand-off within a second or two of its turn
MOST_AT_A_TIME = 500  # recordings in one question to Redis
SUFFIX = ".json"


class Outbox:
    """A folder of hand-offs.

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
        self._unusable = Unusable(Kind.RECORDING, "a hand-off in the outbox", "call")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        clear_parts(folder)

    def put(self, handoff: Handoff) -> None:
        """Keep a hand-off. When this returns it survives a crash and a power cut.

        Raises:
            OSError: the disk is full or not writable.
            TooBig: the call has more of a story than any real one.
        """
        data = msgspec.json.encode(handoff)
        if len(data) > HANDOFF_LIMIT_BYTES:
            raise TooBig(f"call {handoff.id}: a hand-off of {len(data)} bytes")
        write_private(self._path(handoff.id), data, durable=True)

    def waiting(self) -> list[str]:
        """Name the recordings that the workers have not taken yet, oldest first."""
        return sorted(path.stem for path in self._folder.glob(f"*{SUFFIX}"))

    def read(self, recording_id: str) -> Handoff:
        """Read one that waits.

        Raises:
            FileNotFoundError: it doesn't, any more.
            OSError: the disk doesn't give it.
            RecordingError: it is no hand-off.
        """
        return self._read(recording_id)[0]

    def drain(self) -> int:
        """Forget what the workers have taken, and ring for the rest.

        Returns:
            How many recordings still wait.

        Raises:
            Unreachable, redis.RedisError: Redis is away; nothing is lost, call again later.
        """
        waiting = self.waiting()
        metrics.outbox_waiting(len(waiting))
        if not waiting:
            return 0
        if self._connection is None:
            self._connection = self._connect()
        left = 0
        for start in range(0, len(waiting), MOST_AT_A_TIME):
            left += self._drain_some(self._connection, waiting[start : start + MOST_AT_A_TIME])
        metrics.outbox_waiting(left)
        return left

    def _drain_some(self, connection: redis.Redis, waiting: list[str]) -> int:
        pipeline = connection.pipeline(transaction=False)
        for recording_id in waiting:
            pipeline.get(names.taken_key(recording_id))
        left = 0
        for recording_id, taken in zip(waiting, pipeline.execute(), strict=True):
            # What a worker adopted meanwhile is no reason to forget: an opt-out may stand in here.
            if taken not in (None, names.TAKEN_ADOPTED):
                self._path(recording_id).unlink(missing_ok=True)
                self._rung_at_s.pop(recording_id, None)
                continue
            left += 1
            rung_at_s = self._rung_at_s.get(recording_id)
            if rung_at_s is None or self._clock_s() - rung_at_s >= RING_AGAIN_S:
                self._ring(connection, recording_id)
        return left

    def _ring(self, connection: redis.Redis, recording_id: str) -> None:
        path = self._path(recording_id)
        try:
            handoff, text = self._read(recording_id)
        except RecordingError as error:
            self._unusable.tell_damaged(path, error)
            return
        except FileNotFoundError:
            return  # somebody took it away this moment
        except OSError as error:  # one that the disk doesn't give must not keep the others
            self._unusable.tell(path, f"can't be read, and waits there: {error.strerror}")
            return
        queue = Queue(
            names.spool_queue(handoff.call.pbx), connection=connection, serializer=JSONSerializer
        )
        if queue.get_job_position(names.archive_job_id(recording_id)) is None:
            queue.enqueue(
                names.ARCHIVE_JOB,
                text,
                job_id=names.archive_job_id(recording_id),
                description=names.archive_description(recording_id),
                retry=Retry(max=names.ARCHIVE_RETRIES_MAX),
                result_ttl=names.RESULT_TTL_S,
                failure_ttl=names.FAILURE_TTL_S,
            )
        self._rung_at_s[recording_id] = self._clock_s()

    def _path(self, recording_id: str) -> Path:
        return self._folder / f"{recording_id}{SUFFIX}"

    def _read(self, recording_id: str) -> tuple[Handoff, str]:
        with self._path(recording_id).open("rb") as stream:
            data = stream.read(HANDOFF_LIMIT_BYTES + 1)
        try:
            handoff = msgspec.json.decode(data, type=Handoff)
            text = data.decode()
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise RecordingError(str(error)) from None
        if handoff.id != recording_id or not is_call_id(handoff.id):
            raise RecordingError("it names another call")
        return handoff, text

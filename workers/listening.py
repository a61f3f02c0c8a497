"""Whether anybody works on a queue. RQ's workers sign on, and are forgotten if they fall silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rq import Queue
from rq.worker_registration import get_keys

from hushtape.alarms import Kind, raise_alarm
from workers.log import log

UNHEARD_S = 60.0  # a worker that is started again takes a few seconds
SAY_AGAIN_S = 3600.0


def workers_on(queue: Queue) -> int:
    """How many workers listen to a queue, or have done so in the last minute and a half."""
    keys = sorted(get_keys(queue=queue, connection=queue.connection))
    with queue.connection.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.exists(key)
        return sum(bool(each) for each in pipe.execute())


@dataclass
class Listening:
    """Says once, and then every hour, that nobody works on a queue."""

    _silent_since_s: dict[str, float] = field(default_factory=dict)
    _said_at_s: dict[str, float] = field(default_factory=dict)

    def look(self, queues: Sequence[Queue], now_s: float) -> None:
        """Look at each queue.

        Args:
            now_s: a monotonic clock.

        Raises:
            redis.RedisError: Redis is away.
        """
        for queue in queues:
            name = queue.name
            if workers_on(queue):
                self._silent_since_s.pop(name, None)
                if self._said_at_s.pop(name, None) is not None:
                    log.info("somebody works on it again", queue=name)
                continue
            if now_s - self._silent_since_s.setdefault(name, now_s) < UNHEARD_S:
                continue
            said_at_s = self._said_at_s.get(name)
            if said_at_s is None or now_s - said_at_s >= SAY_AGAIN_S:
                self._said_at_s[name] = now_s
                raise_alarm(Kind.QUEUE, f"no worker serves the queue {name}", queue=name)

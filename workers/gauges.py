"""The workers' numbers, read from Redis whenever somebody fetches them.

RQ's workers fork for each job and count nothing that would last: what is told here is what the
catalogue, the ledger and the queues say. Served by the scheduler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import redis

from hushtape import handoff_names, metrics
from hushtape.config import Config
from hushtape.errors import HushtapeError
from hushtape.metrics import Metric
from hushtape.recordings.catalogue import Catalogue
from hushtape.recordings.findings import Findings
from hushtape.recordings.ledger import Ledger, State
from workers import assure, disk
from workers.listening import workers_on
from workers.runtime import queue

if TYPE_CHECKING:
    from prometheus_client.core import Metric as Family

STALE_AFTER = timedelta(minutes=2)  # what a machine said that is away by now

REDIS_UP = Metric(
    name="hushtape_redis_up", kind="gauge", help="1: Redis answers; 0: nothing else is told"
)
RECORDINGS = Metric(name="hushtape_recordings", kind="gauge", help="recordings in the catalogue")
ARCHIVED = Metric(
    name="hushtape_recordings_archived_total",
    kind="counter",
    help="recordings archived since Redis was last empty",
)
CATALOGUE_COMPLETE = Metric(
    name="hushtape_catalogue_complete",
    kind="gauge",
    help="0: the catalogue is being rebuilt, and nothing is deleted",
)
NOT_ARCHIVED = Metric(
    name="hushtape_recordings_in_trouble",
    kind="gauge",
    help="recordings that could not be archived yet, and are tried again",
)
EXPECTED = Metric(
    name="hushtape_expected",
    kind="gauge",
    help="calls of which a recording is to come: live, or handed-off",
    labels=("state",),
)
FINDINGS = Metric(
    name="hushtape_findings",
    kind="gauge",
    help="recordings that are missing or not whole, and at which nobody has looked",
    labels=("kind",),
)
ASSURED = Metric(
    name="hushtape_assured_timestamp_seconds",
    kind="gauge",
    help="when it was last looked whether all is there that should be, seconds since 1970",
)
QUEUE_LENGTH = Metric(
    name="hushtape_queue_length", kind="gauge", help="jobs that wait", labels=("queue",)
)
QUEUE_WORKERS = Metric(
    name="hushtape_queue_workers",
    kind="gauge",
    help="worker processes that listen",
    labels=("queue",),
)
SPOOL_WAITING = Metric(
    name="hushtape_spool_waiting",
    kind="gauge",
    help="recordings in a spool that a worker has taken and not archived",
    labels=("pbx",),
)
SPOOL_OLDEST = Metric(
    name="hushtape_spool_oldest_seconds",
    kind="gauge",
    help="how long the oldest call's recording has been waiting in a spool",
    labels=("pbx",),
)
DISK_FREE = Metric(
    name="hushtape_disk_free_bytes",
    kind="gauge",
    help="room on a disk: data, archive, spool-NAME",
    labels=("machine", "place"),
)
DISK_SIZE = Metric(
    name="hushtape_disk_size_bytes",
    kind="gauge",
    help="the size of a disk",
    labels=("machine", "place"),
)
DELETIONS_DUE = Metric(
    name="hushtape_deletions_due", kind="gauge", help="recordings to be deleted at the next sweep"
)
DELETIONS_OVERDUE = Metric(
    name="hushtape_deletions_overdue",
    kind="gauge",
    help="recordings, not held, that should have been deleted an hour ago",
)
WORKERS = (
    REDIS_UP,
    RECORDINGS,
    ARCHIVED,
    CATALOGUE_COMPLETE,
    NOT_ARCHIVED,
    EXPECTED,
    FINDINGS,
    ASSURED,
    QUEUE_LENGTH,
    QUEUE_WORKERS,
    SPOOL_WAITING,
    SPOOL_OLDEST,
    DISK_FREE,
    DISK_SIZE,
    DELETIONS_DUE,
    DELETIONS_OVERDUE,
)

Sample = tuple[Metric, tuple[str, ...], float]


class Gauges:
    """A collector for Prometheus over one Redis.

    Args:
        connect: gives a connection to Redis, or raises ``Unreachable``.
    """

    def __init__(
        self,
        config: Config,
        connect: Callable[[], redis.Redis],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._config = config
        self._connect = connect
        self._clock = clock
        self._redis: redis.Redis | None = None

    def collect(self) -> Iterator[Family]:
        """Give each metric with all its values; of a Redis that is away only that."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        kinds: dict[str, Any] = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}
        families: dict[str, Any] = {}
        for metric, labels, value in self._samples():
            if metric.name not in families:
                families[metric.name] = kinds[metric.kind](
                    metric.name, metric.help, labels=metric.labels
                )
            families[metric.name].add_metric(labels, value)
        yield from families.values()

    def _samples(self) -> list[Sample]:
        try:
            self._redis = self._redis or self._connect()
            return [(REDIS_UP, (), 1.0), *self._of(self._redis)]
        except (HushtapeError, redis.exceptions.RedisError, OSError):
            self._redis = None
            return [(REDIS_UP, (), 0.0)]

    def _of(self, client: redis.Redis) -> Iterator[Sample]:
        now = self._clock()
        catalogue = Catalogue(client)
        yield RECORDINGS, (), catalogue.count()
        yield ARCHIVED, (), _number(client.get(assure.ARCHIVED))
        yield CATALOGUE_COMPLETE, (), catalogue.is_complete()
        yield NOT_ARCHIVED, (), catalogue.count_troubles()
        yield DELETIONS_DUE, (), catalogue.count_due(now)
        yield DELETIONS_OVERDUE, (), _number(client.get(assure.OVERDUE))
        yield ASSURED, (), _number(client.get(assure.ASSURED))
        states = [each.state for each in Ledger(client).all().values()]
        for state in State:
            yield EXPECTED, (state.value,), states.count(state)
        for kind, count in Findings(client).open_counts().items():
            yield FINDINGS, (kind,), count
        for name in queue_names(self._config):
            each = queue(name, client)
            yield QUEUE_LENGTH, (name,), len(each)
            yield QUEUE_WORKERS, (name,), workers_on(each)
        yield from self._seen(client, now)

    def _seen(self, client: Any, now: datetime) -> Iterator[Sample]:
        """What the workers' machines saw, as far as it is fresh."""
        for name, spool in _decoded(client.hgetall(disk.SPOOLS), disk.SpoolSeen):
            if name in self._config.pbx and now - spool.at < STALE_AFTER:
                yield SPOOL_WAITING, (name,), spool.waiting
                yield SPOOL_OLDEST, (name,), spool.oldest_s
        for name, seen in _decoded(client.hgetall(disk.DISKS), disk.DiskSeen)[: metrics.LABELS_MAX]:
            machine, _, place = name.partition(" ")
            if now - seen.at < STALE_AFTER and metrics.LABEL.fullmatch(name):
                yield DISK_FREE, (machine, place), seen.free_bytes
                yield DISK_SIZE, (machine, place), seen.size_bytes


def queue_names(config: Config) -> Sequence[str]:
    """Every queue that somebody must work on."""
    return (handoff_names.UPKEEP_QUEUE, *(handoff_names.spool_queue(pbx) for pbx in config.pbx))


def start(config: Config, connect: Callable[[], redis.Redis]) -> Any:
    """Serve these numbers if a port is configured.

    Returns:
        The server, for ``metrics.stop``; None: there is none.
    """
    if not config.metrics.workers_port:
        return None
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry()
    registry.register(Gauges(config, connect))  # type: ignore[arg-type]
    return metrics.serve(config.metrics.listen, config.metrics.workers_port, registry)


def _decoded(answer: dict[bytes, bytes], kind: Any) -> list[tuple[str, Any]]:
    """What others wrote, by its name; what can't be read is passed over."""
    found = []
    for name, value in sorted(answer.items()):
        try:
            found.append((name.decode(), msgspec.json.decode(value, type=kind)))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
    return found


def _number(value: Any) -> float:
    try:
        return float(value or 0)
    except ValueError:
        return 0.0

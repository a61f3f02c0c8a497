"""Numbers about the running programs, for Prometheus. Off unless a port is configured.

What is told here costs nothing while it is off. No names, no numbers of people; a label is one of
few words, and what is none becomes "other".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from hushtape.alarms import Kind, raise_alarm

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,63}")
LABELS_MAX = 64  # different words under one label
OTHER = "other"
COMMAND_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric: what it is called, what it counts."""

    name: str  # as it is fetched; a histogram's without _bucket, _sum and _count
    kind: str  # "counter", "gauge" or "histogram"
    help: str
    labels: tuple[str, ...] = ()


LINK_UP = Metric(
    name="hushtape_link_up", kind="gauge", help="1: the link to the PBX is up", labels=("pbx",)
)
LIVE_CALLS = Metric(
    name="hushtape_live_calls", kind="gauge", help="live calls under a policy", labels=("pbx",)
)
RECORDERS = Metric(
    name="hushtape_recorders",
    kind="gauge",
    help="recorders of live calls by what is known of them: running, stuck, …",
    labels=("pbx", "state"),
)
NOT_RECORDED = Metric(
    name="hushtape_calls_not_recorded_total",
    kind="counter",
    help="calls of which nothing is recorded from their beginning, by reason",
    labels=("reason",),
)
COMMANDS = Metric(
    name="hushtape_commands_total",
    kind="counter",
    help="commands to a PBX by how they ended",
    labels=("command", "outcome"),
)
COMMAND_SECONDS = Metric(
    name="hushtape_command_seconds",
    kind="histogram",
    help="from a command until its effect was seen, or given up on",
    labels=("command",),
)
ALARMS = Metric(
    name="hushtape_alarms_total",
    kind="counter",
    help="log lines `alarm` of this program",
    labels=("kind",),
)
API_REQUESTS = Metric(
    name="hushtape_api_requests_total",
    kind="counter",
    help="requests of agents' desktops by how they were answered",
    labels=("asked", "status"),
)
OUTBOX_WAITING = Metric(
    name="hushtape_outbox_waiting", kind="gauge", help="recordings that no worker has taken yet"
)
PAYMENTS_BEGUN = Metric(
    name="hushtape_payments_begun_total",
    kind="counter",
    help="payments by how they began; one that begins in two ways counts for both",
    labels=("way",),
)
PAYMENTS_ENDED = Metric(
    name="hushtape_payments_ended_total",
    kind="counter",
    help="payments by what ended them",
    labels=("by",),
)
SILENCE_SECONDS = Metric(
    name="hushtape_silence_seconds",
    kind="histogram",
    help="from a payment's cause until every recorder of the call was shown to be gone",
    labels=("way",),
)
SILENCE_UNCONFIRMED = Metric(
    name="hushtape_silence_unconfirmed_total",
    kind="counter",
    help="payments of which it wasn't sure in time that nothing records them",
    labels=("way",),
)
FOREIGN_RECORDERS = Metric(
    name="hushtape_foreign_recorders_total",
    kind="counter",
    help="recorders of somebody else that were stopped in a payment",
)
GUARD_ANSWERS = Metric(
    name="hushtape_guard_answers_total",
    kind="counter",
    help="questions of dialplans before a payment, by the answer, and why it was no",
    labels=("answer", "reason"),
)
BRIDGE = (
    LINK_UP,
    LIVE_CALLS,
    RECORDERS,
    NOT_RECORDED,
    COMMANDS,
    COMMAND_SECONDS,
    ALARMS,
    API_REQUESTS,
    OUTBOX_WAITING,
    PAYMENTS_BEGUN,
    PAYMENTS_ENDED,
    SILENCE_SECONDS,
    SILENCE_UNCONFIRMED,
    FOREIGN_RECORDERS,
    GUARD_ANSWERS,
)


class Told:
    """The numbers that a program is told of while it runs."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        # Here: it takes longer to import than most commands run.
        from prometheus_client import (
            CollectorRegistry,
            Counter,
            Gauge,
            Histogram,
            disable_created_metrics,
        )

        disable_created_metrics()
        kinds: dict[str, Any] = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}
        self.registry = CollectorRegistry()
        self._by_name: dict[str, Any] = {}
        self._words: dict[str, set[str]] = {}
        for each in metrics:
            more = {"buckets": COMMAND_BUCKETS_S} if each.kind == "histogram" else {}
            self._by_name[each.name] = kinds[each.kind](
                each.name, each.help, each.labels, registry=self.registry, **more
            )

    def of(self, metric: Metric, *labels: str) -> Any:
        """One metric under its labels, each of which is one of few words."""
        found = self._by_name[metric.name]
        if not labels:
            return found
        bounded = [
            self._bounded(f"{metric.name} {name}", value)
            for name, value in zip(metric.labels, labels, strict=True)
        ]
        return found.labels(*bounded)

    def _bounded(self, name: str, value: str) -> str:
        words = self._words.setdefault(name, set())
        if value not in words:
            if not LABEL.fullmatch(value) or len(words) >= LABELS_MAX:
                return OTHER
            words.add(value)
        return value


_told: Told | None = None


def start_bridge(listen: str, port: int) -> Any:
    """Serve what the bridge is told of; 0: nothing is served, and telling costs nothing.

    A port that can't be had is an alarm, and no reason not to record.

    Returns:
        The server, to be shut down; None: there is none.
    """
    global _told  # whoever has something to tell finds it here
    _told = Told(BRIDGE) if port else None
    if _told is not None:
        for kind in Kind:  # from the start: of a row that begins with 1 nobody sees the increase
            _told.of(ALARMS, kind.value)
    return serve(listen, port, _told.registry) if _told else None


def serve(listen: str, port: int, registry: Any) -> Any:
    """Serve a registry on a thread of its own.

    Returns:
        The server, to be shut down; None: the port can't be had, which is an alarm.
    """
    from prometheus_client import start_http_server

    try:
        server, _thread = start_http_server(port, listen, registry)
    except OSError as error:
        why = error.strerror or str(error)
        raise_alarm(Kind.PROGRAM, f"metrics can't be served at {listen}:{port}: {why}")
        return None
    log.info("metrics are served", listen=listen, port=port)
    return server


def stop(server: Any) -> None:
    """End what ``serve`` or ``start_bridge`` has started."""
    global _told
    _told = None
    if server is not None:
        server.shutdown()
        server.server_close()


def alarm(kind: Kind) -> None:
    """An alarm was logged; ``hushtape.logs`` tells of each by itself."""
    if _told is not None:
        _told.of(ALARMS, kind.value).inc()


def api_request(asked: str, status: int) -> None:
    """A desktop's request was answered.

    Args:
        asked: "begin payment", "end payment" or "look".
        status: of HTTP.
    """
    if _told is not None:
        _told.of(API_REQUESTS, asked, str(status)).inc()


def not_recorded(reason: str) -> None:
    """A call isn't recorded.

    Args:
        reason: one of few words: "no policy", "ambiguous", "out of hours".
    """
    if _told is not None:
        _told.of(NOT_RECORDED, reason).inc()


def command(name: str, seconds: float, outcome: str) -> None:
    """A command to a PBX has ended.

    Args:
        name: the command's class: "StartRecorder".
        seconds: until its effect was seen, or given up on.
        outcome: the class of the fact that came of it: "RecorderStarted"; "done" without one.
    """
    if _told is not None:
        _told.of(COMMANDS, name, outcome).inc()
        _told.of(COMMAND_SECONDS, name).observe(seconds)


def link(pbx: str, is_up: bool) -> None:
    """The link to a PBX is up, or isn't."""
    if _told is not None:
        _told.of(LINK_UP, pbx).set(is_up)


def live(pbx: str, calls: int, recorders: Mapping[str, int]) -> None:
    """How many live calls a PBX has.

    Args:
        recorders: how many recorders are in each state; name those that are empty, too.
    """
    if _told is not None:
        _told.of(LIVE_CALLS, pbx).set(calls)
        for state, count in recorders.items():
            _told.of(RECORDERS, pbx, state).set(count)


def outbox_waiting(count: int) -> None:
    """So many recordings wait in the outbox."""
    if _told is not None:
        _told.of(OUTBOX_WAITING).set(count)


def payment_began(way: str) -> None:
    """A payment has begun, in one of its ways."""
    if _told is not None:
        _told.of(PAYMENTS_BEGUN, way).inc()


def payment_ended(by: str) -> None:
    """A payment is over.

    Args:
        by: the way in which that was told; "hang-up", "time", "opt-out" or "another place".
    """
    if _told is not None:
        _told.of(PAYMENTS_ENDED, by).inc()


def silence(way: str, seconds: float) -> None:
    """Every recorder of a call in payment was shown to be gone, so long after the cause."""
    if _told is not None:
        _told.of(SILENCE_SECONDS, way).observe(seconds)


def silence_unconfirmed(way: str) -> None:
    """It isn't sure in time that nothing records a payment."""
    if _told is not None:
        _told.of(SILENCE_UNCONFIRMED, way).inc()


def foreign_recorder() -> None:
    """Somebody else's recorder was found in a payment."""
    if _told is not None:
        _told.of(FOREIGN_RECORDERS).inc()


def guard_answered(why_not: str) -> None:
    """A dialplan's question was answered.

    Args:
        why_not: one of few words; "" for a yes.
    """
    if _told is not None:
        _told.of(GUARD_ANSWERS, "no" if why_not else "yes", why_not or "silent").inc()

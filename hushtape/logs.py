"""Log lines: one event each, for people or, on request, as JSON. Nothing personal in them."""

from __future__ import annotations

import logging
import sys

import structlog

from hushtape import alarms, metrics
from hushtape.printable import printable, write_traceback


def configure(program: str, as_json: bool = False, verbose: bool = False) -> None:
    """Set up logging for one program, to standard error.

    Args:
        program: "bridge", "worker" or "scheduler"; stands in every line.
        as_json: one JSON object a line, for a log collector.
        verbose: debug lines too.
    """
    level = logging.DEBUG if verbose else logging.INFO
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(program),
        _pass_on_alarms,
    ]
    # Plain tracebacks: the pretty ones show local variables, and so names and numbers.
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        else [
            _in_one_line,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=write_traceback
            ),
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("asyncio", "panoramisk", "rq"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )


def _pass_on_alarms(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    if event.get("event") == alarms.ALARM:
        event["kind"] = alarms.kind_of(event).value
        metrics.alarm(alarms.kind_of(event))
        alarms.told(event)
    return event


def _in_one_line(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """JSON escapes by itself; what isn't a text is written as its ``repr``, which escapes, too."""
    return {k: printable(value) if isinstance(value, str) else value for k, value in event.items()}


def _named(program: str) -> structlog.typing.Processor:
    def add(
        _logger: object, _method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        event["program"] = program
        return event

    return add

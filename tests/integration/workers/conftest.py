"""A spool and an archive over a Redis of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.workers.worker_house import House, make_house
from workers import runtime


@pytest.fixture
def house(tmp_path: Path, redis_server: object) -> Iterator[House]:
    made = make_house(tmp_path, redis_server.url)  # type: ignore[attr-defined]
    made.archive.prepare()
    runtime.use(runtime.Context(made.config, clock=lambda: made.now))
    try:
        yield made
    finally:
        made.end()
        runtime.use(None)
